"""This project's step on the JAX engine, driven by its own training loop."""

from __future__ import annotations

from adversarial import backend
from benchmarks.experiments import Experiment
from benchmarks.implementations import jax_jit, ours


def run(experiment: Experiment, data: str, cpus: int) -> None:
    backend.choose("jax")
    ours.run(experiment, data, cpus, jax_jit.gpu_bytes)
