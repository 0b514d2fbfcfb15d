"""Parts of pages that are docstrings of modules, and the kinds of nodes in a model file."""

from __future__ import annotations

import collections
import importlib
import inspect
import json
from array import array

import docstrings
import numpy as np

from adversarial import backend
from adversarial.modelfile.encode import Encoder
from adversarial.models.mlp import Linear


def module(name: str) -> str:
    """The docstring of a module.

    Raises
    ------
    LookupError
        For a module without one.
    """
    text = inspect.getdoc(importlib.import_module(name))
    if not text:
        raise LookupError(f"{name} has no docstring")
    return docstrings.markdown(text)


def functions(names: str) -> str:
    """Functions and classes of the package, a section for each, by their full names."""
    parts = []
    for name in names.split():
        home, _, short = name.rpartition(".")
        target = getattr(importlib.import_module(home), short)
        signature = "" if isinstance(target, type) else str(_plain(inspect.signature(target)))
        parts.append(
            f"({name})=\n### {short}\n\n```text\n{name}{signature}\n```\n\n"
            + docstrings.describe(target, {})
        )
    return "\n\n".join(parts)


def _plain(signature: inspect.Signature) -> inspect.Signature:
    """Without annotations: the text below has the types."""
    empty = inspect.Parameter.empty
    parameters = [each.replace(annotation=empty) for each in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


def nodes(_: str) -> str:
    """A table of the kinds of nodes in a model file, each with an example made by the encoder."""
    layer = Linear(dim=1, layer_name="h0", irange=0.0)
    examples = {
        "list": [1, 2.5, "text", None],
        "tuple": (1, 2),
        "set": {1},
        "dict": {"rate": 0.1},
        "OrderedDict": collections.OrderedDict(rate=0.1),
        "NumPy array": np.zeros(2, "float32"),
        "array.array": array("f", [1.0]),
        "RandomState": np.random.RandomState(0),
        "Generator": np.random.default_rng(0),
        "shared variable": backend.shared(np.float32(0.5), "slope"),
        "object": layer,
    }
    rows = ["| in Python | node |", "|---|---|"]
    for name, value in examples.items():
        encoder = Encoder(lambda cls: f"{cls.__module__}:{cls.__qualname__}")
        encoder.encode([value])
        text = json.dumps(encoder.nodes[1])
        rows.append(f"| {name} | `{text if len(text) < 200 else text[:200] + '...'}` |")
    return "\n".join(rows)
