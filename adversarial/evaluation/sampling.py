"""Draws samples of a trained model as arrays.

Samples depend on the seed, the batch size and the parameters only, and drawing them leaves the
model's own random streams as they are. Metrics, `show_samples` and `SampleGrid` call this.

A model is sampled in one of two ways. An `AdversaryPair` or a `Generator` draws z and computes
G(z). Any other model draws its samples itself, as a Markov chain does: it has a method
`sampler(batch_size, seed)`, which returns a function without arguments. Each call of that function
gives the next batch, an array (batch_size, dimension), and `get_output_space()` is the space of
samples. `draw_samples`, `sample_batches`, `sampler_of` and `sample_space` serve both kinds of
models; the other functions are for generators.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.generator import Generator
from adversarial.models.mlp import FlattenerLayer
from adversarial.space import Space, VectorSpace, format_data
from adversarial.utils.memory import check_fits

FLOAT_BYTES = np.dtype(backend.floatX).itemsize


class NoGenerator(ValueError):
    """A model has no generator, but what is asked for needs one: G(z) at given z, for example."""


def generator_of(model: Any) -> Generator:
    """The generator of an `AdversaryPair`, or `model` itself if it is a `Generator`.

    Raises
    ------
    NoGenerator
        For any other model: a ValueError.
    """
    generator = getattr(model, "generator", model)
    if not isinstance(generator, Generator):
        raise NoGenerator(
            f"a model of class {type(model).__name__} has no generator "
            + (
                "(it draws its samples itself)"
                if draws_itself(model)
                else "to draw samples from: give an AdversaryPair, or a Generator"
            )
        )
    return generator


def draws_itself(model: Any) -> bool:
    """Whether `model` has a method `sampler`, through which its samples are drawn."""
    return callable(getattr(model, "sampler", None))


def sample_space(model: Any) -> Space:
    """The space of the samples of `model`.

    Raises
    ------
    NoGenerator
        For a model of which no samples can be drawn.
    """
    return (model if draws_itself(model) else generator_of(model)).get_output_space()


def sampler_of(model: Any, batch_size: int = 100, seed: int = 0) -> Callable[[], np.ndarray]:
    """A function that draws the next `batch_size` samples at each call, as rows.

    Parameters
    ----------
    model : AdversaryPair, Generator, or a model with a method `sampler`
    batch_size, seed : int
        The same seed, batch size and parameters give the same samples.

    Raises
    ------
    ValueError
        If `batch_size` is not positive, or no samples can be drawn of `model`.
    TypeError
        If the model's own sampler is no function.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if not draws_itself(model):
        return Sampler(model, batch_size, seed)
    draw = model.sampler(batch_size, seed)
    name = type(model).__name__
    if not callable(draw):
        raise TypeError(f"{name}.sampler must return a function that draws a batch, not {draw!r}")
    wanted = (batch_size, sample_space(model).get_total_dimension())

    def checked() -> np.ndarray:
        rows = np.asarray(draw())
        if rows.shape != wanted:
            raise ValueError(
                f"the function that {name}.sampler returns must give an array of shape {wanted} "
                f"(batch_size, numbers of get_output_space()), not {rows.shape}"
            )
        return rows

    return checked


class Sampler:
    """Draws batches of G(z), by a function that is compiled once; see `sampler_of`."""

    def __init__(self, model: Any, batch_size: int, seed: int) -> None:
        self.generator = generator_of(model)
        with fresh_streams(self.generator, seed):
            self._draw = backend.function([], self.generator.sample(batch_size))

    def __call__(self) -> np.ndarray:
        """`batch_size` samples as rows of a design matrix, shape (batch_size, dimension)."""
        return as_rows(self._draw(), self.generator)


class RepeatedSamples:
    """Draws samples of a generator while it is trained, always from the same random numbers.

    So what differs from one call to the next is what the generator has learned. Training stays bit
    for bit what it is without. A model that draws its samples itself is refused: the steps of a
    Markov chain can take longer than an epoch.

    Parameters
    ----------
    model : AdversaryPair or Generator
    n, seed : int
    name : str
        For profiles of the compiled function.

    Raises
    ------
    NoGenerator
        For any other model.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> draw = RepeatedSamples(generator, 10)
    >>> np.array_equal(draw(), draw())
    True
    """

    def __init__(self, model: Any, n: int, seed: int = 0, name: str = "samples") -> None:
        self.generator = generator_of(model)
        with fresh_streams(self.generator, seed):
            samples = self.generator.sample(n)
            # The function has random streams of its own, which never advance.
            self._draw = backend.function([], samples, name=name, no_default_updates=True)

    def __call__(self) -> np.ndarray:
        """The samples, an array (n, dimension)."""
        return as_rows(self._draw(), self.generator)


def draw_samples(
    model: Any,
    n: int,
    seed: int = 0,
    batch_size: int = 100,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """`n` samples as rows of a design matrix.

    Parameters
    ----------
    model : AdversaryPair, Generator, or a model with a method `sampler`
    n, seed : int
    batch_size : int
        Samples that are drawn at a time; others than 100 give other samples.
    progress : function, optional
        Called after each batch with the number of samples in it.

    Returns
    -------
    (n, dimension) array of dtype `floatX`

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> draw_samples(generator, 10).shape
    (10, 4)
    """
    dimension = sample_space(model).get_total_dimension()
    batches = sample_batches(model, n, seed, batch_size)
    check_fits(f"{n:,} samples of {dimension:,} numbers", n * dimension * FLOAT_BYTES)
    samples = np.empty((n, dimension), backend.floatX)
    start = 0
    for batch in batches:
        samples[start : start + len(batch)] = batch
        start += len(batch)
        if progress is not None:
            progress(len(batch))
    return samples


def sample_batches(
    model: Any, n: int, seed: int = 0, batch_size: int = 100
) -> Iterator[np.ndarray]:
    """The samples that `draw_samples` returns, batch by batch, for any `n` in bounded memory.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> [len(batch) for batch in sample_batches(generator, 250)]
    [100, 100, 50]
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"the number of samples must be a whole number of at least 1, not {n!r}")
    batch_size = min(batch_size, n)
    draw = sampler_of(model, batch_size, seed)
    return (draw()[: n - start] for start in range(0, n, batch_size))


def draw_noise(model: Any, n: int, seed: int = 0) -> np.ndarray:
    """Points z from the generator's noise distribution.

    Parameters
    ----------
    model : AdversaryPair or Generator
    n, seed : int

    Returns
    -------
    array (n, dimension of z)
    """
    generator = generator_of(model)
    with fresh_streams(generator, seed):
        return backend.function([], generator.get_noise(n))()


def samples_at(model: Any, z: np.ndarray) -> np.ndarray:
    """G(z) for given points z.

    Parameters
    ----------
    model : AdversaryPair or Generator
    z : array (n, dimension of z)

    Returns
    -------
    array (n, dimension), rows of a design matrix
    """
    return next(batches_at(model, z, len(z)))


def batches_at(model: Any, z: np.ndarray, batch_size: int = 100) -> Iterator[np.ndarray]:
    """G(z) for given points z, batch by batch; `z` may be a memory map.

    Raises
    ------
    ValueError
        If `z` is not a matrix with one column for each number of z.
    """
    generator = generator_of(model)
    space = generator.get_input_space()
    dim = space.get_total_dimension()
    if z.ndim != 2 or z.shape[1] != dim:
        raise ValueError(f"z has the shape {z.shape}; this model takes rows of {dim} numbers")
    points = at.matrix("z")
    images = generator.mlp.fprop(VectorSpace(dim).format_as(points, space))
    draw = backend.function([points], images)
    starts = range(0, len(z), batch_size) if batch_size else [0]
    return (
        as_rows(draw(np.asarray(z[start : start + batch_size], points.dtype)), generator)
        for start in starts
    )


def given_class(model: Any, number: int) -> Any:
    """`model` with a generator that draws samples of the class `number` only.

    Parameters
    ----------
    model : AdversaryPair or Generator
        Its generator is conditional: it has a method `given_classes`, as that of
        `sandbox/conditional`.
    number : int

    Raises
    ------
    ValueError
        If the generator is not conditional, or has no such class.
    """
    generator = generator_of(model)
    if not hasattr(generator, "given_classes"):
        raise ValueError(
            f"the generator, a {type(generator).__name__}, has no classes: only conditional "
            "models do (sandbox/conditional)"
        )
    bound = generator.given_classes([number])
    if generator is model:
        return bound
    model = copy.copy(model)
    model.generator = bound
    return model


def inpaint(model: Any, images: np.ndarray, side: str, seed: int = 0) -> np.ndarray:
    """`images` (n, rows, columns, channels) with their half `side` painted by G.

    G sees the other half; `side` is one of `space.conv2d.SIDES`.
    """
    generator = generator_of(model)
    seen = at.tensor4("images")
    with fresh_streams(generator, seed):
        painted, _ = generator.inpainting_sample_and_noise(seen, side=side)
        return backend.function([seen], painted)(np.asarray(images, seen.dtype))


def as_rows(batch: np.ndarray, model: Any) -> np.ndarray:
    """A batch in the output space of `model` as rows of a design matrix."""
    space = model.get_output_space()
    return format_data(np.asarray(batch), space, VectorSpace(space.get_total_dimension()))


@contextlib.contextmanager
def fresh_streams(model: Any, seed: int) -> Iterator[None]:
    """Within the block, graphs of `model` draw from new random streams, seeded by `seed`.

    These streams take the place of the attribute `theano_rng` of the model and of its layers.
    """
    owners = [part for part in parts_of(model) if hasattr(part, "theano_rng")]
    own = [part.theano_rng for part in owners]
    try:
        for i, part in enumerate(owners):
            part.theano_rng = backend.RandomStreams(seed, f"samples {i}")
        yield
    finally:
        for part, streams in zip(owners, own):
            part.theano_rng = streams


def parts_of(model: Any) -> Iterator[Any]:
    """`model`, its network and all layers below it, in a fixed order."""
    yield model
    if hasattr(model, "mlp") and isinstance(model, Generator):
        yield from parts_of(model.mlp)
    if isinstance(model, FlattenerLayer):
        yield from parts_of(model.raw_layer)
    for layer in getattr(model, "layers", ()):
        yield from parts_of(layer)
