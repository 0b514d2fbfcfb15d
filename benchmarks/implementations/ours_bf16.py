"""This project's step on the C engine with `--precision bf16`."""

from __future__ import annotations

from adversarial import backend
from benchmarks.experiments import Experiment
from benchmarks.implementations import ours
from benchmarks.interleaved import Unavailable


def run(experiment: Experiment, data: str, cpus: int) -> None:
    try:
        backend.choose("c", precision="bf16")
    except ValueError as error:
        raise Unavailable(str(error).partition("\n")[0]) from None
    ours.run(experiment, data, cpus)
