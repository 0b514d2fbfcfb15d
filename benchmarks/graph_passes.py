#!/usr/bin/env python
"""Show what each graph rewrite does to the training step of an experiment.

    python benchmarks/graph_passes.py yaml/mnist.yaml

Prints one row for each pass (of Aesara's and of this package's) that changes the graph: the number
of operations afterwards, and which kinds of operation were added or removed. The table in
adversarial/backend/README.md is its output.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from typing import Any

from adversarial import backend
from adversarial.backend.rewrites import without_unwanted
from adversarial.config.yaml_parse import load_path

# isort: split
from aesara.graph.basic import Constant, graph_inputs
from aesara.graph.fg import FunctionGraph
from aesara.tensor.elemwise import Elemwise
from aesara.tensor.rewriting.shape import ShapeFeature

# The name under which `SGD` compiles its step.
STEP = "sgd_update"


class _Step(Exception):
    """Carries the arguments with which `SGD` wanted to compile its step."""


def step_of(path: str) -> list:
    """The training step of the YAML file `path`: its outputs and its updates' new values."""
    train = load_path(path)
    compiled = backend.function

    def intercept(*arguments: Any, **named: Any) -> Any:
        if named.get("name") == STEP:
            raise _Step([*arguments[1].values(), *named["updates"].values()])
        return compiled(*arguments, **named)

    backend.function = intercept
    try:
        train.algorithm.setup(train.model, train.dataset)
    except _Step as found:
        return found.args[0]
    finally:
        backend.function = compiled
    raise ValueError(f"{path} compiles no function named {STEP}")


def kinds(fgraph: FunctionGraph) -> Counter:
    """How many operations of each kind the graph has."""
    return Counter(
        type(node.op.scalar_op if isinstance(node.op, Elemwise) else node.op).__name__
        for node in fgraph.apply_nodes
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="YAML file of an experiment")
    outputs = step_of(parser.parse_args().config)
    inputs = [v for v in graph_inputs(outputs) if not isinstance(v, Constant)]
    # The graph is never run, so no array needs protection from in-place operations.
    warnings.filterwarnings("ignore", message="A Supervisor feature is missing")
    fgraph = FunctionGraph(inputs, outputs, clone=True, features=[ShapeFeature()])
    passes = without_unwanted(None).optimizer
    for rewriter in passes:
        rewriter.add_requirements(fgraph)
    print(f"{'as the cost writes it':34} {len(fgraph.apply_nodes):4}")
    for rewriter in passes:
        before = kinds(fgraph)
        rewriter.apply(fgraph)
        after = kinds(fgraph)
        if after != before:
            changes = [
                f"{kind} {before[kind]} -> {after[kind]}"
                for kind in sorted(before | after)
                if before[kind] != after[kind]
            ]
            name = getattr(rewriter, "name", None) or type(rewriter).__name__
            print(
                f"{name:34} {sum(after.values()):4}  {', '.join(changes[:6])}"
                + (f" and {len(changes) - 6} kinds more" if len(changes) > 6 else "")
            )


if __name__ == "__main__":
    main()
