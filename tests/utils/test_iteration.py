"""The ways of walking through a dataset give the rows they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adversarial.space import CompositeSpace, IndexSpace, NullSpace, VectorSpace
from adversarial.utils import iteration

MODES = [
    "sequential",
    "shuffled_sequential",
    "batchwise_shuffled_sequential",
    "random_slice",
    "random_uniform",
    "even_sequential",
    "even_shuffled_sequential",
    "even_batchwise_shuffled_sequential",
]


def rows_of(subset, size):
    return list(np.arange(size)[subset])


def make(mode, size, batch_size=None, num_batches=None, rng=None):
    return iteration.resolve_iterator_class(mode)(size, batch_size, num_batches, rng)


@given(
    size=st.integers(1, 40),
    batch=st.integers(1, 12),
    mode=st.sampled_from(["sequential", "shuffled_sequential", "batchwise_shuffled_sequential"]),
)
def test_sequential_modes_give_every_row_once(mode, size, batch):
    iterator = make(mode, size, batch)
    batches = [rows_of(subset, size) for subset in iterator]
    assert sorted(sum(batches, [])) == list(range(size))
    assert len(batches) == iterator.num_batches == -(-size // batch)
    assert iterator.num_examples == size
    assert iterator.uneven == (size % batch != 0)
    assert sorted(map(len, batches))[1:] == [batch] * (len(batches) - 1)


@given(
    size=st.integers(1, 40),
    batch=st.integers(1, 12),
    mode=st.sampled_from([m for m in MODES if m.startswith("even_")]),
)
def test_even_modes_give_full_batches_only(mode, size, batch):
    if batch > size:
        with pytest.raises(ValueError, match=f"no full batch of {batch} in {size}"):
            make(mode, size, batch)
        return
    batches = [rows_of(subset, size) for subset in make(mode, size, batch)]
    assert [len(b) for b in batches] == [batch] * (size // batch)
    assert len(set(sum(batches, []))) == batch * (size // batch)


def test_sequential_keeps_the_order():
    assert [rows_of(s, 7) for s in make("sequential", 7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_sequential_from_the_number_of_batches_alone():
    assert [len(rows_of(s, 10)) for s in make("sequential", 10, None, 4)] == [3, 3, 3, 1]


def test_sequential_stops_early_when_told():
    assert [rows_of(s, 10) for s in make("sequential", 10, 3, 2)] == [[0, 1, 2], [3, 4, 5]]
    assert make("sequential", 10, 3, 2).num_examples == 6


def test_batchwise_shuffling_moves_whole_slices():
    batches = list(make("batchwise_shuffled_sequential", 100, 10, rng=3))
    starts = [b.start for b in batches]
    assert starts != sorted(starts)
    assert all(b.stop - b.start == 10 for b in batches)


def test_random_slice_covers_all_starts():
    starts = {s.start for s in make("random_slice", 5, 3, 200, 0)}
    assert starts == {0, 1, 2}


def test_random_uniform_draws_with_replacement_over_all_rows():
    batches = list(make("random_uniform", 5, 50, 4, 0))
    assert len(batches) == 4 and all(b.shape == (50,) and b.dtype == np.int64 for b in batches)
    assert set(np.concatenate(batches)) == set(range(5))


@pytest.mark.parametrize("mode", [m for m in MODES if iteration.is_stochastic(m)])
def test_a_seed_repeats_and_a_generator_goes_on(mode):
    def draw(rng):
        return [rows_of(s, 60) for s in make(mode, 60, 6, 10, rng)]

    assert draw(5) == draw(5) == draw(np.random.RandomState([5]))
    assert draw(5) != draw(6)
    rng = np.random.RandomState(5)
    assert draw(rng) != draw(rng)


def test_what_the_modes_say_about_themselves():
    assert [m for m in MODES if not iteration.is_stochastic(m)] == ["sequential", "even_sequential"]
    assert [m for m in MODES if not iteration.has_uniform_batch_size(m)] == [
        "sequential",
        "shuffled_sequential",
        "batchwise_shuffled_sequential",
    ]
    for mode in MODES:
        subset = next(make(mode, 10, 2, 3))
        assert isinstance(subset, slice) != iteration.resolve_iterator_class(mode).fancy


@pytest.mark.parametrize(
    "mode, sizes, message",
    [
        ("sequential", (10, None, None), "needs batch_size or num_batches"),
        ("sequential", (10, 5, 3), "only 2 batches of 5, not 3"),
        ("sequential", (10, 0, None), "batch_size must be an integer of at least 1, not 0"),
        ("sequential", (0, 5, None), "dataset_size must be"),
        ("sequential", (10, 2.5, None), "not 2.5"),
        ("sequential", (3, None, 4), "3 examples cannot be cut into 4"),
        ("random_uniform", (10, 5, None), "needs both batch_size and num_batches"),
        ("random_slice", (10, 11, 1), "batch_size 11 is larger than the dataset, 10"),
    ],
)
def test_mistakes_are_named(mode, sizes, message):
    with pytest.raises(ValueError, match=message):
        make(mode, *sizes)


def test_sequential_refuses_a_generator():
    with pytest.raises(ValueError, match="takes no rng"):
        make("sequential", 10, 2, rng=1)


def test_unknown_modes_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown iteration mode 'shuffled'.*sequential"):
        iteration.resolve_iterator_class("shuffled")
    assert (
        iteration.resolve_iterator_class(iteration.RandomSliceSubsetIterator)
        is iteration.RandomSliceSubsetIterator
    )


class Numbers:
    """Five examples: rows of two numbers, and classes."""

    X = np.arange(10, dtype="float32").reshape(5, 2)
    y = np.array([[0], [1], [2], [1], [0]])

    def get_data_specs(self):
        return (
            CompositeSpace((VectorSpace(2), IndexSpace(max_labels=3, dim=1))),
            ("features", "targets"),
        )

    def get_data(self):
        return self.X, self.y


def walk(data_specs=None, return_tuple=False, convert=None):
    subsets = iteration.SequentialSubsetIterator(5, 2, None)
    return iteration.FiniteDatasetIterator(Numbers(), subsets, data_specs, return_tuple, convert)


def test_minibatches_of_all_sources_by_default():
    batches = list(walk())
    assert np.array_equal(np.concatenate([x for x, _ in batches]), Numbers.X)
    assert np.array_equal(np.concatenate([y for _, y in batches]), Numbers.y)


def test_minibatches_are_nested_as_asked_and_formatted():
    specs = (
        CompositeSpace((VectorSpace(3), CompositeSpace((VectorSpace(2), NullSpace())))),
        ("targets", ("features", "")),
    )
    one_hot, (x, nothing) = next(walk(specs))
    assert np.array_equal(one_hot, [[1, 0, 0], [0, 1, 0]])
    assert np.array_equal(x, Numbers.X[:2]) and nothing is None


def test_a_lone_source_comes_bare_or_as_a_tuple():
    specs = VectorSpace(2), "features"
    assert np.array_equal(walk(specs).next(), Numbers.X[:2])
    (x,) = next(walk(specs, return_tuple=True))
    assert np.array_equal(x, Numbers.X[:2])


def test_a_given_conversion_is_used():
    doubled = walk((VectorSpace(2), "features"), convert={"features": lambda x, space: 2 * x})
    assert np.array_equal(next(doubled), 2 * Numbers.X[:2])


def test_the_iterator_tells_its_numbers():
    iterator = walk()
    assert (
        iterator.batch_size,
        iterator.num_batches,
        iterator.num_examples,
        iterator.uneven,
        iterator.stochastic,
    ) == (2, 3, 5, True, False)


def test_wrong_sources_are_refused_early():
    with pytest.raises(ValueError, match="no 'labels', only 'features', 'targets'"):
        walk((VectorSpace(2), "labels"))
    with pytest.raises(ValueError, match="1 spaces for 2 sources"):
        walk((CompositeSpace((VectorSpace(2),)), ("features", "targets")))
