"""Checks that data has the width, image shape and scale of a model's samples.

Without this check, a metric of samples in [0, 1] and data in [-1, 1] is a number that looks like a
score. Every command that compares samples with data calls `check_compatible` first.
"""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.sampling import draw_samples, draws_itself, generator_of, sample_space
from adversarial.models.mlp import (
    MLP,
    HardSigmoid,
    Sigmoid,
    SigmoidConvNonlinearity,
    Softmax,
    Tanh,
    TanhConvNonlinearity,
)
from adversarial.models.mlp.activation import SigmoidActivation
from adversarial.space import Conv2DSpace

ImageShape = tuple[int, int, int]  # rows, columns, channels

# Two data sets have one scale if their ranges differ by less than this fraction; the ranges of data
# in [0, 1] and in [-1, 1] differ by more.
TOLERANCE = 0.25
# Samples may exceed the data's range by this fraction of it: a model need not be good.
MAX_EXCESS = 0.5
# Samples must span at least this fraction of the data's range; a collapsed model's span more.
MIN_SPAN = 0.02
NUM_SAMPLES = 100
# The least and the greatest number that the last layer of a generator can give.
_UNIT = (Sigmoid, HardSigmoid, SigmoidActivation, SigmoidConvNonlinearity, Softmax)
_BOUNDS = ((_UNIT, (0.0, 1.0)), ((Tanh, TanhConvNonlinearity), (-1.0, 1.0)))
_FREE = (-math.inf, math.inf)


def rows_of(data: Any, what: str) -> np.ndarray:
    """The examples of `data`, checked: finite numbers, an example a row.

    Parameters
    ----------
    data : (n, dimension) array, or a data set
    what : str
        What messages call the data.

    Raises
    ------
    ValueError
        Where `data` is something else, holds no example, or a number is not finite.

    Examples
    --------
    >>> rows_of(np.zeros(3), "test")
    Traceback (most recent call last):
    ...
    ValueError: test must be a data set or an array of numbers (examples, dimension), not ...
    """
    if hasattr(data, "get_design_matrix"):
        data = data.get_design_matrix()
    try:
        rows = np.asarray(data)
    except ValueError:  # rows that differ in length
        rows = np.empty(len(data), object)
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        shape = f" of {rows.dtype} of shape {rows.shape}" if rows.ndim else ""
        raise ValueError(
            f"{what} must be a data set or an array of numbers (examples, dimension), not "
            f"{type(data).__name__}{shape}"
        )
    if not rows.size:
        raise ValueError(f"{what} has the shape {rows.shape}, so it holds no example")
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"{what}: example {row}, number {column}, is {rows[row, column]}, which is not finite\n"
            "Leave such examples out, or replace the numbers."
        )
    return rows


def check_compatible(
    model: Any,
    path: str,
    rows: np.ndarray,
    dataset: Any,
    what: str,
    own: Optional[np.ndarray] = None,
    width: Optional[int] = None,
) -> None:
    """Raise ValueError unless `rows` can be compared with samples of a model.

    Parameters
    ----------
    model : AdversaryPair or Generator
    path : str
        The model's file, for messages.
    rows : (n, dimension) array
        The data.
    dataset : a data set, or None
        The data set of `rows`; its view converter, if it has one, tells the shape of images.
    what : str
        What messages call the data.
    own : (n, dimension) array, optional
        The data that the model was trained on, whose scale is compared with that of `rows`;
        without it, the scale of NUM_SAMPLES samples is.
    width : int, optional
        Numbers in a row, if it is not the generator's output size.

    Raises
    ------
    ValueError
        Where width, image shape or scale differ; the message has both.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=2, irange=1.0)], nvis=3))
    >>> check_compatible(generator, "g.pkl", np.zeros((5, 4)), None, "test.yaml")
    Traceback (most recent call last):
    ...
    ValueError: g.pkl makes samples of 2 numbers, but test.yaml has 4: was it trained on another ...
    """
    space = sample_space(model)
    made = space.get_total_dimension()
    width = made if width is None else width
    if rows.shape[1] != width:
        raise ValueError(
            f"{path} makes samples of {width} numbers, but {what} has {rows.shape[1]}: was it "
            "trained on another data set?"
        )
    theirs = image_shape(dataset)
    ours = image_shape(space) or image_shape(model)
    if theirs and ours and math.prod(ours) == width and theirs != ours:
        raise ValueError(
            f"{path} makes images of {_times(ours)}, but those of {what} are {_times(theirs)} "
            "(rows x columns x channels)"
        )
    if own is not None:
        _check_scale(path, rows, own, what)
    elif made == width:
        _check_samples(path, rows, model, what)


def image_shape(owner: Any) -> Optional[ImageShape]:
    """The (rows, columns, channels) of the images in a space, a data set or a model's data.

    A `Conv2DSpace` holds images; a data set and a trained model know the shape by their view
    converter. None where the shape is not known.

    Examples
    --------
    >>> image_shape(Conv2DSpace((28, 28), num_channels=1))
    (28, 28, 1)
    """
    if isinstance(owner, Conv2DSpace):
        rows, cols = owner.shape
        return rows, cols, owner.num_channels
    converter = getattr(owner, "view_converter", None)
    if not isinstance(converter, DefaultViewConverter):
        return None
    rows, cols, channels = converter.shape
    return rows, cols, channels


def _check_scale(path: str, rows: np.ndarray, own: np.ndarray, what: str) -> None:
    """Raise ValueError where the ranges of two data sets differ by more than TOLERANCE."""
    (low, high), (own_low, own_high) = value_range(rows), value_range(own)
    if low == high or own_low == own_high:
        return  # constants have no scale
    allowed = TOLERANCE * max(high - low, own_high - own_low)
    if max(abs(low - own_low), abs(high - own_high)) > allowed:
        raise ValueError(
            f"{path} was trained on data from {own_low:.4g} to {own_high:.4g}, but {what} goes "
            f"from {low:.4g} to {high:.4g}: give --dataset a YAML file of data that is treated as "
            "the training set was"
        )


def _check_samples(path: str, rows: np.ndarray, model: Any, what: str) -> None:
    """Raise ValueError where samples exceed the range of data, or cannot span it."""
    samples = draw_samples(model, NUM_SAMPLES)
    low, high = value_range(rows)
    made_low, made_high = value_range(samples)
    top, (least, greatest) = _bounds(model)
    # Samples may lie anywhere within these bounds, so their own range says less than the bounds do.
    if max(least - low, high - greatest) > TOLERANCE * (greatest - least):
        raise ValueError(
            f"{path} makes samples from {least:g} to {greatest:g}, since its generator ends in "
            f"{top}, but {what} goes from {low:.4g} to {high:.4g}: give data that is treated as "
            "the training set was"
        )
    if made_low == made_high < high:
        raise ValueError(
            f"all numbers in samples of {path} are {made_low:.4g}: has the model been trained, or "
            "has it collapsed?"
        )
    exceeds = max(low - made_low, made_high - high) > MAX_EXCESS * (high - low)
    if exceeds or made_high - made_low < MIN_SPAN * (high - low):
        raise ValueError(
            f"{path} makes samples from {made_low:.4g} to {made_high:.4g}, but {what} goes from "
            f"{low:.4g} to {high:.4g}: give --dataset a YAML file of data that is treated as the "
            "training set was"
        )


def _bounds(model: Any) -> tuple[str, tuple[float, float]]:
    """(the last layer's class, the least and the greatest number of a sample)."""
    top = None if draws_itself(model) else getattr(generator_of(model), "mlp", None)
    while isinstance(top, MLP):
        top = top.layers[-1]
    top = getattr(top, "nonlin", top)  # of a convolutional layer
    name = type(top).__name__
    return next(((name, at) for kinds, at in _BOUNDS if isinstance(top, kinds)), (name, _FREE))


def value_range(rows: np.ndarray) -> tuple[float, float]:
    """The 0.001 and 0.999 quantiles of about 2000 rows: single outliers do not count."""
    values = np.sort(rows[:: max(1, len(rows) // 2000)], axis=None)
    left_out = len(values) // 1000
    return float(values[left_out]), float(values[-1 - left_out])


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
