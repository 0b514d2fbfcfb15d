"""Compares what another tool computes with the model itself; the export command does, each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adversarial import backend
from adversarial.export.program import Program, length_for

Runner = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


def example_inputs(program: Program, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs for a check: noise from its distribution, classes in turn, data uniform in [0, 1)."""
    rng = np.random.default_rng(seed)
    found = {}
    for declared in program.inputs:
        shape = [length_for(length, batch) for length in declared.shape]
        if declared.noise is not None:
            found[declared.name] = declared.draw(batch, rng)
        elif declared.name == "classes":
            found[declared.name] = np.eye(shape[1], dtype=declared.dtype)[
                np.arange(batch) % shape[1]
            ]
        else:
            found[declared.name] = rng.random(shape).astype(declared.dtype)
    return found


def difference(program: Program, run: Runner, batches: Sequence[int] = (1, 2, 10)) -> float:
    """The greatest difference between `run` and the model, relative where outputs exceed 1.

    Parameters
    ----------
    program : Program
    run : callable
        From inputs by name to outputs by name, as `Program.run`; computes what another tool makes
        of the program.
    batches : list of int
        Numbers of examples, drawn by `example_inputs`. Several, since the translation takes what is
        equal for its two example batches for a constant; another size shows that it is none.

    Examples
    --------
    >>> from adversarial.export import generator_program
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> program = generator_program(generator)
    >>> difference(program, program.run) < 1e-6
    True
    """
    compute = backend.function(*program.graph)
    greatest = 0.0
    for batch in batches:
        inputs = example_inputs(program, batch)
        found = run(inputs)
        for output, value in zip(program.outputs, compute(*inputs.values())):
            wanted = np.asarray(value, "float64")
            got = np.asarray(found[output.name], "float64")
            if got.shape != wanted.shape:
                raise ValueError(f"{output.name} has the shape {got.shape}, not {wanted.shape}")
            gaps = np.abs(got - wanted) / np.maximum(1, np.abs(wanted))
            # NaN on both sides is no difference; on one side it is one.
            gaps = np.where(np.isnan(got) & np.isnan(wanted), 0, gaps)
            greatest = max(greatest, float(np.nan_to_num(gaps, nan=np.inf).max(initial=0)))
    return greatest
