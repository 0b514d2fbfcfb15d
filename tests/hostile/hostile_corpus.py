"""Bad YAML files and bad model files, each with what its complaint must name."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np

from adversarial.modelfile import container, schema
from adversarial.utils import serial

# An experiment that is fine.
GOOD = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.zeros {shape: [20, 12]} },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            monitor_ll: 0,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 3,
                layers: [
                    !obj:adversarial.models.mlp.RectifiedLinear {
                        layer_name: h0, dim: 4, irange: .05 },
                    !obj:adversarial.models.mlp.Sigmoid {
                        layer_name: y, dim: 12, irange: .05, init_bias: 0. }
                ] } },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 12,
            layers: [
                !obj:adversarial.models.maxout.Maxout {
                    layer_name: h0, num_units: 4, num_pieces: 2, irange: .05, max_col_norm: 1.9 },
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 }
            ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10,
        learning_rate: .1,
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },
        monitoring_dataset: {train: *data},
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0, target_scale: .9 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter { max_epochs: 1 },
        update_callbacks: !obj:adversarial.training_algorithms.schedules.ExponentialDecay {
            decay_factor: 1.000004, min_lr: .000001 } },
    extensions: [
        !obj:adversarial.train_extensions.momentum.MomentumAdjustor {
            start: 1, saturate: 250, final_momentum: .7 } ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""
NPY = b"\x93NUMPY\x01\x00"


def changed(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new)


LARGE = (1 << 20) - 100
LINEAR = "!obj:adversarial.models.mlp.Linear"
MLP = (
    f"!obj:adversarial.models.mlp.MLP {{nvis: 2, layers: [{LINEAR} "
    "{layer_name: y, dim: 1, irange: .1}]}"
)
TRAIN = """!obj:adversarial.train.Train {
    dataset: !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.zeros {shape: [2, 2]} }, %s }"""

# name: (text, what the line must hold)
YAML = {
    # not YAML, or hardly
    "empty": ("", "is empty"),
    "blank": ("\n" * LARGE, "is empty"),
    "comment": ("# nothing\n", "is empty"),
    "null": ("null", "not a Train"),
    "number": ("5", "not a Train"),
    "list of nothing": ("[]", "lists nothing"),
    "text": ("some words", "not a Train"),
    "mapping": ("a: 1", "not a Train"),
    "another object": ("!obj:numpy.zeros {shape: 3}", "not a Train"),
    "binary": (bytes(range(256)) * 10, "is not a text file"),
    "latin": (b"a: caf\xe9", "is not a text file"),
    "nul": (b"a: \x00", "is not a text file"),
    "a model": (b"PK\x03\x04" + b"\x00" * 100, "is not a text file"),
    "unclosed": (GOOD[:-3], "not valid YAML"),
    "tabs": ("\tx: 1", "not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2", "not valid YAML"),
    "100 MB": (b"#" * (100 << 20), "is larger than"),
    # without end
    "deep": ("[" * 100_000, "nested more than"),
    "deep maps": ("{a: " * 50_000, "nested more than"),
    "deep keys": ("? " * 50_000, "nested more than"),
    "deep lines": ("\n".join("  " * n + "a:" for n in range(500)), "nested more than"),
    "cycle": ("&a [*a]", "contains itself"),
    "cycle of two": ("&a {b: &b [*a, *b]}", "contains itself"),
    "cycle by merge": ("&a {<<: *a, b: 1}", "contains itself"),
    "undefined alias": ("*nothing", "undefined alias"),
    "laughs": (
        "a: &a0 [l, l, l, l, l, l, l, l, l]\n"
        + "".join(f"b{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9)),
        "aliases repeat it",
    ),
    "many values": ("[" + "1," * 150_000 + "]", "too large"),
    "digits": ("a: " + "9" * LARGE, "is not a valid int"),
    "sixties": ("a: !!int 1" + ":59" * 300_000, "is not a valid int"),
    "sixties, plain": ("a: 1" + ":59" * 300_000, "not a Train"),
    "no exponent": ("a: " + "1" * LARGE + "e", "not a Train"),
    "long word": ("a: adVar" + "x" * LARGE, "not a Train"),
    "long name": ("!obj:adversarial." + "a." * 400_000 + "a {}", "is not a dotted name"),
    "long variable": ("a: ${" + "A" * LARGE + "}", "may not read"),
    "many variables": ("a: '" + "${HOME}" * 140_000 + "'", "too large"),
    "quotes": ("'" * LARGE, "not a Train"),
    # numbers too large for any machine
    "a wide layer": (changed("dim: 4,", "dim: 1000000000,"), "too large"),
    "a negative layer": (changed("dim: 4,", "dim: -4,"), "dim"),
    "a layer of none": (changed("dim: 4,", "dim: 0,"), "dim"),
    "many pieces": (changed("num_pieces: 2", "num_pieces: 10000000000"), "too large"),
    "no pieces": (changed("num_pieces: 2", "num_pieces: 0"), "num_pieces"),
    "much noise": (changed("nvis: 3", "nvis: 100000000000"), "too large"),
    "negative noise": (changed("nvis: 3", "nvis: -3"), "line 8"),
    "an array": (changed("[20, 12]", "[2000000, 120000]"), "too large"),
    "a negative array": (changed("[20, 12]", "[-20, 12]"), "line 3"),
    "an array of long texts": (
        "!obj:numpy.array {object: [" + "a," * 10_000 + "b" * 100_000 + "]}",
        "too large",
    ),
    "a range": ("!obj:numpy.arange {start: 0, stop: 100000000000}", "too large"),
    "an eye": ("!obj:numpy.eye {N: 200000}", "too large"),
    "no rows": (changed("[20, 12]", "[0, 12]"), "example"),
    # wrong names, types and values
    "unknown argument": (changed("batch_size: 10", "batchsize: 10"), "did you mean `batch_size`"),
    "unknown class": (changed("mlp.Sigmoid", "mlp.Sigmod"), "did you mean `Sigmoid`"),
    "missing argument": (changed("dim: 4, irange: .05", "irange: .05"), "'dim'"),
    "given twice": (changed("batch_size: 10,", "batch_size: 10, batch_size: 20,"), "given twice"),
    "two layers of a name": (changed("layer_name: h0, dim", "layer_name: y, dim"), "named 'y'"),
    "text for a number": (changed("dim: 4,", "dim: four,"), "`dim` of RectifiedLinear"),
    "a list for a number": (changed("dim: 4,", "dim: [4],"), "`dim` of RectifiedLinear"),
    "a number for text": (changed("layer_name: h0, dim", "layer_name: 5, dim"), "`layer_name`"),
    "null for a number": (changed("dim: 4,", "dim: null,"), "`dim` of RectifiedLinear"),
    "half a unit": (changed("dim: 4,", "dim: 4.5,"), "`dim` of RectifiedLinear"),
    "nan": (changed("irange: .05 },\n", "irange: .nan },\n"), "irange"),
    "infinity": (
        changed("irange: .05 },\n", "irange: .inf },\n"),
        "`irange` of RectifiedLinear must be finite",
    ),
    "negative range": (changed("irange: .05 },\n", "irange: -.05 },\n"), "irange"),
    "negative batches": (changed("batch_size: 10", "batch_size: -10"), "batch_size"),
    "learning backwards": (changed("learning_rate: .1", "learning_rate: -.1"), "learning_rate"),
    "learning by text": (changed("learning_rate: .1", "learning_rate: fast"), "learning_rate"),
    "momentum above one": (changed("init_momentum: .5", "init_momentum: 5"), "init_momentum"),
    "epochs below zero": (changed("max_epochs: 1", "max_epochs: -1"), "max_epochs"),
    "layers of numbers": (
        changed("nvis: 12,\n            layers: [", "nvis: 12,\n            layers: [5,"),
        "Layer",
    ),
    "layers of none": (
        "!obj:adversarial.models.mlp.MLP {nvis: 3, layers: []}",
        "at least one layer",
    ),
    "layers of text": ("!obj:adversarial.models.mlp.MLP {nvis: 3, layers: abc}", "layers"),
    "a number for layers": ("!obj:adversarial.models.mlp.MLP {nvis: 3, layers: 5}", "layers"),
    "a number for a dataset": ("!obj:adversarial.train.Train {dataset: 5, model: 6}", "dataset"),
    "text for a model": (TRAIN % "model: nothing", "model"),
    "a class for a model": (TRAIN % "model: !import adversarial.Generator", "model"),
    "text for an algorithm": (TRAIN % f"model: {MLP}, algorithm: fast", "algorithm"),
    "text for a cost": (
        "!obj:adversarial.training_algorithms.sgd.SGD {learning_rate: .1, cost: nothing}",
        "cost cannot be",
    ),
    "text for an extension": (changed("extensions: [", "extensions: [text,"), "extensions"),
    "a number for extensions": (TRAIN % f"model: {MLP}, extensions: 5", "extensions"),
    "saving to a number": (
        changed('save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl"', "save_path: 5"),
        "save_path",
    ),
    "saving to nothing": (changed('"${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl"', "''"), "is not a path"),
    "saving now and then": (changed("save_freq: 1", "save_freq: -1"), "save_freq"),
    # tags
    "python": ("!!python/object/apply:os.system ['touch owned']", "unknown tag"),
    "unknown tag": ("!new {}", "unknown tag"),
    "no name": ("!obj: {}", "is not a dotted name"),
    "a positional argument": (f"{LINEAR} [h0, 5]", "takes its arguments by name"),
    "a missing model": ("!pkl: nowhere.pkl", "nowhere.pkl"),
    "a folder as a model": ("!pkl: .", "is a folder"),
    "a device as a model": ("!pkl: /dev/zero", "not a regular file"),
    "a variable that is not set": ("a: ${NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
}


def model_file() -> bytes:
    """A good one, small: a pair with monitor records."""
    from adversarial.config import yaml_parse

    train = yaml_parse.load(GOOD, {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"})
    return serial.to_string(train.model)


def forged(document, arrays=()) -> bytes:
    stream = io.BytesIO()
    container.write(stream, document, list(arrays))
    return stream.getvalue()


def document(*nodes) -> dict:
    return {"format": schema.FORMAT, "version": schema.VERSION, "root": [0], "nodes": list(nodes)}


def zipped(members, compression=zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


class Touch:
    """Pickled, a command."""

    def __reduce__(self):
        import os

        return os.system, ("touch owned",)


def many(node, count) -> bytes:
    """A list of `count` such nodes, each named once."""
    return forged(
        document({"t": "list", "v": [[n + 1] for n in range(count)]}, *[node] * count),
        [np.zeros(1_000_000)],
    )


def tower() -> dict:
    """A list of lists of lists: ten billion places once written out."""
    rows = [{"t": "list", "v": [[n + 5]] * 10} for n in range(9)] + [{"t": "list", "v": [0] * 10}]
    state = {
        "t": "dict",
        "v": [
            ["val_record", [4]],
            *[[f"{name}_record", [3]] for name in ("epoch", "batch", "example", "time")],
        ],
    }
    return document(
        {"t": "object", "c": "adversarial.monitor:MonitorChannel", "v": [1]},
        state,
        {"t": "list", "v": []},
        {"t": "list", "v": []},
        {"t": "list", "v": [[5]] * 10},
        *[{"t": "list", "v": [[6 + n]] * 10} for n in range(9)],
        rows[-1],
    )


def models() -> dict:
    """name: (bytes, what the line must hold)"""
    return {
        "empty": (b"", "is empty"),
        "one byte": (b"P", "is not a model file"),
        "text": (b"!obj:adversarial.train.Train {}", "is not a model file"),
        "pickle": (pickle.dumps(Touch()), "a Python pickle"),
        "old pickle": (pickle.dumps(Touch(), 0), "a Python pickle"),
        "pickle of data": (pickle.dumps({"weights": np.ones(3)}, 2), "a Python pickle"),
        "pickle bomb": (b"\x80\x02]r\xff\xff\xff\x7f.", "a Python pickle"),
        "gzip": (b"\x1f\x8b\x08\x00" + b"\0" * 50, "a gzip file"),
        "npy": (NPY + b"v\x00{'descr': '<f8', 'shape': (9999999999,)}", "a single NumPy array"),
        "npz": (zipped([("a.npy", b"x")]), "a zip archive of something else"),
        "hdf5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        "zeros": (b"\0" * 5000, "is not a model file"),
        "zip bomb": (
            zipped(
                [("object.json", b" " * 100_000_000), ("SHA256SUMS", b"")], zipfile.ZIP_DEFLATED
            ),
            "compressed",
        ),
        "another class": (
            forged(document({"t": "object", "c": "os:system", "v": None})),
            "os.system, which is not part of this program",
        ),
        "another tool": (
            forged(document({"t": "object", "v": None, "c": "adversarial.utils.serial:BadFile"})),
            "may not be restored",
        ),
        "not a model": (forged(document({"t": "list", "v": [1, 2, 3]})), "no generator"),
        "an array a thousand times": (many({"t": "array", "a": 0}, 1000), "twice"),
        "a list a thousand times": (many({"t": "list", "packed": {"a": 0}}, 1000), "twice"),
        "shared variables": (
            many({"t": "shared", "n": None, "a": ["<f4", [], "AAAAAA=="]}, 200_000),
            "far more memory",
        ),
        "generators": (many({"t": "generator", "b": "MT19937", "v": None}, 60_000), "far more"),
        "records of records": (forged(tower()), "not valid"),
        "a list of texts": (
            forged(document({"t": "list", "packed": {"a": 0}}), [np.zeros((50, 50), "S9")]),
            "packs a list",
        ),
        "elsewhere": (
            forged(
                document(
                    {
                        "t": "object",
                        "c": "adversarial.datasets.dense_design_matrix:DenseDesignMatrix",
                        "v": [1],
                    },
                    {"t": "dict", "v": [["design_loc", "/dev/zero.npy"]]},
                )
            ),
            "not valid",
        ),
    }
