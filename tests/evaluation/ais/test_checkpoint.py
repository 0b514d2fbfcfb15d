"""A killed evaluation continues with the same result, to the bit; files of others are refused."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from time_bounds import LONGEST

from adversarial.evaluation.ais import annealing, checkpoint, likelihood
from adversarial.evaluation.ais.likelihood import Settings, ais_log_likelihood

sys.path.insert(0, __file__.rpartition("/")[0])
import exact  # noqa: E402

SETTINGS = Settings(chains=2, steps=10, leapfrog_steps=1)


class Killed(BaseException):
    """As SIGKILL: nothing is saved after it."""


@pytest.fixture
def evaluate(monkeypatch):
    """evaluate(state=..., settings=...) of a fixed model and data, in two batches."""
    generator, weights, bias = exact.linear(2, 3)
    x = (np.random.RandomState(0).randn(9, 2) @ weights + bias).astype("float32")
    monkeypatch.setattr(likelihood, "MAX_ROWS", 3 * likelihood.SCALE_CHAINS)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)

    def evaluate(state=None, settings=SETTINGS, examples=4, x=x):
        options = dict(examples=examples, simulated=4, valid_examples=3, sigmas=[0.2, 0.5, 1.0])
        return ais_log_likelihood(generator, x, x, settings=settings, state=state, **options)

    return evaluate


def killing(monkeypatch, moves):
    """The process is killed after so many transitions from now."""
    left = [moves]
    advance = annealing.Chains.advance

    def counted(self, *args):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return advance(self, *args)

    monkeypatch.setattr(annealing.Chains, "advance", counted)
    return lambda: monkeypatch.setattr(annealing.Chains, "advance", advance)


def same(ours, theirs):
    assert dataclasses.astuple(ours)[0] == dataclasses.astuple(theirs)[0]
    assert np.array_equal(ours.log_likelihoods, theirs.log_likelihoods)
    for name in ("sigma", "mean", "tried", "lower", "upper", "gap", "acceptance"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("moves", [0, 4, 20, 60])
def test_a_killed_evaluation_continues(evaluate, tmp_path, monkeypatch, fast_compile, moves):
    path = tmp_path / "state.npz"
    expected = evaluate()
    unpatch = killing(monkeypatch, moves)
    with pytest.raises(Killed):
        evaluate(path)
    unpatch()
    # Killed again, and after that once more, before it ends.
    unpatch = killing(monkeypatch, 5)
    with pytest.raises(Killed):
        evaluate(path)
    unpatch()
    same(evaluate(path), expected)
    # All is in the file: no transition is made again.
    killing(monkeypatch, 0)
    same(evaluate(path), expected)


WHOLE = """\
import sys
import numpy as np
sys.path.insert(0, {tests!r})
import exact
from adversarial.evaluation.ais import checkpoint
from adversarial.evaluation.ais.likelihood import Settings, ais_log_likelihood

checkpoint.INTERVAL = 0.0
generator, weights, bias = exact.linear(2, 3)
x = (np.random.RandomState(0).randn(9, 2) @ weights + bias).astype("float32")
state = sys.argv[1] if len(sys.argv) > 1 else None
found = ais_log_likelihood(
    generator, x, x, examples=4, simulated=4, valid_examples=3, sigmas=[0.2, 0.5], state=state,
    settings=Settings(chains=2, steps={steps}, leapfrog_steps=1),
)
print(found.log_likelihoods.tolist(), found.sigma, found.gap)
"""


def test_sigkill_on_the_c_engine(tmp_path):
    """The process of the C engine is killed in the middle; the next one prints the same result."""
    path = tmp_path / "state.npz"
    program = WHOLE.format(tests=__file__.rpartition("/")[0], steps=150)
    command = [sys.executable, "-c", program]
    process = subprocess.Popen([*command, str(path)], stdout=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST
    while not (path.exists() and any("current" in name for name in np.load(path).files)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.communicate()[0] == b"" and process.returncode == -signal.SIGKILL
    resumed, whole = (
        subprocess.run(each, check=True, capture_output=True, timeout=LONGEST, text=True).stdout
        for each in ([*command, str(path)], command)
    )
    assert resumed == whole and whole.startswith("[")


@pytest.mark.parametrize(
    "other",
    [
        dict(settings=dataclasses.replace(SETTINGS, steps=11)),
        dict(settings=dataclasses.replace(SETTINGS, seed=1)),
        dict(examples=3),
        dict(x=np.ones((9, 3), "float32")),
    ],
)
def test_the_state_of_another_evaluation_is_refused(evaluate, tmp_path, fast_compile, other):
    path = tmp_path / "state.npz"
    evaluate(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="state.npz is not the state of this evaluation"):
        evaluate(path, **other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"a table\n", b"PK\x03\x04 damaged"])
def test_another_file_is_refused_and_kept(evaluate, tmp_path, fast_compile, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"(?s)mine.npz.*Name another file for the state"):
        evaluate(path)
    assert path.read_bytes() == content


def test_a_file_of_other_arrays_is_refused(evaluate, tmp_path, fast_compile):
    np.savez(tmp_path / "data.npz", X=np.zeros(3))
    with pytest.raises(ValueError, match="data.npz holds something else than the state of an eval"):
        evaluate(tmp_path / "data.npz")


def test_a_missing_folder_is_named_before_anything_is_computed(evaluate, tmp_path, fast_compile):
    with pytest.raises(OSError, match="nowhere"):
        evaluate(tmp_path / "nowhere" / "state.npz")
