"""benchmarks/gpu.sh, rehearsed on the CPU: it measures, goes on after an interruption, and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from time_bounds import LONGEST

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import gpu  # noqa: E402


def rehearsal(folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    small = f"{ROOT / 'tests' / 'small_scale'}{os.pathsep}{ROOT}"
    return subprocess.run(
        ["bash", str(ROOT / "benchmarks/gpu.sh"), "--rehearse", str(folder)],
        env={**os.environ, "PATH": path, "PYTHONPATH": small, "MOST_EPOCHS": "4"},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )


@pytest.mark.slow
def test_a_rehearsal(tmp_path):
    pytest.importorskip("jax", reason="JAX is not installed")
    done = rehearsal(tmp_path)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "gpu.md").read_text()
    assert report.startswith("### On a GPU\n") and "Missing" not in report
    assert "a rehearsal on the CPU" in report
    assert "products in float32" in report and "products in tf32" in report
    assert "An epoch of mnist: " in report
    assert report.count("| epoch | fid_pixels |") == 1 and "\n| 2 | " in report
    pictures = sorted(path.name for path in (tmp_path / "training").glob("epoch_*.png"))
    assert pictures == ["epoch_1.png", "epoch_2.png"]
    # As after an interruption in the last part: what is there is not made again.
    (tmp_path / "parts/training.md").unlink()
    (tmp_path / "training/metrics_2.csv").unlink()
    again = rehearsal(tmp_path)
    assert again.returncode == 0, again.stderr
    assert "step.py" not in again.stderr and "--max-epochs 1 " not in again.stderr
    assert "scripts.evaluate" in again.stderr
    assert (tmp_path / "gpu.md").read_text() == report


@pytest.mark.parametrize(
    "values, over",
    [
        ([], False),
        ([5.0, 4.0], False),
        ([5.0, 4.0, 4.0, 4.0], True),  # two without a better one
        ([5.0, 4.0, 3.99, 3.99], True),  # no better than by chance
        ([5.0, 4.0, 4.0, 3.0], False),
    ],
)
def test_a_training_ends_when_its_metrics_do_not_get_better(values, over):
    tables = [{"fid_pixels": value, "recall": 1.0} for value in values]
    assert gpu.is_over(tables, 2) == over


def test_one_metric_that_gets_better_is_enough():
    tables = [{"fid_pixels": 5.0, "kid_pixels": value} for value in (3.0, 2.0, 1.0)]
    assert not gpu.is_over(tables, 2)


def test_a_part_that_fails_is_named_and_tried_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(gpu, "epochs", lambda *_: "epochs\n")
    monkeypatch.setattr(gpu, "training", lambda *_: "training\n")

    def steps(folder, sizes, model, precision):
        calls.append(precision)
        if precision == "tf32" and len(calls) < 3:
            raise subprocess.CalledProcessError(1, "step.py")
        return f"steps in {precision}\n"

    monkeypatch.setattr(gpu, "steps", steps)
    assert gpu.main([str(tmp_path), "--rehearse"]) == 1
    assert "Missing: steps_mnist_tf32" in (tmp_path / "gpu.md").read_text()
    assert gpu.main([str(tmp_path), "--rehearse"]) == 0
    assert calls == ["float32", "tf32", "tf32"]
    assert "steps in tf32" in (tmp_path / "gpu.md").read_text()
