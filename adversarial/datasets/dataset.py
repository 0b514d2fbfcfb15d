"""What training and monitoring ask of a data set."""

from __future__ import annotations

from typing import Any

from adversarial.modelfile import Persistent

# (space, source): the layout of a batch and the name of its array, or a CompositeSpace and a tuple
# of names that is nested alike.
DataSpecs = tuple[Any, Any]


class Dataset(Persistent):
    """A collection of examples that is visited in minibatches.

    A subclass that defines `iterator` can be trained on. See `DenseDesignMatrix` for examples that
    are rows of a matrix, and `VectorSpacesDataset` for several arrays.

    Examples
    --------
    >>> import numpy as np
    >>> class Noise(Dataset):
    ...     def iterator(self, mode=None, batch_size=None, num_batches=None, rng=None, **layout):
    ...         rng = np.random.RandomState(0)
    ...         return (rng.normal(size=(batch_size, 2)) for _ in range(num_batches))
    >>> [batch.shape for batch in Noise().iterator(batch_size=5, num_batches=3)]
    [(5, 2), (5, 2), (5, 2)]
    """

    def get_num_examples(self) -> int:
        """How many examples there are; NotImplementedError where the data set does not know."""
        raise NotImplementedError(f"{type(self).__name__} does not know its size")

    def get_data_specs(self) -> DataSpecs:
        """(space, source) of what `get_data` gives."""
        raise NotImplementedError(f"{type(self).__name__} has no data specs")

    def get_data(self) -> Any:
        """All examples: an array, or a tuple of arrays, as `get_data_specs` says."""
        raise NotImplementedError(f"{type(self).__name__} does not give out its data")

    def iterator(
        self,
        mode: Any = None,
        batch_size: int | None = None,
        num_batches: int | None = None,
        rng: Any = None,
        data_specs: DataSpecs | None = None,
        return_tuple: bool = False,
    ) -> Any:
        """Minibatches as NumPy arrays; `ArrayDataset.iterator` describes the arguments."""
        raise NotImplementedError(f"{type(self).__name__} cannot be iterated over")

    def has_targets(self) -> bool:
        """Whether examples have targets."""
        return False

    def adjust_for_viewer(self, X: Any) -> Any:
        """`X` mapped to [-1, 1], from black to white, for pictures."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to show its examples")

    def adjust_to_be_viewed_with(self, X: Any, other: Any, per_example: bool = False) -> Any:
        """`X` mapped as `adjust_for_viewer` maps `other`, so that the two can be compared."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to show its examples")
