"""The picture of suspicious samples: copies first, each beside its example."""

from __future__ import annotations

import numpy as np

from adversarial.viewer.memorised import memorised_sheet
from adversarial.viewer.samples import View


def test_copies_come_first_beside_their_examples():
    rng = np.random.RandomState(0)
    training, test = rng.rand(60, 6), rng.rand(50, 6)
    samples = np.concatenate([test[:5], rng.rand(5, 6), training[7:9]])
    sheet = memorised_sheet(samples, training, test, View((2, 3, 1)), rows=2, groups=3)
    images = sheet.images.reshape(6, 3, 6)
    assert (sheet.rows, sheet.cols) == (2, 9) and len(sheet.images) == 18
    np.testing.assert_array_equal(sheet.framed, [False, True, False] * 6)
    copied = View((2, 3, 1)).images(training[7:9]).reshape(2, 6)
    np.testing.assert_array_equal(images[:2, 0], copied)
    np.testing.assert_array_equal(images[:2, 1], copied)
    # The others are in the order of their distances' ratio, by a loop.
    ratios = [
        min(np.linalg.norm(training - row, axis=1)) / min(np.linalg.norm(test - row, axis=1))
        for row in samples[5:10]
    ]
    third = View((2, 3, 1)).images(samples[5:10][np.argsort(ratios)[:1]]).reshape(6)
    np.testing.assert_array_equal(images[2, 0], third)


def test_fewer_samples_than_places():
    rows = np.random.RandomState(0).rand(5, 4)
    sheet = memorised_sheet(rows, rows, 1 - rows, View((2, 2, 1)))
    assert len(sheet.images) == 15 and sheet.rows == 2
