"""Models, layers and expressions that tests of several export formats share."""

from __future__ import annotations

import shutil
from pathlib import Path

import adversarial  # noqa: F401

# isort: split
import aesara
import aesara.tensor as at
import numpy as np
from aesara.tensor import special

from adversarial import backend, modelfile
from adversarial.backend import function
from adversarial.config import yaml_parse
from adversarial.config.proxy import make_objects
from adversarial.export.program import BATCH, Input
from adversarial.export.translate import EXAMPLES, translate
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.maxout import Maxout
from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.maxout_local import MaxoutLocalC01B
from adversarial.models.mlp import (
    MLP,
    ConvElemwise,
    ConvRectifiedLinear,
    HardSigmoid,
    Linear,
    RectifiedLinear,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TanhConvNonlinearity,
)
from adversarial.space import Conv2DSpace, VectorSpace, format_data

ROOT = Path(__file__).parents[1]
RNG = np.random.default_rng(5)
EXPERIMENTS = [
    "mnist",
    "mnist_quick",
    "mnist_table1",
    "mnist_inpainting",
    "cifar10_fully_connected",
    "cifar10_convolutional",
    "tfd_pretrain/pretrain",
    "figure1",
]


def untrained(name, narrow=True, folder=ROOT / "yaml"):
    """The model of an experiment of the paper, with random weights of a visible size.

    If `narrow`, the first layers are an eighth as wide, which takes seconds instead of a minute.
    """
    experiment = yaml_parse.load_path(folder / f"{name}.yaml", instantiate=False)
    model = experiment.keywords["model"]
    # Biases that are computed of data sets, which are not needed here.
    G = model.keywords["generator"].keywords["mlp"]
    # That of `add_layers` is an argument of it.
    for network in (G.keywords.get("mlp", G), model.keywords["discriminator"]):
        for layer in network.keywords["layers"]:
            layer.keywords.pop("init_bias", None)
        first = network.keywords["layers"][0].keywords
        for width in {"dim", "num_units"} & set(first):
            first[width] //= 8 if narrow else 1
    model = make_objects(model)
    for param in model.get_params():
        value = param.get_value()
        fan_in = max(1, value.size // value.shape[-1 if value.ndim < 3 else 0])
        param.set_value(RNG.normal(0, 1 / np.sqrt(fan_in), value.shape).astype("float32"))
    return model


def tfd_model(folder):
    """The model of `yaml/tfd_pretrain/train.yaml`, on top of one of `pretrain.yaml`."""
    modelfile.save(folder / "pretrain.pkl", untrained("tfd_pretrain/pretrain"))
    shutil.copy(ROOT / "yaml" / "tfd_pretrain" / "train.yaml", folder)
    return untrained("train", folder=folder)


def verdicts(model, rows):
    """D of rows of a data set, computed by the package."""
    space = model.discriminator.get_input_space()
    x = space.make_theano_batch()
    batch = format_data(rows, VectorSpace(rows.shape[1]), space)
    return function([x], model.discriminator.fprop(x))(batch)


def pair(layers, images=None, nvis=6):
    """A pair whose players have the same layers, but for D's last."""
    space = None if images is None else images
    width = nvis if images is None else None
    G = MLP(layers(), nvis=width, input_space=space, seed=1)
    top = G.get_output_space().get_total_dimension()
    D = MLP(
        [*layers(), Sigmoid(dim=1, layer_name="top", irange=0.3)],
        nvis=width,
        input_space=space,
        seed=2,
    )
    if top != D.get_input_space().get_total_dimension():
        # G's samples are of the size that D takes.
        G.add_layers([Linear(D.get_input_space().get_total_dimension(), "out", irange=0.3)])
    return AdversaryPair(Generator(G), D)


DENSE = {
    "linear": lambda: [Linear(6, "h0", irange=1.0)],
    "copied input": lambda: [Linear(3, "h0", irange=1.0, copy_input=1)],
    "without biases": lambda: [Linear(6, "h0", irange=1.0, use_bias=False)],
    "rectified": lambda: [RectifiedLinear(dim=6, layer_name="h0", irange=1.0)],
    "leaky": lambda: [RectifiedLinear(dim=6, layer_name="h0", irange=1.0, left_slope=0.1)],
    "softplus": lambda: [Softplus(dim=6, layer_name="h0", irange=1.0)],
    "tanh": lambda: [Tanh(dim=6, layer_name="h0", irange=1.0)],
    "hard sigmoid": lambda: [HardSigmoid(dim=6, layer_name="h0", irange=1.0)],
    "softmax": lambda: [Softmax(6, "h0", irange=1.0)],
    "softmax of one fewer": lambda: [Softmax(6, "h0", irange=1.0, non_redundant=True)],
    "maxout": lambda: [Maxout("h0", 6, 3, irange=1.0)],
    "maxout with strides": lambda: [Maxout("h0", 6, 3, pool_stride=1, irange=1.0)],
    "maxout at random": lambda: [Maxout("h0", 6, 2, randomize_pools=True, irange=1.0)],
    "maxout above zero": lambda: [Maxout("h0", 6, 2, min_zero=True, irange=1.0)],
    "a network in a network": lambda: [
        MLP([Tanh(dim=4, layer_name="a", irange=1.0), Linear(6, "b", irange=1.0)], layer_name="h0")
    ],
}
IMAGES = Conv2DSpace((6, 5), num_channels=3)
CONVOLUTIONS = {
    "elementwise": lambda: [
        ConvElemwise(4, (3, 2), "h0", TanhConvNonlinearity(), irange=0.3, tied_b=True)
    ],
    "pooled": lambda: [
        ConvRectifiedLinear(4, (3, 2), (2, 2), (2, 2), "h0", irange=0.3, pool_type="mean")
    ],
    "maxout": lambda: [
        MaxoutConvC01B(4, 2, (3, 3), (3, 2), (2, 2), "h0", irange=0.3, pad=1, min_zero=True)
    ],
    "local": lambda: [
        MaxoutLocalC01B(4, 2, (3, 3), "h0", (2, 2), (2, 2), irange=0.3, pad=1)
    ],
    "strides": lambda: [
        MaxoutConvC01B(4, 1, (3, 3), (1, 1), (1, 1), "h0", irange=0.3, kernel_stride=(2, 1))
    ],
}  # fmt: skip


W = np.random.RandomState(3).normal(size=(6, 4)).astype("float32")


def program_of(expression, names=("x",), shape=(6,)):
    """The program of expression(*inputs), each input a batch of arrays of `shape`."""
    variables, declared = [], []
    for name in names:
        variable = at.TensorType("float32", (None, *shape))(name)
        examples = tuple(RNG.random((n, *shape)).astype("float32") for n in EXAMPLES)
        variables.append(variable)
        declared.append((variable, Input(name, "float32", (BATCH, *shape)), examples))
    output = at.as_tensor_variable(expression(*variables))
    return translate("test", declared, {"y": output}, {"h0": [output]}, {}), variables, output


SCALAR = {
    "abs": abs,
    "arccos": lambda x: at.arccos(x / 3),
    "arccosh": lambda x: at.arccosh(abs(x) + 1.5),
    "arcsin": lambda x: at.arcsin(x / 3),
    "arcsinh": at.arcsinh,
    "arctan": at.arctan,
    "arctanh": lambda x: at.arctanh(x / 3),
    "ceil": at.ceil,
    "clip": lambda x: at.clip(x, 0.0, 1.0),
    "clip by arrays": lambda x: at.clip(x, -abs(x) / 2, abs(x) / 2),
    "cos": at.cos,
    "cosh": at.cosh,
    "deg2rad": at.deg2rad,
    "elu": at.nnet.elu,
    "erf": at.erf,
    "erfc": at.erfc,
    "exp": at.exp,
    "exp2": at.exp2,
    "expm1": at.expm1,
    "floor": at.floor,
    "floor division": lambda x: x // 0.3,
    "hard sigmoid": at.nnet.hard_sigmoid,
    "isnan": lambda x: at.isnan(at.log(x)),
    "isinf": lambda x: at.isinf(1 / at.floor(x)),
    "log": lambda x: at.log(abs(x) + 0.1),
    "log10": lambda x: at.log10(abs(x) + 0.1),
    "log1p": lambda x: at.log1p(abs(x)),
    "log2": lambda x: at.log2(abs(x) + 0.1),
    "log1mexp": lambda x: at.log1mexp(-abs(x) - 0.1),
    "logaddexp": lambda x: at.logaddexp(x, 2 * x),
    "modulo": lambda x: x % 0.7,
    "negative": lambda x: -x,
    "power": lambda x: abs(x) ** 1.5,
    "rad2deg": at.rad2deg,
    "reciprocal": lambda x: at.reciprocal(x + 3),
    "relu": at.nnet.relu,
    "leaky relu": lambda x: at.nnet.relu(x, 0.2),
    "rectify": lambda x: backend.rectify(x),
    "leaky rectify": lambda x: backend.rectify(x, 0.1),
    "round": lambda x: at.round(x),
    "round away": lambda x: at.round(x, mode="half_away_from_zero"),
    "selu": at.nnet.selu,
    "sigmoid": lambda x: at.sigmoid(40 * x),
    "sign": at.sgn,
    "sin": at.sin,
    "sinh": at.sinh,
    "softplus": lambda x: at.softplus(40 * x),
    "sqrt": lambda x: at.sqrt(abs(x)),
    "square": at.square,
    "switch": lambda x: at.switch(x > 0, x, x * x),
    "tan": at.tan,
    "tanh": at.tanh,
    "trunc": at.trunc,
    "comparisons": lambda x: at.eq(x, x) & at.le(x, 1) | at.lt(x, -1) ^ at.ge(x, 0),
    "not": lambda x: at.invert(at.neq(at.round(x), 0.0)),
    "cast": lambda x: at.cast(x, "int32"),
    "integers": lambda x: at.cast(x * 5, "int64") // 2 + at.cast(x * 5, "int8") % 3,
    "booleans as numbers": lambda x: x * (x > 0) + (x < 1) * 2,
    "to float64": lambda x: at.cast(x, "float64") * np.pi,
    "many terms": lambda x: at.add(x, 1.0, x, 2 * x) * at.maximum(x, at.minimum(0.5, x)),
}

ARRAY = {
    "matrix product": lambda x: at.dot(x, W),
    "product with a vector": lambda x: at.dot(x, W[:, 0]),
    "gram": lambda x: at.dot(x, x.T),
    "matmul": lambda x: at.matmul(x, W),
    "batched product": lambda x: at.batched_dot(x[:, :, None], x[:, None, :]),
    "outer": lambda x: at.outer(x[0], x[0]),
    "tensordot": lambda x: at.tensordot(x, W, axes=[[1], [0]]),
    "mean of features": lambda x: x - x.mean(axis=1, keepdims=True),
    "mean of the batch": lambda x: x - x.mean(axis=0),
    "mean of all": lambda x: x.mean(),
    "standard deviation": lambda x: x.std(axis=1),
    "batch normalisation": lambda x: (x - x.mean(0)) / at.sqrt(x.var(0) + 1e-4),
    "sum": lambda x: x.sum(),
    "sum with keepdims": lambda x: x.sum(axis=1, keepdims=True),
    "product of all": lambda x: x.prod(axis=1),
    "maximum": lambda x: x.max(axis=1) + x.max(),
    "minimum": lambda x: x.min(axis=0),
    "argmax": lambda x: at.argmax(x, axis=1),
    "argmin": lambda x: at.argmin(x, axis=1),
    "any": lambda x: (x > 1).any(axis=1),
    "all": lambda x: (x > 1).all(axis=1),
    "norm": lambda x: x.norm(2, axis=1),
    "softmax": lambda x: special.softmax(x, axis=1),
    "softmax of the batch": lambda x: special.softmax(x, axis=0),
    "log softmax": lambda x: special.log_softmax(x, axis=-1),
    "cumulative sum": lambda x: at.cumsum(x, axis=1),
    "zeros like": lambda x: at.zeros_like(x) + 1,
    "fill": lambda x: at.fill(x, x[:, :1].sum()),
    "zeros beside": lambda x: at.concatenate([at.zeros((x.shape[0], 1)), x], axis=1),
    "zeros of a known shape": lambda x: at.zeros((6,)) + x,
    "join along the batch": lambda x: at.concatenate([x, 2 * x], axis=0),
    "stack": lambda x: at.stack([x, -x], axis=1),
    "tile": lambda x: at.tile(x, (1, 3)),
    "repeat": lambda x: at.repeat(x, 2, axis=1),
    "roll": lambda x: at.roll(x, 1, axis=1),
    "split": lambda x: at.split(x, [2, 4], 2, axis=1)[1],
    "transpose": lambda x: x.T,
    "flatten": lambda x: x.flatten(),
    "reshape": lambda x: x.reshape((x.shape[0], 2, -1)),
    "reshape of the batch last": lambda x: x.T.reshape((2, 3, x.shape[0])),
    "dimshuffle": lambda x: x.dimshuffle(1, "x", 0),
    "squeeze": lambda x: x.reshape((-1, 1, 6)).dimshuffle(0, 2),
    "slice": lambda x: x[:, 1:5:2],
    "slice backwards": lambda x: x[:, ::-1] + x[:, 4::-2].sum(axis=1, keepdims=True),
    "slice from the end": lambda x: x[:, -3:-1],
    "slice of the batch": lambda x: x[: x.shape[0] - 0],
    "all but one feature": lambda x: x[:, : x.shape[1] - 1],
    "one feature": lambda x: x[:, 2] + x[:, -1],
    "one example": lambda x: x[0] * x[-1],
    "features by number": lambda x: x[:, np.array([3, 1, 1])],
    "examples by data": lambda x: x[at.argmax(x, axis=1) % x.shape[0]],
    "one example by data": lambda x: x[at.argmax(x[0]) % x.shape[0]],
    "the same examples": lambda x: x[at.arange(x.shape[0]) % x.shape[0]],
    "number of examples": lambda x: x * at.cast(x.shape[0], "float32"),
    "number of features": lambda x: x / at.cast(x.shape[1], "float32"),
    "positions": lambda x: x + at.arange(x.shape[1]),
    "positions of examples": lambda x: x.T + at.arange(x.shape[0]),
    "identity matrix": lambda x: at.dot(x, at.eye(6)),
    "set part": lambda x: at.set_subtensor(x[:, 1:3], 0),
    "set to the end": lambda x: at.set_subtensor(x[:, 3:], x[:, :3] * 2),
    "set a feature": lambda x: at.set_subtensor(x[:, 2], x[:, 0]),
    "set a rectangle": lambda x: at.set_subtensor(x[:1, 1:3], 7),
    "add to part": lambda x: at.inc_subtensor(x[:, -2:], x[:, :2]),
    "add to all": lambda x: at.inc_subtensor(x[:], x * 2),
    "gradient barriers": lambda x: aesara.gradient.disconnected_grad(x) * 2,
    "maxout": lambda x: backend.maxout(x, 3),
    "minibatch discrimination": lambda x: at.exp(
        -abs(x.dimshuffle(0, 1, "x") - x.dimshuffle("x", 1, 0)).sum(axis=1)
    ).sum(axis=1),
}

IMAGE_FUNCTIONS = {
    "valid": lambda x, w: backend.conv2d(x, w),
    "not flipped": lambda x, w: backend.conv2d(x, w, filter_flip=False),
    "full": lambda x, w: backend.conv2d(x, w, border_mode="full"),
    "half": lambda x, w: backend.conv2d(x, w, border_mode="half"),
    "padded": lambda x, w: backend.conv2d(x, w, border_mode=(2, 1), subsample=(2, 1)),
    "dilated": lambda x, w: backend.conv2d(x, w, filter_dilation=(2, 1)),
    "max pool": lambda x, w: backend.max_pool(x, (3, 2), (2, 2)),
    "max pool of pieces": lambda x, w: backend.max_pool(x, (3, 3), (2, 1), 2),
    "pieces alone": lambda x, w: backend.max_pool(x, (1, 1), (1, 1), 4),
    "mean pool": lambda x, w: backend.mean_pool(x, (3, 2), (2, 2)),
    "mean pool, all in": lambda x, w: backend.mean_pool(x, (2, 2), (2, 2)),
    "transposed": lambda x, w: backend.transposed_conv2d(x, w, (9, 7)),
    "transposed with strides": lambda x, w: backend.transposed_conv2d(
        x, w, (13, 17), pad=(1, 0), stride=(2, 3)
    ),
    "transposed, larger": lambda x, w: backend.transposed_conv2d(x, w, (16, 13), stride=(2, 2)),
}
