"""The interpreter in JavaScript against NumPy's operators, and whole models against Aesara."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from explorer_models import colour_pair, make_pair, noise_for, verdicts_of

from adversarial.evaluation.sampling import samples_at
from adversarial.explorer.page import describe
from adversarial.export import generator_program
from adversarial.export.operators import OPERATORS
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import (
    MLP,
    ConvElemwise,
    ConvRectifiedLinear,
    Linear,
    RectifiedLinear,
    Sigmoid,
    Softmax,
    SpaceConverter,
    Tanh,
    TanhConvNonlinearity,
)
from adversarial.models.noise import Clusterize, NoiseCat
from adversarial.space import Conv2DSpace

RNG = np.random.RandomState(3)
X = RNG.normal(size=(2, 3, 4)).astype("float32") * 2
Y = RNG.normal(size=(3, 1)).astype("float32")
UNIT = RNG.uniform(0.05, 0.95, (3, 4)).astype("float32")
IMAGES = RNG.normal(size=(2, 4, 7, 6)).astype("float32")
KERNELS = RNG.normal(size=(6, 2, 3, 2)).astype("float32")
TRUE = X > 0
WHOLE = np.array([[7, 0, 5], [2, 9, 4]], "int64")
ODD = np.array([0.5, 1.5, -0.5, -2.5, 2.4, -2.6], "float32")
INFINITE = np.array([1.0, np.inf, -np.inf, np.nan], "float32")
WINDOW = dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])

# For each operator, lists of (inputs, attributes).
CASES = {
    **{
        name: [([X], {})]
        for name in (
            *("Abs", "Asinh", "Atan", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Identity"),
            *("Neg", "Relu", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Tan", "Tanh", "Shape"),
        )
    },
    **{name: [([UNIT], {})] for name in ("Acos", "Asin", "Atanh", "Log", "Sqrt")},
    "Acosh": [([UNIT + 1], {})],
    "Round": [([ODD], {})],
    "IsInf": [([INFINITE], {})],
    "IsNaN": [([INFINITE], {})],
    **{
        name: [([X, Y], {}), ([Y, X], {}), ([X, X[:1]], {}), ([X, np.float32(0.5)], {})]
        for name in ("Add", "Max", "Min", "Mul", "Sub", "Mod")
    },
    "Div": [([X, Y], {}), ([WHOLE, np.array(2)], {})],
    "Pow": [([UNIT, Y], {}), ([X, np.float32(2)], {})],
    **{
        name: [([X, Y], {}), ([X, X], {})]
        for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    },
    **{name: [([TRUE, TRUE[:, :1]], {})] for name in ("And", "Or", "Xor")},
    "Not": [([TRUE], {})],
    "Where": [([TRUE, X, Y], {}), ([TRUE[0], np.float32(0), X], {})],
    "LeakyRelu": [([X], dict(alpha=0.1))],
    "Cast": [([X], dict(to=kind)) for kind in ("int64", "bool", "float32", "float64")]
    + [([TRUE], dict(to="float32"))],
    "MatMul": [
        ([X, UNIT.T], {}),
        ([X[0], UNIT.T], {}),
        ([X[0, 0], UNIT.T], {}),
        ([X, UNIT[0]], {}),
        ([X, X.transpose(0, 2, 1)], {}),
        ([np.maximum(X[0], 0), UNIT.T], {}),
    ],
    "Softmax": [([X], dict(axis=axis)) for axis in (-1, 1)],
    "LogSoftmax": [([X], dict(axis=axis)) for axis in (-1, 1)],
    **{
        name: [
            ([X], dict(axes=axes, keepdims=keep))
            for axes, keep in (([1], 0), ([0, 2], 1), ([-1], 0), ([0, 1, 2], 0))
        ]
        for name in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum")
    },
    "ArgMax": [([X], dict(axis=axis, keepdims=keep)) for axis, keep in ((1, 0), (-1, 1))],
    "CumSum": [([X], dict(axis=axis)) for axis in (0, 1, -1)],
    "Range": [([np.array(a) for a in (1, 8, 3)], {})],
    "Reshape": [([X], dict(shape=shape)) for shape in ([-1, 4], [0, 12], [3, 2, 2, -1])],
    "Transpose": [([X], dict(perm=[2, 0, 1]))],
    "Unsqueeze": [([X], dict(axes=axes)) for axes in ([0], [1, 4], [-1])],
    "Squeeze": [([Y], dict(axes=[1])), ([X[:1]], dict(axes=[0]))],
    "Expand": [([Y, np.array([2, 3, 5])], {})],
    "Concat": [([X, X[:, :1]], dict(axis=1)), ([X, X, X], dict(axis=-1))],
    "Gather": [([X, WHOLE % 3], dict(axis=1)), ([X, np.array(-1)], dict(axis=2))],
    "Slice": [
        ([X], dict(starts=[1], ends=[3], axes=[2], steps=[1])),
        ([X], dict(starts=[0, -1], ends=[2**31 - 1, -(2**31) + 1], axes=[1, 2], steps=[2, -1])),
        ([X], dict(starts=[-3, 5], ends=[-1, 9], axes=[2, 1], steps=[1, 1])),
    ],
    "Pad": [([X], dict(pads=[0, 1, 0, 0, 2, 1]))],
    "Conv": [
        ([IMAGES, KERNELS], dict(strides=[1, 1], pads=[0] * 4, dilations=[1, 1], group=2)),
        (
            [IMAGES[:, :2], KERNELS],
            dict(strides=[2, 1], pads=[1, 2, 0, 1], dilations=[2, 1], group=1),
        ),
    ],
    "ConvTranspose": [
        (
            [RNG.normal(size=(2, 6, 3, 4)).astype("float32"), KERNELS],
            dict(strides=[2, 3], pads=[1, 0, 0, 2], output_padding=[1, 0]),
        )
    ],
    "MaxPool": [([IMAGES], WINDOW)],
    "AveragePool": [([IMAGES], dict(WINDOW, count_include_pad=count)) for count in (0, 1)],
}

RUN_CASES = """
const Types = { float32: Float32Array, int64: Int32Array, bool: Uint8Array };
const number = (value) => (typeof value === "string" ? Number(value) : value);
const results = given.map(({ op, inputs, attributes }) => {
  const tensors = inputs.map(({ shape, type, values }) =>
    tensor(shape, Types[type].from(values, number)));
  const { shape, data } = OPERATIONS[op](tensors, attributes);
  return { shape, type: data.constructor.name, values: Array.from(data, String) };
});
console.log(JSON.stringify({ known: Object.keys(OPERATIONS), results }));
"""
TYPES = {
    "float32": "Float32Array",
    "float64": "Float64Array",
    "int64": "Int32Array",
    "bool": "Uint8Array",
}


def as_json(array):
    array = np.asarray(array)
    values = [str(float(value)).replace("inf", "Infinity") for value in array.ravel()]
    return {"shape": list(array.shape), "type": array.dtype.name, "values": values}


def test_every_operator(node):
    assert set(CASES) == set(OPERATORS)
    cases = [(op, *case) for op, listed in CASES.items() for case in listed]
    found = node(
        RUN_CASES,
        [
            {"op": op, "inputs": [as_json(x) for x in inputs], "attributes": attributes}
            for op, inputs, attributes in cases
        ],
    )
    assert set(found["known"]) == set(OPERATORS)
    for (op, inputs, attributes), result in zip(cases, found["results"]):
        wanted = np.asarray(OPERATORS[op](*inputs, **attributes))
        assert result["shape"] == list(wanted.shape), op
        assert result["type"] == TYPES[wanted.dtype.name], op
        values = np.array([float(value) for value in result["values"]]).reshape(wanted.shape)
        np.testing.assert_allclose(values, wanted, rtol=2e-6, atol=1e-6, err_msg=op)


# --- whole models ---


def deep_pair():
    """Rarer layers: NoiseCat's noise is 0 here, since each side draws its own."""
    G = [
        NoiseCat(new_dim=3, std=0.0, layer_name="noise"),
        Tanh(dim=50, layer_name="h0", irange=1.0),
        Softmax(64, "y", irange=1.0),
    ]
    maps = Conv2DSpace((8, 8), num_channels=1, axes=("b", "c", 0, 1))
    D = MLP(
        [
            SpaceConverter("images", maps),
            ConvElemwise(4, (3, 3), "c0", TanhConvNonlinearity(), irange=0.5),
            ConvRectifiedLinear(5, (3, 3), (2, 2), (2, 2), "c1", irange=0.5),
            RectifiedLinear(dim=9, layer_name="h", irange=0.5, left_slope=0.1),
            Sigmoid(dim=1, layer_name="y", irange=0.5),
        ],
        nvis=64,
        seed=[2],
    )
    return make_pair(G, D)


def points_pair():
    G = [Tanh(dim=9, layer_name="h", irange=1.0), Linear(dim=2, layer_name="y", irange=1.0)]
    D = MLP([Maxout("h", 5, 2, irange=1.0), Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=2)
    return make_pair(G, D, noise="spherical")


RUN_MODEL = """
const bytes = bytesOf(given.weights);
const players = new Players(given.model, bytes);
const z = given.z.map((row) => Float32Array.from(row));
const points = players.points(z, z.map(() => null));
console.log(JSON.stringify({
  samples: points.map(({ sample }) => Array.from(sample)),
  verdicts: points.map(({ verdict }) => verdict),
}));
"""


def run_model(node, pair, z, half):
    description, weights = describe(pair, "a model", half, 0)
    data = {"model": description, "weights": base64.b64encode(weights).decode(), "z": z.tolist()}
    found = node(RUN_MODEL, data)
    return np.array(found["samples"]), np.array(found["verdicts"])


@pytest.mark.parametrize("half, tolerance", [(False, 1e-5), (True, 1e-3)])
@pytest.mark.parametrize("make", [make_pair, colour_pair, deep_pair, points_pair])
def test_samples_and_verdicts_are_those_of_the_model(node, fast_compile, make, half, tolerance):
    pair = make()
    z = noise_for(pair)
    samples, verdicts = run_model(node, pair, z, half)
    wanted = samples_at(pair, z)
    assert wanted.std() > 0.01
    scale = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(samples, wanted, rtol=tolerance, atol=tolerance * scale)
    judged = verdicts_of(pair, wanted)
    assert judged.std() > 1e-3
    np.testing.assert_allclose(verdicts, judged, atol=4 * tolerance)


DERIVATIVES = """
const players = new Players(given.model, bytesOf(given.weights));
players.derivatives(Float32Array.from(given.z[0]), null).then((rows) =>
  console.log(JSON.stringify(rows.map((row) => Array.from(row)))));
"""


def test_derivatives(node, fast_compile):
    pair = make_pair(nvis=11)
    z = noise_for(pair, 1)
    description, weights = describe(pair, "a model", False, 0)
    data = {"model": description, "weights": base64.b64encode(weights).decode(), "z": z.tolist()}
    found = node(DERIVATIVES, data)
    step = 0.05 * np.sqrt(3)
    wanted = (samples_at(pair, z + step * np.eye(11)) - samples_at(pair, z)) / step
    np.testing.assert_allclose(found, wanted, atol=2e-4)


WITH_NOISE = """
const players = new Players(given.model, bytesOf(given.weights));
const z = given.z.map((row) => Float32Array.from(row));
const inputs = players.inputs(players.generator, z, []);
const asList = ({ data, shape }) => ({ values: Array.from(data), shape });
console.log(JSON.stringify({
  samples: players.generate(z, []).map((sample) => Array.from(sample)),
  inputs: Object.entries(inputs).map(([name, value]) => [name, asList(value)]),
}));
"""


def test_noise_of_layers_is_the_same_for_every_sample(node, fast_compile):
    G = [
        NoiseCat(new_dim=30, std=2.0, layer_name="noise"),
        Clusterize(scale=0.25, layer_name="signs"),
        Sigmoid(dim=64, layer_name="y", irange=0.3),
    ]
    pair = make_pair(G)
    description, weights = describe(pair, "a model", False, 0)
    z = np.repeat(noise_for(pair, 2), 2, axis=0)  # two points, each twice
    data = {"model": description, "weights": base64.b64encode(weights).decode(), "z": z.tolist()}
    found = node(WITH_NOISE, data)
    samples = np.array(found["samples"])
    assert (samples[::2] == samples[1::2]).all() and (samples[0] != samples[2]).any()
    inputs = {name: np.reshape(one["values"], one["shape"]) for name, one in found["inputs"]}
    drawn = [value for name, value in inputs.items() if name != "z"]
    assert sorted(value.shape for value in drawn) == [(4, 30), (4, 35)]
    normal, signs = sorted(drawn, key=lambda value: value.shape)
    assert normal.std() == pytest.approx(2, rel=0.4) and set(signs.ravel()) == {0, 1}
    np.testing.assert_allclose(samples, generator_program(pair).run(inputs)["samples"], atol=1e-5)


def test_names_of_layers_cannot_reach_the_prototype(node, fast_compile):
    pair = make_pair(
        [
            RectifiedLinear(dim=7, layer_name="__proto__", irange=1.0),
            Sigmoid(dim=64, layer_name="constructor", irange=1.0),
        ]
    )
    z = noise_for(pair)
    samples, _ = run_model(node, pair, z, half=False)
    np.testing.assert_allclose(samples, samples_at(pair, z), atol=1e-5)
