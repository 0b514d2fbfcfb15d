"""Experiments and object graphs made by a grammar: whatever they say, loading them has bounds.

The checksums of the model files are right, so that only the reader of the graph can object.
"""

from __future__ import annotations

import copy
import io
import os
import random
import sys

import hostile_corpus as corpus
import pytest
from time_bounds import at_most

from adversarial.config import yaml_parse
from adversarial.modelfile import container, schema
from adversarial.utils import serial

LONG = int(os.environ.get("HOSTILE_EXAMPLES", "2000"))
SECONDS, GIBIBYTES = 10, 2
DOCUMENT, ARRAYS = container.read(io.BytesIO(corpus.model_file()))
CLASSES = sorted({node["c"] for node in DOCUMENT["nodes"] if node["t"] == "object"})
PLAIN = [None, True, -1, 0, 3, 10**30, 1e308, "", "x", "design_loc", "é" * 100]
KINDS = [
    *schema.SEQUENCES,
    *schema.MAPPINGS,
    *schema.RANDOM,
    "array",
    "numbers",
    "shared",
    "object",
    "nothing",
]
DTYPES = ["<f4", "<f8", "<i8", "|u1", "|O", "<U9", "V65536", "<m8[Y]", "x"]


def array(rng, size):
    shape = rng.choice([[], [0], [1], [3], [2, 2], [10**12], [0, 10**12], [-1], ["x"]])
    return rng.choice([rng.randrange(len(ARRAYS) + 2), [rng.choice(DTYPES), shape, "AAAAAAAAAAA="]])


def value(rng, size):
    """An encoded value in a graph of `size` nodes."""
    return rng.choice(
        [
            rng.choice(PLAIN),
            [rng.randrange(size)],
            [rng.randrange(size)],
            [size],
            [],
            {"float": rng.choice(["nan", "inf", "x"])},
            {"bytes": "AAAA"},
            {"x": 1},
            {"np": [rng.choice(DTYPES), "AAAAAAAAAAA="]},
            {"dtype": rng.choice(DTYPES)},
            {"type": rng.choice(["float32", "ndarray", "void", "load"])},
        ]
    )


def node(rng, size):
    kind = rng.choice(KINDS)
    made = {
        "t": kind,
        "a": array(rng, size),
        "n": rng.choice(PLAIN),
        "c": rng.choice([*CLASSES, "os:system", "adversarial.train:Train"]),
        "b": rng.choice([*schema.BIT_GENERATORS, "SeedSequence"]),
    }
    many = rng.choice([0, 1, 3, 30])
    if kind in schema.MAPPINGS:
        made["v"] = [[value(rng, size), value(rng, size)] for _ in range(many)]
    elif kind in schema.SEQUENCES:
        made["v"] = [value(rng, size) for _ in range(many)]
    else:
        made["v"] = value(rng, size)
    if rng.random() < 0.1:
        made["packed"] = {"a": array(rng, size)}
    return made


def document(rng):
    """A graph of such nodes only, or a good one with a few of them, or of other values."""
    if rng.random() < 0.5:
        size = rng.choice([1, 5, 50])
        return corpus.document(*[node(rng, size) for _ in range(size)])
    made = copy.deepcopy(DOCUMENT)
    nodes = made["nodes"]
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(nodes))
        values = nodes[place].get("v")
        if rng.random() < 0.3:
            nodes[place] = node(rng, len(nodes))
        elif isinstance(values, list) and values and isinstance(values[0], list):
            entry = rng.choice([item for item in values if isinstance(item, list)])
            if entry:
                entry[-1] = value(rng, len(nodes)) if len(entry) > 1 else rng.randrange(len(nodes))
    return made


NUMBERS = ["0", "-1", "1", "2", "3", "1.5", "20", "784", "3000", "30000", "1e9", "99999999999"]
PLAIN_YAML = [
    *NUMBERS,
    *NUMBERS,
    ".nan",
    ".inf",
    "x",
    "''",
    "null",
    "true",
    "*a",
    "[*a, *a, *a]",
    f"[{'*a, ' * 300}]",
    "*t",
    f"[{'*t, ' * 300}]",
    "[2, 3]",
    "[5000, 5000]",
    "[1, 30000]",
    "[3000, 3000]",
    "['b', 0, 1, 'c']",
    "[[1, 2], [3]]",
    "{a: 1}",
    "{" + ", ".join(f"d{number}: *a" for number in range(40)) + "}",
    "gaussian",
    "x.png",
    "uint8",
    "object",
    "U100000",
]
PREPROCESSING = "adversarial.datasets.preprocessing"
SHAPED = ["layer_name", "irange", "num_channels", "num_pieces", "kernel_shape", "pool_shape"]
CALLS = [
    # arrays, also with arrays for arguments
    ("numpy.zeros", ["shape", "dtype"]),
    ("numpy.ones", ["shape", "dtype"]),
    ("numpy.full", ["shape", "fill_value", "dtype"]),
    ("numpy.array", ["object", "dtype"]),
    ("numpy.linspace", ["start", "stop", "num"]),
    ("numpy.logspace", ["start", "stop", "num", "base"]),
    ("numpy.arange", ["start", "stop", "step", "dtype"]),
    ("numpy.eye", ["N", "M"]),
    ("numpy.float64", ["x"]),
    ("numpy.random.RandomState", ["seed"]),
    # data sets
    (
        "adversarial.datasets.dense_design_matrix.DenseDesignMatrix",
        ["X", "preprocessor", "fit_preprocessor"],
    ),
    ("adversarial.datasets.dense_design_matrix.DenseDesignMatrix", ["topo_view", "y", "y_labels"]),
    (
        "adversarial.datasets.dense_design_matrix.convert_to_one_hot",
        ["dataset", "min_class"],
    ),
    ("adversarial.datasets.mixture.GaussianMixture", ["means", "deviations", "num_examples"]),
    (f"{PREPROCESSING}.Pipeline", ["items"]),
    (f"{PREPROCESSING}.ZCA", ["n_components", "filter_bias"]),
    (f"{PREPROCESSING}.Standardize", ["global_mean"]),
    (f"{PREPROCESSING}.GlobalContrastNormalization", ["scale", "batch_size"]),
    # networks
    ("adversarial.models.mlp.Sigmoid", ["layer_name", "dim", "irange", "init_bias"]),
    ("adversarial.models.mlp.Linear", ["layer_name", "dim", "sparse_init", "init_bias"]),
    ("adversarial.models.maxout.Maxout", ["layer_name", "num_units", "num_pieces", "irange"]),
    ("adversarial.models.mlp.CompositeLayer", ["layer_name", "layers"]),
    ("adversarial.models.mlp.MLP", ["nvis", "layers"]),
    ("adversarial.models.mlp.MLP", ["layers", "input_space"]),
    (
        "adversarial.models.mlp.ConvRectifiedLinear",
        ["layer_name", "irange", "output_channels", "kernel_shape", "pool_shape", "pool_stride"],
    ),
    ("adversarial.models.maxout_local.MaxoutLocalC01B", [*SHAPED, "tied_b", "pad"]),
    ("adversarial.models.deconv.Deconv", [*SHAPED[:3], "kernel_shape", "output_stride"]),
    ("adversarial.space.Conv2DSpace", ["shape", "num_channels", "axes"]),
    ("adversarial.space.VectorSpace", ["dim"]),
    ("adversarial.Generator", ["mlp", "noise", "ll_n_samples", "monitor_ll"]),
    # training
    (
        "adversarial.train_extensions.samples.SampleGrid",
        ["path", "rows", "cols", "scale"],
    ),
    (
        "adversarial.training_algorithms.sgd.SGD",
        ["learning_rate", "batch_size", "batches_per_iter", "monitoring_dataset", "cost"],
    ),
    ("adversarial.termination_criteria.And", ["criteria"]),
    ("adversarial.costs.cost.SumOfCosts", ["costs"]),
]
# What most arguments of these names should be, so that calls get as far as to make something.
FITTING = {
    "irange": [".1"],
    "layer_name": ["h0", "h1", "h2"],
    "init_bias": ["0."],
    "path": ["x.png"],
    "filter_bias": [".1"],
    "monitor_ll": ["1"],
    "fit_preprocessor": ["true"],
    "noise": ["gaussian"],
    "learning_rate": [".1"],
    "deviations": ["[1.]"],
    "means": ["[0.]"],
    "dtype": ["uint8", "object", "float32", "U100000"],
    "shape": ["[2, 3]", "[2, 784]", "[2, 5000]", "[5000, 5000]", "[1, 30000]", "33554432", "9000"],
    "kernel_shape": ["[5, 5]", "[3000, 3000]"],
    "pool_shape": ["[1, 1]", "[2, 2]"],
    "pool_stride": ["[1, 1]"],
    "output_stride": ["[2, 2]", "[3000, 3000]"],
    "axes": ["['b', 0, 1, 'c']"],
}
# Which calls make what an argument of this name takes.
ARRAYS_MADE = [call for call in CALLS if call[0].startswith("numpy.") and "seed" not in call[1]]
LAYERS = [call for call in CALLS if "layer_name" in call[1]]
MADE = {
    **dict.fromkeys(("X", "topo_view", "object", "start", "stop", "fill_value"), ARRAYS_MADE),
    **dict.fromkeys(
        ("items", "preprocessor"), [c for c in CALLS if c[0].startswith(PREPROCESSING)]
    ),
    **dict.fromkeys(
        ("dataset", "monitoring_dataset"),
        [c for c in CALLS if c[0].endswith(("Matrix", "Mixture"))],
    ),
    "layers": LAYERS,
    "input_space": [call for call in CALLS if call[0].endswith("Space")],
    "mlp": [call for call in CALLS if call[0].endswith("MLP")],
}
LISTS = ("items", "layers", "costs", "criteria")


def yaml_value(rng, depth, name=""):
    if name in MADE and depth <= 5 and rng.random() < 0.8:
        if name not in LISTS:
            return yaml_object(rng, depth + 1, MADE[name])
        if rng.random() < 0.3:
            return f"[&b{depth} {yaml_object(rng, depth + 1, MADE[name])}{f', *b{depth}' * 200}]"
        many = [yaml_object(rng, depth + 1, MADE[name]) for _ in range(rng.choice([1, 1, 2, 5]))]
        return f"[{', '.join(many)}]"
    if rng.random() < 0.8:
        if name in FITTING:
            return rng.choice(FITTING[name])
        if name not in MADE:
            return rng.choice(NUMBERS)
    if depth > 4 or rng.random() < 0.4:
        return rng.choice(PLAIN_YAML)
    if rng.randrange(3) == 0:
        return f"[{', '.join(yaml_value(rng, depth + 1) for _ in range(rng.randint(0, 4)))}]"
    return yaml_object(rng, depth + 1)


def yaml_object(rng, depth=0, calls=CALLS):
    """One of `calls`, with arguments that it knows, of any value."""
    name, arguments = rng.choice(calls)
    chosen = [f"{key}: {yaml_value(rng, depth, key)}" for key in arguments if rng.random() < 0.97]
    return f"!obj:{name} {{{', '.join(chosen)}}}"


def experiment(rng):
    """Objects, one of them perhaps many times, that share an array, a text and each other."""
    one = yaml_object(rng)
    repeated = rng.choice([1, 1, 1, 2, 40])
    return (
        f"[&a !obj:numpy.ones {{shape: [9, 9]}}, &t {'x' * rng.choice([1, 100, 20_000])}, "
        f"{', '.join([one] * repeated)}]"
    )


def peak():
    resource = pytest.importorskip("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def within_bounds(make, load, error, seeds):
    """Load what `make` makes of each seed; how many were accepted."""
    before, accepted = peak(), 0
    for seed in seeds:
        made = make(random.Random(seed))
        with at_most(SECONDS, seed):
            try:
                load(made)
                accepted += 1
            except error as refusal:
                assert "\n" not in str(refusal), seed
        assert peak() - before < GIBIBYTES, seed
    return accepted


def graphs(seeds):
    return within_bounds(
        lambda rng: corpus.forged(document(rng), ARRAYS), serial.from_string, serial.BadFile, seeds
    )


def yamls(seeds):
    return within_bounds(
        experiment,
        yaml_parse.load,
        yaml_parse.YamlError,
        seeds,
    )


def test_graphs():
    assert 0 < graphs(range(60)) < 60


def test_experiments():
    assert 0 < yamls(range(30)) < 30


@pytest.mark.slow
def test_many_graphs():
    graphs(range(60, LONG))


@pytest.mark.slow
def test_many_experiments():
    yamls(range(30, LONG))
