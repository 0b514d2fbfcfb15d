"""A picture of the samples that are most suspicious of being memorised; `evaluate` draws it."""

from __future__ import annotations

import numpy as np

from adversarial.evaluation.nearest_neighbors import k_nearest
from adversarial.viewer.samples import Sheet, View, to_unit


def memorised_sheet(
    samples: np.ndarray,
    training: np.ndarray,
    test: np.ndarray,
    view: View,
    rows: int = 10,
    groups: int = 4,
) -> Sheet:
    """The samples nearest to a training example, in proportion to the nearest test example.

    Parameters
    ----------
    samples, training, test : (number, dimension) arrays
    view : View
        How rows become images.
    rows, groups : int
        There are so many groups of three images in a row: a sample, the training example nearest to
        it, framed, and the nearest test example. The most suspicious sample comes first.

    Returns
    -------
    Sheet

    Raises
    ------
    ValueError
        Where samples are not finite.

    Examples
    --------
    >>> rng = np.random.RandomState(0)
    >>> training, test = rng.rand(50, 4), rng.rand(50, 4)
    >>> sheet = memorised_sheet(training[:9], training, test, View((2, 2, 1)), rows=1, groups=2)
    >>> np.array_equal(sheet.images[0], sheet.images[1])  # a copy, and the example
    True
    """
    (seen, to_seen), (unseen, to_unseen) = (
        k_nearest(data, np.asarray(samples)) for data in (training, test)
    )
    ratio = to_seen[:, 0] / np.maximum(to_unseen[:, 0], 1e-12)
    worst = np.argsort(ratio, kind="stable")[: rows * groups]
    triples = np.stack(
        [samples[worst], training[seen[worst, 0]], test[unseen[worst, 0]]], axis=1
    ).reshape(3 * len(worst), -1)
    framed = np.arange(len(triples)) % 3 == 1
    images = to_unit(view.images(triples), like=training)
    return Sheet(images, -(-len(worst) // groups), 3 * groups, framed)
