"""The training data of all implementations: the real data set, loaded by this project."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.experiments import ROOT, Experiment

_LOAD = {
    "mnist": "from adversarial.datasets.mnist import MNIST; X = MNIST('train', stop=50000).X",
    "cifar10": "from adversarial.datasets.cifar10 import CIFAR10; "
    "X = CIFAR10('train', stop=40000, gcn=55.0).X",
}
# Not 1, with which Python ends after an error.
_MISSING = 3
_FIND_CIFAR10 = (
    "import sys; from adversarial.datasets import data_path as d; "
    "found = d.find_in_data_path('cifar10/cifar-10-batches-py') "
    "or (d.cache_dir() / 'cifar10/cifar-10-batches-py').exists(); "
    f"sys.exit(0 if found else {_MISSING})"
)


def prepare(experiment: Experiment, folder: Path) -> tuple[Path, str, dict[str, str]]:
    """Write the training set to an .npy file in `folder`, float32 of shape (examples, pixels).

    Returns the file, a description of the data, and the environment variables with which this
    project's classes find the same data. A missing MNIST is downloaded; a missing CIFAR-10, which
    is large, is replaced by random pixels.
    """
    environment = dict(os.environ)
    words = f"real {experiment.dataset}"
    if experiment.dataset == "cifar10" and not _has_cifar10(environment):
        _write_noise(folder / "cifar10" / "cifar-10-batches-py")
        environment["PYLEARN2_DATA_PATH"] = str(folder)
        words = "uniform random pixels, since there is no CIFAR-10 in PYLEARN2_DATA_PATH"
    path = folder / "X.npy"
    code = f"{_LOAD[experiment.dataset]}; import numpy; numpy.save({str(path)!r}, X)"
    if _python(code, environment) != 0:
        sys.exit(f"the data set {experiment.dataset} could not be loaded")
    return path, words, environment


def _has_cifar10(environment: dict[str, str]) -> bool:
    status = _python(_FIND_CIFAR10, environment)
    if status not in (0, _MISSING):
        sys.exit("could not look for CIFAR-10")
    return status == 0


def _python(code: str, environment: dict[str, str]) -> int:
    # In another process, so that the parent imports no numerical library.
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment).returncode


def _write_noise(folder: Path) -> None:
    """Write files in CIFAR-10's format with random pixels and labels."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        content = {
            b"data": rng.integers(0, 256, (10000, 3072), dtype=np.uint8),
            b"labels": rng.integers(0, 10, 10000).tolist(),
        }
        with open(folder / name, "wb") as file:
            pickle.dump(content, file, protocol=3)
