"""The sizes and the schedule of an experiment on data of the user's own, from what is in the data.

`recipe` writes them to a YAML file, and `recipe_networks` the two networks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Optional

from adversarial.datasets.recognize import Recognized

# Fewer examples teach nothing: with a tenth for validation, a few minibatches of ten.
FEWEST = 100
# More numbers in an example make dense layers of gigabytes.
MOST_NUMBERS = 100_000
# Sides of images for which the convolutional recipe has been tried.
SIDES = range(16, 65)
# Steps of the whole training: those of mnist.yaml in 50 epochs, after which its samples are digits.
STEPS = 25_000
SAVES = 250
TRAIN_SHARE = 0.8


@dataclasses.dataclass(frozen=True)
class Choices:
    """What the experiment is made of; `recipe` says in a comment why.

    Attributes
    ----------
    scale : str
        The argument of the data set, as YAML.
    output : str
        The class of G's last layer.
    batch_size, epochs, save_freq : int
    generator, discriminator : int
        Units of each hidden layer; of D, maxout units of five pieces.
    is_convolutional : bool
    """

    scale: str
    output: str
    batch_size: int
    epochs: int
    save_freq: int
    generator: int
    discriminator: int
    is_convolutional: bool


def choose(found: Recognized, dense: bool = False) -> Choices:
    """What fits the data; `dense` asks for dense networks for images in colour, too.

    Raises
    ------
    ValueError
        If the data is too small, too large, or all the same.
    """
    where = found.arguments["path"]
    where = where["train"] if isinstance(where, Mapping) else where
    if found.count < FEWEST:
        raise ValueError(
            f"{where} has {found.count} examples: too few to train on, at least {FEWEST} are needed"
        )
    if found.dimension > MOST_NUMBERS:
        advice = "\nResize the images: --size 32 32" if found.image else ""
        raise ValueError(
            f"{where} has {found.dimension:,} numbers in an example: more than {MOST_NUMBERS:,}, "
            f"for which dense layers are too large{advice}"
        )
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        raise ValueError(f"{where} has numbers that are not finite: NaN or infinity")
    if not found.low < found.high:
        raise ValueError(
            f"{where} has only equal numbers, {found.low:g}: there is nothing to learn"
        )
    train = int(found.count * TRAIN_SHARE)
    is_convolutional = (
        not dense
        and found.image is not None
        and found.image[2] == 3
        and all(side in SIDES for side in found.image[:2])
    )
    limits = ((5000, 100), (2000, 50), (500, 25), (0, 10))
    batch_size = next(size for least, size in limits if train >= least)
    epochs = min(1000, max(30, round(STEPS * batch_size / train)))
    scale, output = _scale_and_output(found, is_convolutional)
    # 240 units for the 784 pixels of MNIST; half of them for few examples, which D would remember.
    units = min(240, max(60, 10 * round(found.dimension * 240 / 784 / 10)))
    if train < 5000:
        units = max(40, units // 20 * 10)
    return Choices(
        scale=scale,
        output=output,
        batch_size=batch_size,
        epochs=epochs,
        save_freq=max(1, math.ceil(epochs / SAVES)),
        generator=5 * units,
        discriminator=units,
        is_convolutional=is_convolutional,
    )


def _scale_and_output(found: Recognized, is_convolutional: bool) -> tuple[str, str]:
    if is_convolutional:
        return "standardize", "Linear"
    is_of_bytes = found.dtype in ("bool", "uint8", "uint16") or "data_range" in found.arguments
    if is_of_bytes or (found.low >= 0 and found.high <= 1) or found.image is not None:
        is_signed = -1 <= found.low < 0 and found.high <= 1
        return ("[-1, 1]", "Tanh") if is_signed else ("[0, 1]", "Sigmoid")
    return "standardize", "Linear"


def shape_of_size(found: Recognized, size: Optional[list[int]]) -> Recognized:
    """`found` with images resized to `size` (rows, columns)."""
    if size is None:
        return found
    if found.image is None or "ImageFolder" not in found.cls:
        raise ValueError("--size is for folders of images")
    rows, columns = size
    return dataclasses.replace(
        found,
        arguments={**found.arguments, "size": [rows, columns]},
        image=(rows, columns, found.image[2]),
        dimension=rows * columns * found.image[2],
        notes=(),
    )
