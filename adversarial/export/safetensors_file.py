"""Weights for PyTorch and others in the safetensors format, by the names that PyTorch uses.

Layer `h0` of G has `generator.h0.weight` and `generator.h0.bias`, of the shapes that PyTorch's
`Linear`, `Conv2d` and `ConvTranspose2d` have: weights of a dense layer are (outputs, inputs), the
transpose of this package's W. What fits none of these layers keeps its shape and its name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from adversarial.export.program import Program

# Endings of the names of parameters in this package, and what PyTorch calls them.
_ENDINGS = {"W": "weight", "b": "bias"}


def tensors_of(programs: Sequence[Program]) -> dict[str, np.ndarray]:
    """The parameters of programs, by PyTorch's names and in its shapes.

    Examples
    --------
    >>> from adversarial.export import generator_program
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> tensors = tensors_of([generator_program(generator)])
    >>> {name: array.shape for name, array in tensors.items()}
    {'generator.y.weight': (4, 3), 'generator.y.bias': (4,)}
    """
    found: dict[str, np.ndarray] = {}
    for program in programs:
        # The first use of each parameter.
        users = {name: node for node in reversed(program.nodes) for name in node.inputs}
        for name in program.parameters:
            node, array = users[name], program.constants[name]
            dense = node.op == "MatMul" and node.inputs[1] == name and array.ndim == 2
            key = f"{program.name}.{_torch_name(name, node.layer)}"
            assert key not in found
            found[key] = np.ascontiguousarray(array.T if dense else array)
    return found


def _torch_name(name: str, layer: str) -> str:
    """`h0.weight` for `h0_W`; `h0.part.weight` for `part_W` within the layer `h0`."""
    stem = name[: -len("_flipped")] if name.endswith("_flipped") else name
    base, _, ending = stem.rpartition("_")
    if ending not in _ENDINGS or not base:
        return ".".join(part for part in (layer, name) if part)
    inner = [] if base == layer else [base]
    return ".".join([*([layer] if layer else []), *inner, _ENDINGS[ending]])


def to_bytes(programs: Sequence[Program]) -> bytes:
    """The content of a safetensors file with the parameters of `programs`.

    Its metadata has, for each player, JSON text with the program's inputs and metadata.

    Raises
    ------
    ImportError
        If the library safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise ImportError(
            'safetensors files need the library safetensors: pip install -e ".[export]"'
        ) from None
    metadata = {"format": "pt"}
    for program in programs:
        described = program.describe()
        metadata[program.name] = json.dumps(
            {key: described[key] for key in ("inputs", "outputs", "metadata")}
        )
    return save(tensors_of(programs), metadata)
