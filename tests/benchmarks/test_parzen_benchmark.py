"""benchmarks/parzen.py compares the same computation."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import parzen  # noqa: E402


@pytest.fixture
def points(tmp_path) -> str:
    rng = np.random.RandomState(0)
    path = str(tmp_path / "points.npz")
    arrays = {
        name: rng.uniform(size=(n, 9)).astype("float32")
        for name, n in (("samples", 60), ("valid", 7), ("test", 8))
    }
    np.savez(path, **arrays)
    return path


def test_both_score_the_same_points(points, capsys):
    pytest.importorskip("sklearn")
    ours = parzen.time_ours(points, repeats=2, subset=5)
    theirs = parzen.time_sklearn(points, subset=5)
    assert ours["logs"].shape == theirs["logs"].shape == (len(parzen.SIGMAS), 5)
    np.testing.assert_allclose(ours["logs"], theirs["logs"], atol=parzen.TOLERANCE)
    assert theirs["a_point"] > 0 and ours["seconds"] > 0
    parzen.report({**ours, "seconds": 2.0}, {**theirs, "build": 1.0, "a_point": 0.01}, 1.0, 5)
    said = capsys.readouterr().out
    # 10 sigmas x 1,000 points and 10,000 more, at 10 ms each, plus building the tree.
    assert "201 s, EXTRAPOLATED" in said
    assert "100 times faster" in said
    assert ", within" in said


def test_disagreement_is_reported(capsys):
    logs = np.zeros((len(parzen.SIGMAS), 3))
    score = parzen_score()
    ours = {"seconds": 1.0, "peak": 1.0, "score": score, "logs": logs}
    theirs = {"build": 0.0, "a_point": 1.0, "peak": 1.0, "logs": logs + 0.01}
    parzen.report(ours, theirs, 1.0, 3)
    assert "NOT WITHIN" in capsys.readouterr().out


def parzen_score():
    from adversarial.evaluation.parzen import ParzenScore

    return ParzenScore(sigma=0.2, mean=1.0, standard_error=0.1, n=3)
