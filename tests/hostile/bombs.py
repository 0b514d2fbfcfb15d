"""Small files that ask for much: one number, a few words, or many small parts that add up.

Each is told by what its one line of error must hold. `test_limits` runs them as processes of their
own and in this one, and `test_graph_fuzz` draws from the same calls.
"""

from __future__ import annotations

import io
import zipfile

import hostile_corpus as corpus
import numpy as np

from adversarial.config import yaml_parse
from adversarial.modelfile import container
from adversarial.utils import serial

DATA = "!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix"
MIXTURE = "!obj:adversarial.datasets.mixture.GaussianMixture"
NETWORK = "!obj:adversarial.models.mlp.MLP"
LINEAR = "!obj:adversarial.models.mlp.Linear"
PIPELINE = "!obj:adversarial.datasets.preprocessing.Pipeline"
PREPROCESSING = "adversarial.datasets.preprocessing"
IMAGES = "!obj:adversarial.space.Conv2DSpace"
GRID = "!obj:adversarial.train_extensions.samples.SampleGrid"
LARGE = "too large"


def together(*parts: str) -> str:
    """One object that is made of all the parts."""
    return f"{DATA} {{X: [{', '.join(parts)}]}}"


def whitened(rows: int, columns: int, items: str = f"[!obj:{PREPROCESSING}.ZCA {{}}]") -> str:
    return (
        f"{DATA} {{X: !obj:numpy.ones {{shape: [{rows}, {columns}]}}, fit_preprocessor: true, "
        f"preprocessor: {PIPELINE} {{items: {items}}}}}"
    )


def network(*layers: str, below: str = "nvis: 5000") -> str:
    return f"{NETWORK} {{{below}, layers: [{', '.join(layers)}]}}"


def images(rows: int, columns: int, channels: int) -> str:
    return f"input_space: {IMAGES} {{shape: [{rows}, {columns}], num_channels: {channels}}}"


def deconvolution(stride: int) -> str:
    return network(
        "!obj:adversarial.models.deconv.Deconv {layer_name: y, num_channels: 1, "
        f"kernel_shape: [5, 5], irange: .1, output_stride: [{stride}, {stride}]}}",
        below=images(8, 8, 1),
    )


def with_grid(arguments: str) -> str:
    return corpus.changed("extensions: [", f"extensions: [{GRID} {{path: x.png, {arguments}}},")


def monitored(count: int) -> str:
    sets = ", ".join(f"d{number}: *data" for number in range(count))
    return corpus.changed("{train: *data}", f"{{{sets}}}")


def nested(text: str, depth: int) -> str:
    return f"{PIPELINE} {{items: [" * depth + text + "]}" * depth


ZEROS = "!obj:numpy.zeros {shape: 30000}"
ONES = "!obj:numpy.ones {shape: 33554432}"
MILLION = "!obj:numpy.ones {shape: 1000000}"
BYTES = "!obj:numpy.ones {shape: [200, 100000], dtype: uint8}"
NUMBERS = f"{MIXTURE} {{means: [0.], deviations: [1.], num_examples: %d}}"
LONG_LIST = "&r [" + "1., " * 9000 + "]"

IMAGE_DATA = (
    f"&d {DATA} {{X: !obj:numpy.zeros {{shape: [60000, 64]}}, view_converter: "
    "!obj:adversarial.datasets.view_converter.DefaultViewConverter {shape: [8, 8, 1]}}"
)
WINDOWS = "!obj:adversarial.train_extensions.window_flip.WindowAndFlip"
MARGINALS = "!obj:adversarial.models.initialization.marginals {dataset: *d}"
VECTORS = (
    "!obj:adversarial.datasets.vector_spaces_dataset.VectorSpacesDataset {data: *a, "
    "data_specs: [!obj:adversarial.space.VectorSpace {dim: 500}, features]}"
)

# name: (text, what the line must hold)
YAML = {
    # arrays
    "forty arrays": (together(*[ONES] * 40), LARGE),
    "forty aliases of an array": (
        together(f"&a {ONES}", "!obj:numpy.array {object: [" + "*a, " * 40 + "]}"),
        LARGE,
    ),
    "aliases of an array for a constructor": (together(f"&a {MILLION}", "*a, " * 999), LARGE),
    "aliases of a list": (f"[{LONG_LIST}, {DATA} {{X: [{'*r, ' * 9000}]}}]", "aliases repeat it"),
    "linspace between arrays": (
        f"!obj:numpy.linspace {{start: {ZEROS}, stop: 1, num: 40000}}",
        LARGE,
    ),
    "logspace between arrays": (
        f"!obj:numpy.logspace {{start: 1, stop: {ZEROS}, num: 40000}}",
        LARGE,
    ),
    "linspace that broadcasts": (
        "!obj:numpy.linspace {start: !obj:numpy.zeros {shape: [20000, 1]}, "
        "stop: !obj:numpy.zeros {shape: [1, 20000]}, num: 2}",
        LARGE,
    ),
    "full of a text": (f"!obj:numpy.full {{shape: 400, fill_value: {'x' * 900_000}}}", LARGE),
    "full of an array": (
        "!obj:numpy.full {shape: [1000, 9000000], fill_value: !obj:numpy.ones {shape: 9000000}, "
        "dtype: uint8}",
        LARGE,
    ),
    "numbers as texts": (f"!obj:numpy.array {{object: {MILLION}, dtype: U1000}}", LARGE),
    "numbers as objects": (
        "!obj:numpy.arange {start: 0, stop: 30000000, dtype: object}",
        LARGE,
    ),
    "a structured type": ('!obj:numpy.zeros {shape: 1000, dtype: "i4,(1000000)f8"}', LARGE),
    # data sets
    "a mixture": (NUMBERS % 2_000_000_000, LARGE),
    "a mixture of many": (
        f"{MIXTURE} {{means: &m {MILLION}, deviations: *m, num_examples: 10000000}}",
        LARGE,
    ),
    "thirty mixtures": (together(*[NUMBERS % 10_000_000] * 30), LARGE),
    "forty data sets of one array": (
        together(f"&a {BYTES}", *[f"{DATA} {{X: *a}}"] * 80),
        LARGE,
    ),
    "one-hot classes": (
        "!obj:adversarial.datasets.dense_design_matrix.convert_to_one_hot {dataset: "
        f"{DATA} {{X: !obj:numpy.ones {{shape: [60000, 2]}}, "
        "y: !obj:numpy.arange {start: 0, stop: 60000}}}",
        LARGE,
    ),
    "whitening of two rows": (whitened(2, 30_000), LARGE),
    "whitening that fits in memory": (whitened(2, 5000), LARGE),
    "whitening again and again": (
        whitened(2, 1500, f"[&z !obj:{PREPROCESSING}.ZCA {{}}{', *z' * 50}]"),
        LARGE,
    ),
    "a long pipeline": (
        whitened(200, 10_000, f"[&s !obj:{PREPROCESSING}.Standardize {{}}{', *s' * 2000}]"),
        LARGE,
    ),
    "windows of one data set again and again": (
        together(IMAGE_DATA, f"{WINDOWS} {{window_shape: [8, 8], randomize: [{'*d, ' * 3000}]}}"),
        LARGE,
    ),
    "a wide margin around windows": (
        together(
            IMAGE_DATA,
            f"{WINDOWS} {{window_shape: [8, 8], randomize_once: [*d], pad_randomized: 20000}}",
        ),
        LARGE,
    ),
    "marginals again and again": (
        together(
            f"&d {DATA} {{X: !obj:numpy.ones {{shape: [60000, 784], dtype: float32}}}}",
            *[MARGINALS] * 5000,
        ),
        LARGE,
    ),
    "an array that each of many data sets looks at": (
        together(
            "&a !obj:numpy.ones {shape: [60000, 784], dtype: float32}",
            *[f"{DATA} {{X: *a}}"] * 3000,
        ),
        LARGE,
    ),
    "an array in many spaces": (
        together("&a !obj:numpy.ones {shape: [60000, 500]}", *[VECTORS] * 300),
        LARGE,
    ),
    # networks
    "forty layers": (
        network(
            *(f"{LINEAR} {{layer_name: h{n}, dim: 5000, irange: .1}}" for n in range(40)),
        ),
        LARGE,
    ),
    "a layer of 1.6 GB": (
        network(f"{LINEAR} {{layer_name: y, dim: 20000, irange: .1}}", below="nvis: 20000"),
        LARGE,
    ),
    "a layer of biases": (
        network(f"{LINEAR} {{layer_name: y, dim: 500000000, irange: .1}}", below="nvis: 1"),
        LARGE,
    ),
    "units that are drawn one by one": (
        network(f"{LINEAR} {{layer_name: y, dim: 3000000, sparse_init: 1}}", below="nvis: 9"),
        LARGE,
    ),
    "a wide composite": (
        network(
            "!obj:adversarial.models.mlp.CompositeLayer {layer_name: c, layers: ["
            + ", ".join(f"{LINEAR} {{layer_name: h{n}, dim: 9000, irange: .1}}" for n in range(40))
            + "]}",
            below="nvis: 9000",
        ),
        LARGE,
    ),
    "much noise in batches": (corpus.changed("nvis: 3", "nvis: 20000000"), LARGE),
    "a stride of 3000": (deconvolution(3000), "output_stride is (3000, 3000)"),
    "large images": (
        network(
            "!obj:adversarial.models.mlp.ConvRectifiedLinear {layer_name: y, output_channels: 9, "
            "kernel_shape: [9, 9], pool_shape: [2, 2], pool_stride: [1, 1], irange: .1}",
            below=images(3000, 3000, 1),
        ),
        LARGE,
    ),
    "kernels of each place": (
        network(
            "!obj:adversarial.models.maxout_local.MaxoutLocalC01B {layer_name: y, "
            "num_channels: 64, num_pieces: 2, kernel_shape: [8, 8], irange: .1, tied_b: 1}",
            below=images(100, 100, 8),
        ),
        LARGE,
    ),
    # what is compiled and drawn
    "a thousand million samples": (
        corpus.changed("monitor_ll: 0", "monitor_ll: 1, ll_n_samples: 1000000000"),
        "ll_n_samples",
    ),
    "a million samples": (
        corpus.changed("monitor_ll: 0", "monitor_ll: 1, ll_n_samples: 1000000"),
        "ll_n_samples",
    ),
    "a grid of large pixels": (with_grid("scale: 300"), "scale of SampleGrid"),
    "a grid of a million": (with_grid("rows: 1000, cols: 1000, scale: 1"), "rows, cols"),
    "a thousand monitored sets": (monitored(1000), "monitoring_dataset has 1000"),
    "fifty monitored sets": (monitored(50), "monitoring_dataset has 50"),
    "a thousand costs": (
        "!obj:adversarial.costs.cost.SumOfCosts {costs: "
        f"[&c !obj:adversarial.AdversaryCost2 {{}}{', *c' * 1000}]}}",
        "a sum of 1001 costs",
    ),
    # texts and objects
    "aliases of a text": (
        f"- &t {'x' * 500_000}\n" + f"- {PIPELINE} {{items: *t}}\n" * 3000,
        "aliases repeat it",
    ),
    "objects without end": (together(*["!obj:numpy.random.RandomState {seed: 1}"] * 20_000), LARGE),
}

# Experiments that are large, and must be made.
HONEST = {
    "the size of MNIST": f"{DATA} {{X: !obj:numpy.zeros {{shape: [60000, 784]}}}}",
    "whitening of MNIST's columns": whitened(500, 784),
    "a matrix of 8000 x 8000": network(
        f"{LINEAR} {{layer_name: y, dim: 8000, irange: .1}}", below="nvis: 8000"
    ),
    "a large text in many objects": nested("x" * 100_000, 40),
    "five monitored sets": monitored(5),
}


def _keys(count: int, *nodes: dict) -> bytes:
    """A dict of `count` keys, each a tuple of a node of `nodes` and a number."""
    tuples = [{"t": "tuple", "v": [[1], number]} for number in range(count)]
    first = len(nodes) + 1
    entries = [[[first + number], 0] for number in range(count)]
    return corpus.forged(corpus.document({"t": "dict", "v": entries}, *nodes, *tuples))


def _compressed(X: np.ndarray, bounds: np.ndarray) -> bytes:
    """A data set with 8 bits of each number, and two `bounds` that tell what they stand for."""
    state = [["X", [2]], ["compress_min", [3]], ["compress_max", [4]], ["design_loc", None]]
    name = "adversarial.datasets.dense_design_matrix:DenseDesignMatrix"
    arrays = [{"t": "array", "a": number} for number in range(3)]
    document = corpus.document(
        {"t": "object", "c": name, "v": [1]}, {"t": "dict", "v": state}, *arrays
    )
    return corpus.forged(document, [X, bounds, bounds.copy()])


def _sums(more: bytes) -> bytes:
    """A good model file, with `more` in its list of checksums."""
    with zipfile.ZipFile(io.BytesIO(corpus.model_file())) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    return corpus.zipped([*members[:-1], (container.SUMS, members[-1][1] + more)])


def _generator_of_stride(stride: int) -> bytes:
    """A model file whose generator was given another stride than it was made with."""
    generator = yaml_parse.load(f"!obj:adversarial.Generator {{mlp: {deconvolution(2)}}}")
    layer = generator.mlp.layers[0]
    layer.output_stride = (stride, stride)
    layer.output_space.shape = (7 * stride + 5, 7 * stride + 5)
    return serial.to_string(generator)


def models(large: bool) -> dict[str, tuple[bytes, str]]:
    """name: (bytes, what the line must hold). Those of over a megabyte only if they may be `large`.

    A tuple of two of the same tuple, and so on, has a hash that takes 2^depth steps.
    """
    deep = [{"t": "tuple", "v": [[n + 2]] * 2} for n in range(18)] + [{"t": "tuple", "v": [0]}]
    shared = {"t": "dict", "v": [[f"k{n}", 0] for n in range(20_000)]}
    space = {"t": "object", "c": "adversarial.space:VectorSpace", "v": [1]}
    empty = {"t": "list", "v": []}
    colliding = [[number * (2**61 - 1), 0] for number in range(40_000)]
    made = {
        "bounds across": (
            _compressed(np.zeros((60_000, 1), "u1"), np.ones((1, 60_000), "f4")),
            "two bounds for each column",
        ),
        "deep tuples": (_keys(3000, *deep), "keys that are not text"),
        "a long tuple in each key": (
            _keys(9999, {"t": "tuple", "v": [0] * 300_000}),
            "keys that are not text",
        ),
        "keys that collide": (
            corpus.forged(corpus.document({"t": "dict", "v": colliding})),
            "keys that are not text",
        ),
        "a state of many objects": (
            corpus.forged(
                corpus.document(
                    {"t": "list", "v": [[n + 3] for n in range(5000)]},
                    shared,
                    empty,
                    *[space] * 5000,
                )
            ),
            "many objects share",
        ),
        "checksums": (_sums(b"\n" * 10_000_000), "the list of checksums"),
    }
    if large:
        state = {"t": "randomstate", "b": "MT19937", "v": None}
        made |= {
            "random states": (corpus.many(state, 60_000), "far more"),
            "samples of megapixels": (_generator_of_stride(300), "is larger than"),
            "a stride of 3000 in a model": (_generator_of_stride(3000), "is larger than"),
            "300 MB of checksums": (_sums(b"\n" * 300_000_000), "the list of checksums"),
            "a tuple of 7 million in each key": (
                _keys(9999, {"t": "tuple", "v": [0] * 7_000_000}),
                "keys that are not text",
            ),
            "16 MB of lists": (
                corpus.forged(
                    corpus.document(
                        {"t": "list", "v": [[n + 1] for n in range(500_000)]}, *[empty] * 500_000
                    )
                ),
                "no generator",
            ),
        }
    return made
