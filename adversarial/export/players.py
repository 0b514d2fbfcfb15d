"""The programs of a model's two players: G, from z to samples, and D, from examples to a verdict.

Examples and samples are rows as data sets have them: one channel after the other, each row by row.
So reshaping them to (batch, channels, rows, columns) gives images as PyTorch and ONNX have them.

The keys of `Program.metadata`:

==========  ====================================================================================
player      'generator' or 'discriminator'
model       the class of the model
image       {"rows", "cols", "channels"} of samples or examples; None if they are no images
range       [least, greatest value] of the outputs, where the top layer bounds them; else None
==========  ====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional

import aesara
import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Variable

from adversarial import backend
from adversarial.evaluation.sampling import generator_of
from adversarial.export.program import BATCH, Input, Program
from adversarial.export.translate import EXAMPLES, translate
from adversarial.models.generator import Generator
from adversarial.space import VectorSpace, format_data
from adversarial.viewer.samples import view_of

# Results that have the values of their input.
_SAME_VALUES = ("Identity", "Reshape", "Transpose", "Unsqueeze", "Squeeze")


def generator_program(model: Any) -> Program:
    """The program of G, without the random numbers.

    Its inputs are `z`, the noise; `classes`, one-hot rows, if the generator is conditional; and the
    noise of layers that draw some. Of a pair that completes images, the input is `images`, whose
    half to paint holds noise. Its output is `samples`; of such a pair, the painted half.

    Parameters
    ----------
    model : AdversaryPair or Generator

    Raises
    ------
    Untranslatable
        If a layer computes something for which programs have no operator.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Tanh
    >>> generator = Generator(MLP([Tanh(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> program = generator_program(generator)
    >>> program.inputs[0].noise, program.metadata["range"]
    ({'distribution': 'normal', 'mean': 0.0, 'std': 1.0}, [-1.0, 1.0])
    """
    generator = generator_of(model)
    inputs = _Inputs()
    generator = _given_classes(generator, inputs)
    space = generator.get_input_space()
    dim = space.get_total_dimension()
    if getattr(model, "is_inpainting", False):
        meaning = "images, with normal noise (mean 0, deviation 1) in place of the half to paint"
        rows = inputs.add("images", dim, None, meaning)
        states = generator.mlp.fprop(format_data(rows, VectorSpace(dim), space), return_all=True)
    else:
        rows = inputs.add("z", dim, _noise(generator), "noise z")
        below = VectorSpace(dim).format_as(rows, space)
        states = _states_at(generator, rows, below)
    output = generator.get_output_space()
    samples = format_data(states[-1], output, VectorSpace(output.get_total_dimension()))
    program = translate(
        "generator",
        inputs.declared,
        {"samples": samples},
        _by_layer(generator.mlp.layers, states),
        {"player": "generator", "model": type(model).__name__, "image": _image(model)},
    )
    program.metadata["range"] = _range(program, "samples")
    return program


def discriminator_program(model: Any) -> Program:
    """The program of D: from `x`, examples or samples, to `probability` that they are data.

    An input `classes` has one-hot rows, if D is conditional. If D has other outputs than one
    probability, they are `output`, or `output_0`, `output_1`, ...

    Parameters
    ----------
    model : AdversaryPair

    Raises
    ------
    Untranslatable
        If a layer computes something for which programs have no operator.
    ValueError
        If the model has no discriminator.

    Examples
    --------
    >>> from adversarial.models.adversary_pair import AdversaryPair
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> G = MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3)
    >>> D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.0)], nvis=4)
    >>> program = discriminator_program(AdversaryPair(Generator(G), D))
    >>> program.run({"x": np.zeros((2, 4))})["probability"].ravel()
    array([0.5, 0.5], dtype=float32)
    """
    network = getattr(model, "discriminator", None)
    if network is None:
        raise ValueError(f"a {type(model).__name__} has no discriminator to export")
    inputs = _Inputs()
    network = _given_classes(network, inputs)
    space = network.get_input_space()
    dim = space.get_total_dimension()
    rows = inputs.add("x", dim, None, "examples or samples, one a row")
    states = network.fprop(format_data(rows, VectorSpace(dim), space), return_all=True)
    top = states[-1]
    outputs: dict[str, Variable]
    if isinstance(top, tuple):
        outputs = {f"output_{i}": part for i, part in enumerate(top)}
    else:
        space = network.get_output_space()
        single = isinstance(space, VectorSpace) and space.dim == 1
        outputs = {"probability" if single else "output": top}
    program = translate(
        "discriminator",
        inputs.declared,
        outputs,
        _by_layer(network.layers, states),
        {"player": "discriminator", "model": type(model).__name__, "image": _image(model)},
    )
    program.metadata["range"] = _range(program, next(iter(outputs)))
    return program


class _Inputs:
    """The inputs of a program, each with its variable and examples."""

    def __init__(self) -> None:
        self.declared: list[tuple[Variable, Input, tuple[np.ndarray, np.ndarray]]] = []

    def add(
        self, name: str, dim: int, noise: Optional[dict], meaning: str, one_hot: bool = False
    ) -> Variable:
        variable = at.TensorType(backend.floatX, (None, dim))(name)
        declared = Input(name, backend.floatX, (BATCH, dim), noise, meaning)
        rng = np.random.default_rng(0)
        if one_hot:
            made = [np.eye(dim, dtype=backend.floatX)[np.arange(n) % dim] for n in EXAMPLES]
        else:
            made = [rng.random((n, dim)).astype(backend.floatX) for n in EXAMPLES]
        self.declared.append((variable, declared, (made[0], made[1])))
        return variable


def _given_classes(player: Any, inputs: _Inputs) -> Any:
    """A conditional player, bound to an input `classes`; any other player as it is."""
    classes = getattr(player, "n_classes", None)
    if classes is None or not hasattr(player, "given"):
        return player
    return player.given(inputs.add("classes", classes, None, "one-hot rows of classes", True))


def _states_at(generator: Generator, rows: Variable, z: Variable) -> list:
    """The outputs of all layers for noise z, as `Generator.sample` computes them."""
    samples, drawn, below = generator.sample_and_noise(rows.shape[0], all_g_layers=True)
    states = [*(below or ()), samples]
    flat = [part for state in states for part in _parts(state)]
    # z is made into the type that the generator's own noise has.
    replaced = aesara.clone_replace(flat, {drawn: drawn.type.filter_variable(z)})
    replaced.reverse()
    return [
        tuple(replaced.pop() for _ in state) if isinstance(state, tuple) else replaced.pop()
        for state in states
    ]


def _parts(state: Any) -> Sequence[Variable]:
    return state if isinstance(state, tuple) else (state,)


def _by_layer(layers: Sequence[Any], states: Sequence[Any]) -> dict[str, Sequence[Variable]]:
    return {layer.layer_name: list(_parts(state)) for layer, state in zip(layers, states)}


def _noise(generator: Generator) -> dict[str, Any]:
    if generator.noise == "uniform":
        return {"distribution": "uniform", "low": -math.sqrt(3), "high": math.sqrt(3)}
    if generator.noise == "spherical":
        return {"distribution": "spherical"}
    return {"distribution": "normal", "mean": 0.0, "std": 1.0}


def _image(model: Any) -> Optional[dict[str, int]]:
    try:
        shape = view_of(model).shape
    except ValueError:
        # Samples that are no images.
        return None
    return dict(zip(("rows", "cols", "channels"), map(int, shape)))


def _range(program: Program, output: str) -> Optional[list[float]]:
    """The bounds of an output that its last operation sets."""
    made = {node.output: node for node in program.nodes}
    node = made.get(output)
    while node is not None and node.op in _SAME_VALUES:
        node = made.get(node.inputs[0])
    if node is None:
        return None
    if node.op in ("Sigmoid", "Softmax"):
        return [0.0, 1.0]
    if node.op == "Tanh":
        return [-1.0, 1.0]
    low, high = _bound(program, made, node, "Max"), _bound(program, made, node, "Min")
    return None if low is None or high is None else [low, high]


def _bound(program: Program, made: dict, node: Any, op: str) -> Optional[float]:
    """The constant of a clip: Min(Max(x, low), high)."""
    if op == "Max" and node.op == "Min":
        node = made.get(node.inputs[0])
    if node is None or node.op != op:
        return None
    constant = program.constants.get(node.inputs[1])
    return float(constant) if constant is not None and constant.ndim == 0 else None
