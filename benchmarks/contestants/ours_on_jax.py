"""This project's step on the JAX engine, driven by its own training loop."""

from __future__ import annotations

from adversarial import backend
from benchmarks.contestants import ours
from benchmarks.experiments import Experiment


def run(experiment: Experiment, data: str, cpus: int) -> None:
    backend.choose("jax")
    ours.run(experiment, data, cpus)
