"""Features of images, for metrics that compare distributions of features instead of pixels.

The classifier of digits in `classifiers/` comes with the package, so that metrics of MNIST need no
training first. It was made by these commands, in two minutes on two cores:

    cp adversarial/evaluation/classifiers/mnist.yaml . && python train.py mnist.yaml

and then saved without the state of its training. For other data, train a classifier in the same
way, and give it to `evaluate` as `--features`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend, modelfile
from adversarial.evaluation.compatibility import TOLERANCE, value_range
from adversarial.evaluation.unavailable import Unavailable
from adversarial.files.opening import digest_of, open_regular
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import VectorSpace, format_data

# The classifier of digits, and the numbers that each of them has, from 0 (paper) to 1 (ink).
DIGITS = os.path.join(os.path.dirname(__file__), "classifiers", "mnist.pkl")
PIXELS = 28 * 28


class Features:
    """The output of a classifier's layer below the top one, as rows of numbers.

    Parameters
    ----------
    network : MLP of at least two layers
    batch_size : int
        Examples that are computed at a time.

    Attributes
    ----------
    name : str
        What results call the classifier.
    sha256 : str, optional
        The digest of its file, in hexadecimal digits.

    Raises
    ------
    ValueError
        Where the network has a single layer.

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid, Softmax
    >>> hidden, top = Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)
    >>> Features(MLP([hidden, top], nvis=4))(np.zeros((5, 4))).tolist()[0]
    [0.5, 0.5, 0.5]
    """

    def __init__(self, network: Any, batch_size: int = 1000) -> None:
        if not _is_suitable(network):
            raise ValueError(_unsuitable(network))
        self.batch_size = batch_size
        self.name = type(network).__name__
        self.sha256: Optional[str] = None
        taken, given = network.get_input_space(), network.layers[-2].get_output_space()
        self.dimension = taken.get_total_dimension()
        rows = at.matrix("rows")
        batch = format_data(rows, VectorSpace(self.dimension), taken)
        states = network.fprop(batch, return_all=True)
        width = VectorSpace(given.get_total_dimension())
        self._compute = backend.function([rows], given.format_as(states[-2], width))
        self._classify: Any = None
        if isinstance(network.layers[-1], Softmax):
            self._classify = backend.function([rows], states[-1])

    @classmethod
    def load(cls, path: str, allow_modules: Any = ()) -> Features:
        """The features of the classifier in a model file.

        Raises
        ------
        ValueError
            Where the file holds no network of at least two layers; the message names the file.
        """
        with open_regular(path) as stream:
            digest = digest_of(stream)
        network = modelfile.load(path, allow_modules=allow_modules)
        if not _is_suitable(network):
            raise ValueError(f"{path}: {_unsuitable(network)}")
        features = cls(network)
        features.name, features.sha256 = os.path.basename(path), digest
        return features

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Features (n, k) of `rows` (n, dimension)."""
        return self._in_batches(self._compute, rows)

    def classes(self, rows: np.ndarray) -> np.ndarray:
        """The most probable class (n,) of each of `rows` (n, dimension).

        Raises
        ------
        Unavailable
            Where the network's top layer is no Softmax.
        """
        if self._classify is None:
            raise Unavailable("the top layer of the network is no Softmax, so it has no classes")
        return self._in_batches(self._classify, rows).argmax(axis=1)

    def _in_batches(self, compute: Callable[..., np.ndarray], rows: np.ndarray) -> np.ndarray:
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise ValueError(
                f"the classifier takes examples of {self.dimension} numbers, but these have "
                f"{' x '.join(map(str, rows.shape[1:]))}: was it trained on other data?"
            )
        rows = np.asarray(rows, backend.floatX)
        starts = range(0, max(len(rows), 1), self.batch_size)
        return np.concatenate([compute(rows[start : start + self.batch_size]) for start in starts])


def _is_suitable(network: Any) -> bool:
    return isinstance(network, MLP) and len(network.layers) >= 2


def _unsuitable(network: Any) -> str:
    """Why `network` has no features, and what to give."""
    what = "an MLP of one layer" if isinstance(network, MLP) else type(network).__name__
    return f"features are taken from an MLP of at least two layers, as of a classifier, not {what}"


def check_classifier(given: Any, what: str) -> None:
    """Raise ValueError unless `features_of` takes `given`; messages call it `what`."""
    if isinstance(given, str) and given != "mnist":
        raise ValueError(
            f"{what} is 'mnist' or a network, not the text {given!r}\n"
            f'Of a model file, give what it holds: !pkl: "{given}" in a YAML file, '
            f"adversarial.load({given!r}) in Python."
        )
    if not isinstance(given, str) and not callable(given) and not _is_suitable(given):
        raise ValueError(f"{what}: {_unsuitable(given)}")


def check_digits(rows: np.ndarray) -> None:
    """Raise Unavailable unless `rows` have the width and scale that `digit_features` knows.

    Samples are not checked: they have the data's scale, which a model need not keep to.

    Examples
    --------
    >>> check_digits(np.linspace(-1, 1, 784)[None])
    Traceback (most recent call last):
    ...
    adversarial.evaluation.unavailable.Unavailable: the classifier of this package knows digits ...
    """
    low, high = value_range(rows)
    if rows.shape[1] != PIXELS or max(abs(low), abs(high - 1)) > TOLERANCE:
        raise Unavailable(
            f"the classifier of this package knows digits of {PIXELS} numbers from 0 to 1, but "
            f"these examples have {rows.shape[1]} from {low:.4g} to {high:.4g}: give a classifier "
            "of such data (of evaluate: --features MODEL); docs/EVALUATION.md, Features, says how "
            "to train one"
        )


def features_of(
    given: Any, what: str = "features", data: Optional[np.ndarray] = None
) -> Callable[[np.ndarray], np.ndarray]:
    """The function that computes features, of what a caller gives for it.

    Parameters
    ----------
    given : MLP of at least two layers, 'mnist', or a function from rows (n, dimension) to (n, k)
        'mnist' is the classifier of digits that comes with the package.
    what : str
        What messages call it.
    data : (n, dimension) array, optional
        Examples whose features are wanted.

    Raises
    ------
    ValueError
        Where it is something else.
    Unavailable
        Where it is 'mnist', and `data` have another width or scale than digits.

    Examples
    --------
    >>> features_of("classifier.pkl")
    Traceback (most recent call last):
    ...
    ValueError: features is 'mnist' or a network, not the text 'classifier.pkl'...
    """
    check_classifier(given, what)
    if isinstance(given, str):
        if data is not None:
            check_digits(data)
        return digit_features()
    return given if callable(given) else Features(given)


def digit_features() -> Features:
    """The features of the classifier of digits that comes with the package; pixels in [0, 1].

    Examples
    --------
    >>> features = digit_features()
    >>> features(np.zeros((3, 784))).shape, features.name
    ((3, 64), 'mnist.pkl')
    """
    return Features.load(DIGITS)
