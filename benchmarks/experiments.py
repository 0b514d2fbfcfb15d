"""The paper's experiments as plain data, from which each implementation builds its networks.

Nothing here imports a numerical library other than NumPy: each implementation has its own process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layer:
    """One layer; `units` counts outputs (channels, where the layer is convolutional).

    kind: 'rectifier', 'sigmoid', 'linear', 'maxout' (dense); 'maxout_conv' (then max-pooled,
    partial windows counted); 'deconv' (transposed convolution, a bias for every output value).
    """

    kind: str
    units: int
    irange: float
    pieces: int = 1
    kernel: int = 0
    pad: int = 0
    pool: int = 0
    stride: int = 1  # of the pooling, or of the deconvolution

    @property
    def dense(self) -> bool:
        return self.kind in ("rectifier", "sigmoid", "linear", "maxout")

    def weight_shape(self, below: tuple[int, ...]) -> tuple[int, ...]:
        """(inputs, columns) if dense, else (out, in, k, k), or (in, out, k, k) of a deconv."""
        columns = self.units * self.pieces
        if self.dense:
            return (int(np.prod(below)), columns)
        channels = (below[0], columns) if self.kind == "deconv" else (columns, below[0])
        return (*channels, self.kernel, self.kernel)

    def bias_shape(self, below: tuple[int, ...]) -> tuple[int, ...]:
        if self.kind == "deconv":
            return self.output_shape(below)
        return (self.units * self.pieces,)

    def conv_size(self, size: int) -> int:
        """Side of a convolution's output, before pooling, for an input of side `size`."""
        return size + 2 * self.pad - self.kernel + 1

    def pooled_size(self, size: int) -> int:
        """Side after pooling; partial windows count."""
        return -(-(size - self.pool) // self.stride) + 1

    def output_shape(self, below: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output for one example; `below` is the shape of the input."""
        if self.dense:
            return (self.units,)
        if self.kind == "deconv":
            size = self.stride * (below[1] - 1) - 2 * self.pad + self.kernel
        else:
            size = self.pooled_size(self.conv_size(below[1]))
        return (self.units, size, size)


@dataclass(frozen=True)
class Product:
    """The matrix product C (m, n) = A (m, k) B (k, n), computed `times` times.

    Each takes 2 m n k floating-point operations.
    """

    m: int
    n: int
    k: int
    transpose_a: bool = False
    transpose_b: bool = False
    times: int = 1

    @property
    def operations(self) -> int:
        return 2 * self.m * self.n * self.k * self.times


@dataclass(frozen=True)
class Experiment:
    """One experiment: the two networks, dropout of each layer's input, learning rate, data."""

    name: str
    yaml: str
    dataset: str
    noise: str
    noise_dim: int
    image: tuple[int, ...]
    generator: tuple[Layer, ...]
    discriminator: tuple[Layer, ...]
    batch: int
    learning_rate: float
    include: tuple[float, ...]
    generator_reshape: tuple[int, ...] = ()  # G's hidden vector as images, before a deconvolution
    momentum: float = 0.5
    decay_factor: float = 1.000004
    min_lr: float = 1e-6
    steps: int = 2  # per turn of the interleaved timing
    width: float = 1.0
    trained: str | None = None  # model file with this project's initial parameters

    def resized(
        self, batch: int | None = None, width: float = 1.0, trained: str | None = None
    ) -> Experiment:
        """A copy with another batch size and `width` times as many hidden units."""

        def scaled(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
            hidden = [
                dataclasses.replace(layer, units=scale_units(layer.units, width))
                for layer in layers[:-1]
            ]
            return (*hidden, layers[-1])

        if width != 1 and any(not x.dense for x in self.generator + self.discriminator):
            raise ValueError(f"--width is for networks of dense layers; {self.name} has others")
        return dataclasses.replace(
            self,
            batch=self.batch if batch is None else batch,
            width=width,
            trained=trained,
            generator=scaled(self.generator),
            discriminator=scaled(self.discriminator),
        )

    def generator_inputs(self) -> list[tuple[int, ...]]:
        """Input shape of each layer of G, for one example."""
        return _inputs(self.generator, (self.noise_dim,), self.generator_reshape)

    def discriminator_inputs(self) -> list[tuple[int, ...]]:
        """Input shape of each layer of D, for one example."""
        first_dense = self.discriminator[0].dense
        flat = (int(np.prod(self.image)),)
        return _inputs(self.discriminator, flat if first_dense else self.image, ())

    def initial_parameters(self, seed: int = 0) -> tuple[list, list]:
        """[(W, b), ...] of G and of D: float32, uniform in +-irange, biases zero."""
        rng = np.random.RandomState(seed)

        def network(layers: tuple[Layer, ...], inputs: list) -> list:
            return [
                (
                    rng.uniform(-x.irange, x.irange, x.weight_shape(below)).astype(np.float32),
                    np.zeros(x.bias_shape(below), np.float32),
                )
                for x, below in zip(layers, inputs)
            ]

        return (
            network(self.generator, self.generator_inputs()),
            network(self.discriminator, self.discriminator_inputs()),
        )

    def products(self) -> list[Product]:
        """The matrix products that every step needs.

        With minibatches of m examples these are: G's forward pass on m rows, D's on 2m (data and
        samples); the gradients with respect to all weights; and the gradients with respect to each
        layer's input, for D's lowest layer on the m samples only, for G's lowest layer not at all.
        A convolution counts as the product of its patches with its kernels, for each example.
        """
        m = self.batch
        inputs = self.generator_inputs()
        found: list[Product] = []
        for i, (layer, below) in enumerate(zip(self.generator, inputs)):
            found += _layer_products(layer, below, m, rows_to_below=m if i else 0)
        for i, (layer, below) in enumerate(zip(self.discriminator, self.discriminator_inputs())):
            found += _layer_products(layer, below, 2 * m, rows_to_below=2 * m if i else m)
        return found

    @property
    def operations(self) -> int:
        return sum(product.operations for product in self.products())


def scale_units(units: int, width: float) -> int:
    return max(1, round(units * width))


def _inputs(layers: tuple[Layer, ...], below: tuple[int, ...], reshape: tuple[int, ...]) -> list:
    shapes = []
    for layer in layers:
        if not layer.dense and len(below) == 1 and reshape:
            below = reshape
        shapes.append(below)
        below = layer.output_shape(below)
    return shapes


def _layer_products(
    layer: Layer, below: tuple[int, ...], rows: int, rows_to_below: int
) -> Iterator[Product]:
    weights = layer.weight_shape(below)
    if layer.dense:
        fan_in, columns = weights
        yield Product(rows, columns, fan_in)
        yield Product(fan_in, columns, rows, transpose_a=True)
        if rows_to_below:
            yield Product(rows_to_below, fan_in, columns, transpose_b=True)
        return
    patch = layer.kernel**2
    if layer.kind == "deconv":
        channels, positions = below[0], below[1] ** 2
        fan = layer.units * patch  # the patches are of the output
        yield Product(fan, positions, channels, transpose_a=True, times=rows)
        yield Product(channels, fan, positions, transpose_b=True, times=rows)
        yield Product(channels, positions, fan, times=rows_to_below)
        return
    columns, fan = weights[0], below[0] * patch
    positions = layer.conv_size(below[1]) ** 2
    yield Product(columns, positions, fan, times=rows)
    yield Product(columns, fan, positions, transpose_b=True, times=rows)
    yield Product(fan, positions, columns, transpose_a=True, times=rows_to_below)


def _maxout(units: int, irange: float = 0.005) -> Layer:
    return Layer("maxout", units, irange, pieces=5)


def _maxout_conv(units: int, kernel: int, pad: int, pool: int) -> Layer:
    return Layer("maxout_conv", units, 0.005, pieces=2, kernel=kernel, pad=pad, pool=pool, stride=2)


_LOGIT = Layer("sigmoid", 1, 0.005)
_CIFAR_HIDDEN = (Layer("rectifier", 8000, 0.05), Layer("sigmoid", 8000, 0.05))

EXPERIMENTS = {
    x.name: x
    for x in (
        Experiment(
            name="mnist",
            yaml="yaml/mnist.yaml",
            dataset="mnist",
            noise="uniform",
            noise_dim=100,
            image=(1, 28, 28),
            generator=(
                Layer("rectifier", 1200, 0.05),
                Layer("rectifier", 1200, 0.05),
                Layer("sigmoid", 784, 0.05),
            ),
            discriminator=(_maxout(240), _maxout(240), _LOGIT),
            batch=100,
            learning_rate=0.1,
            include=(0.8, 0.5, 0.5),
            steps=10,
        ),
        Experiment(
            name="cifar10_fully_connected",
            yaml="yaml/cifar10_fully_connected.yaml",
            dataset="cifar10",
            noise="gaussian",
            noise_dim=100,
            image=(3, 32, 32),
            generator=(*_CIFAR_HIDDEN, Layer("linear", 3072, 0.5)),
            discriminator=(_maxout(1600), _maxout(1600), _LOGIT),
            batch=100,
            learning_rate=0.025,
            include=(0.8, 0.5, 0.5),
        ),
        Experiment(
            name="cifar10_convolutional",
            yaml="yaml/cifar10_convolutional.yaml",
            dataset="cifar10",
            noise="gaussian",
            noise_dim=100,
            image=(3, 32, 32),
            generator=(*_CIFAR_HIDDEN, Layer("deconv", 3, 0.05, kernel=5, stride=3)),
            generator_reshape=(80, 10, 10),
            discriminator=(
                _maxout_conv(32, kernel=8, pad=4, pool=4),
                _maxout_conv(32, kernel=8, pad=3, pool=4),
                _maxout_conv(192, kernel=5, pad=3, pool=2),
                _maxout(500),
                _LOGIT,
            ),
            batch=128,
            learning_rate=0.004,
            include=(0.8, 0.5, 0.5, 0.5, 0.5),
        ),
    )
}
