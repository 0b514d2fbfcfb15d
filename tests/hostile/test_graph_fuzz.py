"""Experiments and object graphs made by a grammar: whatever they say, loading them has bounds.

The checksums of the model files are right, so that only the reader of the graph can object.
"""

from __future__ import annotations

import copy
import io
import os
import random
import sys
import time

import hostile_corpus as corpus
import pytest

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


def yaml_value(rng, depth):
    plain = [
        "0",
        "-1",
        "3",
        "1.5",
        ".nan",
        ".inf",
        "1e9",
        "99999999999",
        "x",
        "''",
        "null",
        "true",
        "*a",
        "*a",
        "[*a, *a, *a]",
        "[2, 3]",
        "[5000, 5000]",
        "['b', 0, 1, 'c']",
        "[[1, 2], [3]]",
        "{a: 1}",
        "gaussian",
    ]
    if depth > 4 or rng.random() < 0.4:
        return rng.choice(plain)
    kind = rng.randrange(3)
    if kind == 0:
        return f"[{', '.join(yaml_value(rng, depth + 1) for _ in range(rng.randint(0, 4)))}]"
    return yaml_object(rng, depth + 1)


def yaml_object(rng, depth=0):
    """Arrays, layers, networks and data sets with arguments that they know, of any value."""
    name, arguments = rng.choice(
        [
            ("adversarial.models.mlp.Sigmoid", ["layer_name", "dim", "irange", "init_bias"]),
            ("adversarial.models.mlp.MLP", ["nvis", "layers", "input_space"]),
            ("adversarial.Generator", ["mlp", "noise", "ll_n_samples", "monitor_ll"]),
            ("adversarial.space.Conv2DSpace", ["shape", "num_channels", "axes"]),
            (
                "adversarial.models.deconv.Deconv",
                ["layer_name", "num_channels", "kernel_shape", "irange", "output_stride"],
            ),
            ("adversarial.datasets.dense_design_matrix.DenseDesignMatrix", ["X", "y", "topo_view"]),
            (
                "adversarial.datasets.mixture.GaussianMixture",
                ["means", "deviations", "num_examples"],
            ),
            ("adversarial.train_extensions.samples.SampleGrid", ["path", "rows", "cols", "scale"]),
            (
                "adversarial.training_algorithms.sgd.SGD",
                ["learning_rate", "batch_size", "monitoring_dataset", "cost"],
            ),
            ("numpy.zeros", ["shape", "dtype"]),
            ("numpy.full", ["shape", "fill_value"]),
            ("numpy.array", ["object"]),
            ("numpy.linspace", ["start", "stop", "num"]),
            ("numpy.arange", ["start", "stop", "step"]),
            ("numpy.eye", ["N"]),
        ]
    )
    chosen = [f"{key}: {yaml_value(rng, depth)}" for key in arguments if rng.random() < 0.9]
    return f"!obj:{name} {{{', '.join(chosen)}}}"


def peak():
    resource = pytest.importorskip("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def within_bounds(make, load, error, seeds):
    """Load what `make` makes of each seed; how many were accepted."""
    before, accepted = peak(), 0
    for seed in seeds:
        made = make(random.Random(seed))
        began = time.process_time()
        try:
            load(made)
            accepted += 1
        except error as refusal:
            assert "\n" not in str(refusal), seed
        assert time.process_time() - began < SECONDS, seed
        assert peak() - before < GIBIBYTES, seed
    return accepted


def graphs(seeds):
    return within_bounds(
        lambda rng: corpus.forged(document(rng), ARRAYS), serial.from_string, serial.BadFile, seeds
    )


def yamls(seeds):
    return within_bounds(
        lambda rng: f"[&a !obj:numpy.ones {{shape: [9, 9]}}, {yaml_object(rng)}]",
        yaml_parse.load,
        yaml_parse.YamlError,
        seeds,
    )


def test_graphs():
    assert 0 < graphs(range(60)) < 60


def test_experiments():
    assert 0 < yamls(range(60)) < 60


@pytest.mark.slow
def test_many_graphs():
    graphs(range(60, LONG))


@pytest.mark.slow
def test_many_experiments():
    yamls(range(60, LONG))
