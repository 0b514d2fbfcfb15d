"""The parts of a data set: disjoint, exhaustive, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adversarial.datasets.partition import partition, shuffled
from adversarial.utils import seeding


@st.composite
def cases(draw):
    count = draw(st.integers(6, 400))
    valid = draw(st.floats(0.2, 0.35))
    test = draw(st.floats(0.2, 0.35))
    split = {"train": 1 - valid - test, "valid": valid, "test": test}
    order = draw(st.permutations(list(split)))
    seed = draw(st.one_of(st.none(), st.integers(0, 2**32 - 1)))
    classes = draw(st.one_of(st.none(), st.integers(1, 5)))
    if classes is not None:
        classes = np.random.RandomState(count).randint(classes, size=count)
    return count, {name: split[name] for name in order}, seed, classes


@given(cases())
def test_fractions_are_disjoint_exhaustive_and_repeatable(case):
    count, split, seed, classes = case
    parts = partition(count, split, seed, classes)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(count))
    for name, rows in parts.items():
        assert abs(len(rows) - split[name] * count) <= 1
        assert rows.dtype == np.int64
    again = partition(count, dict(reversed(split.items())), seed, classes)
    for name in split:
        np.testing.assert_array_equal(parts[name], again[name])


@given(cases())
def test_each_class_has_its_share(case):
    count, split, seed, classes = case
    if classes is None:
        return
    parts = partition(count, split, seed, classes)
    for label in np.unique(classes):
        total = (classes == label).sum()
        for name, rows in parts.items():
            # Each of the two cuts can be off by one example, and ties by one more.
            assert abs((classes[rows] == label).sum() - split[name] * total) <= 3


def test_equal_classes_are_cut_exactly():
    classes = np.repeat(np.arange(10), 100)
    parts = partition(1000, {"train": 0.8, "valid": 0.1, "test": 0.1}, 3, classes)
    for name, size in ("train", 80), ("valid", 10), ("test", 10):
        assert np.bincount(classes[parts[name]]).tolist() == [size] * 10
    # In random order: the first examples of a part are of several classes.
    assert len(set(classes[parts["test"]][:20])) > 5


def test_seeds_differ_and_none_keeps_the_order():
    halves = {"train": 0.5, "test": 0.5}
    one, other = partition(100, halves, 1)["test"], partition(100, halves, 2)["test"]
    assert set(one) != set(other)
    assert partition(10, halves, None)["train"].tolist() == [0, 1, 2, 3, 4]
    assert partition(10, {"train": 1}, None)["train"].tolist() == list(range(10))


def test_the_base_seed_of_a_replicate_leaves_the_test_set():
    before = partition(50, {"train": 0.5, "test": 0.5}, 7)["test"]
    seeding.set_base_seed(5)
    np.testing.assert_array_equal(partition(50, {"train": 0.5, "test": 0.5}, 7)["test"], before)
    np.testing.assert_array_equal(shuffled(50, 7), np.random.RandomState(7).permutation(50))


def test_ranges_are_taken_as_they_are():
    split = {"test": [90, 100], "train": [0, 50], "valid": [60, 90]}
    parts = partition(100, split, 5)
    assert {name: (rows[0], rows[-1], len(rows)) for name, rows in parts.items()} == {
        "train": (0, 49, 50),
        "valid": (60, 89, 30),
        "test": (90, 99, 10),
    }


def test_thirds_written_with_three_digits():
    parts = partition(90, {"train": 0.333, "valid": 0.333, "test": 0.333})
    assert sum(map(len, parts.values())) == 90


@pytest.mark.parametrize(
    "split, message",
    [
        ({"train": 0.8, "valid": 0.1}, "make 0.9 together, not 1"),
        ({"valid": 0.5, "test": 0.5}, "has no 'train'"),
        ({"train": 0.5, "trial": 0.5}, "split must give"),
        ({"train": 1.5, "test": -0.5}, "'train' is 1.5"),
        ({"train": True}, "'train' is True"),
        ({"train": 0.5, "test": [50, 100]}, r"'test' is \[50, 100\]"),
        ({"train": [0, 60], "test": [50, 100]}, "ranges of 'train' and 'test' overlap"),
        ({"train": [0, 60], "test": [60, 101]}, "'test' ends at 101, but there are 100 examples"),
        ({"train": [5, 5]}, "holds no example"),
        ({"train": [0, 5, 9]}, r"must be \[start, stop\]"),
        ({"train": [0, 5.5]}, r"must be \[start, stop\]"),
        ({"train": 0.999, "test": 0.001}, "0.001 of 100 examples leaves none for 'test'"),
        ([0.8, 0.2], "split must give"),
        ({}, "split must give"),
    ],
)
def test_refused(split, message):
    with pytest.raises(ValueError, match=message):
        partition(100, split)


def test_one_example_cannot_be_cut():
    with pytest.raises(ValueError, match="1 example leaves none for 'valid'.*train: 1"):
        partition(1, {"train": 0.8, "valid": 0.1, "test": 0.1})
    assert partition(1, {"train": 1})["train"].tolist() == [0]
