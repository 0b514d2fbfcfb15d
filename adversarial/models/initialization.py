"""First values of weights and biases."""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from adversarial.space import Conv2DSpace
from adversarial.space.conv2d import half_of

MAX_PARAMETER = 1 << 29  # values; eight times the largest matrix of the paper's networks


def check_size(*shape: int) -> None:
    """ValueError for a parameter no machine of today should be asked to hold."""
    if math.prod(shape) > MAX_PARAMETER:
        raise ValueError(f"a parameter of {' x '.join(map(str, shape))} values is too large")


def check_initialization(layer: str, **ways: Optional[float]) -> None:
    """ValueError unless exactly one of the ways to initialise weights is given."""
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        what = " and ".join(f"{name}={ways[name]}" for name in given) or "none"
        raise ValueError(f"layer {layer!r} needs exactly one of {', '.join(ways)}; got {what}")
    name = given[0]
    value = ways[name]
    if value is None or not value >= 0:
        raise ValueError(f"layer {layer!r}: {name} must not be negative, got {value!r}")


def initial_weights(
    rng: np.random.RandomState,
    shape: tuple[int, int],
    irange: Optional[float] = None,
    istdev: Optional[float] = None,
    sparse_init: Optional[int] = None,
    sparse_stdev: float = 1.0,
    include_prob: float = 1.0,
    allowed: Optional[np.ndarray] = None,
) -> np.ndarray:
    """A weight matrix of `shape` (inputs, units), float64.

    irange: uniform on [-irange, irange], each weight kept with probability `include_prob`.
    istdev: normal with this standard deviation.
    sparse_init: this many normal weights per unit (standard deviation `sparse_stdev`), at random
    inputs, the rest zero; `allowed` (inputs, units) says which places may be used.
    """
    check_size(*shape)
    if irange is not None:
        W = rng.uniform(-irange, irange, shape)
        kept = rng.uniform(0.0, 1.0, shape) < include_prob
        return W * kept
    if istdev is not None:
        return rng.randn(*shape) * istdev
    return sparse_stdev * _sparse(rng, shape, int(sparse_init or 0), allowed)


def _sparse(
    rng: np.random.RandomState, shape: tuple[int, int], count: int, allowed: Optional[np.ndarray]
) -> np.ndarray:
    inputs, units = shape
    W = np.zeros(shape)
    for unit in range(units):
        places = np.arange(inputs) if allowed is None else np.flatnonzero(allowed[:, unit])
        if count > len(places):
            raise ValueError(f"sparse_init={count}, but unit {unit} has {len(places)} inputs")
        W[rng.choice(places, size=count, replace=False), unit] = rng.randn(count)
    return W


def initial_bias(init_bias: Any, dim: int, layer: str) -> np.ndarray:
    """A bias vector (dim,) from a number or a vector; ValueError when the length differs."""
    value = np.asarray(init_bias, dtype="float64")
    check_size(dim)
    if value.ndim == 0:
        return np.full(dim, float(value))
    if value.shape != (dim,):
        raise ValueError(f"layer {layer!r}: init_bias has shape {value.shape}, expected ({dim},)")
    return value


def bias_from_marginals(means: np.ndarray) -> np.ndarray:
    """b with sigmoid(b) = means, the means clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(np.asarray(means, dtype="float64"), 1e-7, 1.0 - 1e-7)
    return np.log(p / (1.0 - p))


def init_sigmoid_bias_from_marginals(
    dataset: Any, use_y: bool = False, side: Optional[str] = None
) -> np.ndarray:
    """Biases that give a sigmoid layer the mean of `dataset`'s features (targets if `use_y`).

    With a `side`, only of that half of the images, as a generator that inpaints puts it out.
    ValueError when the data does not span [0, 1], which is what a sigmoid can produce.
    """
    data = dataset.get_targets() if use_y else dataset.get_design_matrix()
    low, high = float(data.min()), float(data.max())
    if low != 0.0 or high != 1.0:
        raise ValueError(
            f"biases from marginals need data that spans 0 to 1, but it spans {low} to {high}"
        )
    means = data.mean(axis=0, dtype="float64")
    if side is not None:
        image = dataset.get_topological_view(means[None])
        image = Conv2DSpace.convert(image, dataset.view_converter.axes, ("b", 0, 1, "c"))[0]
        means = image[half_of(image.shape[:2], side)].ravel()
    return bias_from_marginals(means)


def marginals(dataset: Any) -> np.ndarray:
    """The mean of each feature of `dataset`, shape (features,)."""
    return dataset.get_design_matrix().mean(axis=0)
