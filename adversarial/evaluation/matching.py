"""Whether data is of the kind that a model makes: the same width, shape and scale.

Samples and data of two kinds can be compared number by number all the same, and what comes out
looks like a score or a picture. `check_match` is asked before.
"""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.sampling import draw_samples, generator_of
from adversarial.space import Conv2DSpace

ImageShape = tuple[int, int, int]  # rows, columns, channels

# Data of one scale differ in their range by less than this part of it; [0, 1] and [-1, 1] by more.
TOLERANCE = 0.25
# So much of the data's range samples may go beyond it: a model need not be a good one.
BEYOND = 0.5
# Samples may be all alike, but not if they span so small a part of the data's range.
SPAN = 0.02
DRAWN = 100


def check_match(
    model: Any,
    path: str,
    rows: np.ndarray,
    dataset: Any,
    what: str,
    own: Optional[np.ndarray] = None,
    width: Optional[int] = None,
) -> None:
    """Raise ValueError, saying what differs, unless `rows` are of the kind that a model makes.

    Parameters
    ----------
    model, path
        The model, and the file that it is from.
    rows : (n, dimension) array
        Data, `what` in messages.
    dataset
        What they are from: its view converter, if any, knows what they look like.
    own : (n, dimension) array, optional
        What the model was trained on, which tells its scale; without it `DRAWN` samples tell it.
    width : int, optional
        Numbers in a row, where it is not what the generator puts out.
    """
    generator = generator_of(model)
    space = generator.get_output_space()
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
        _check_samples(path, rows, draw_samples(model, DRAWN), what)


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
    """Both are data, so their ranges are about the same where their scales are."""
    (low, high), (own_low, own_high) = _range(rows), _range(own)
    if low == high or own_low == own_high:
        return  # constants have no scale
    allowed = TOLERANCE * max(high - low, own_high - own_low)
    if max(abs(low - own_low), abs(high - own_high)) > allowed:
        raise ValueError(
            f"{path} was trained on data from {own_low:.4g} to {own_high:.4g}, but {what} goes "
            f"from {low:.4g} to {high:.4g}: give --dataset a YAML file of data that is treated as "
            "the training set was"
        )


def _check_samples(path: str, rows: np.ndarray, samples: np.ndarray, what: str) -> None:
    low, high = _range(rows)
    made_low, made_high = _range(samples)
    beyond = max(low - made_low, made_high - high) > BEYOND * (high - low)
    if beyond or made_high - made_low < SPAN * (high - low):
        raise ValueError(
            f"{path} makes samples from {made_low:.4g} to {made_high:.4g}, but {what} goes from "
            f"{low:.4g} to {high:.4g}: give --dataset a YAML file of data that is treated as the "
            "training set was"
        )


def _range(rows: np.ndarray) -> tuple[float, float]:
    """From about the least to about the greatest value, of which single ones say little."""
    values = np.sort(rows[:: max(1, len(rows) // 2000)], axis=None)
    left_out = len(values) // 1000
    return float(values[left_out]), float(values[-1 - left_out])


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
