"""What every dataset offers to training."""

from __future__ import annotations

from adversarial.utils.serial import Persistent


class Dataset(Persistent):
    """A collection of examples that can be walked through in minibatches."""

    def get_num_examples(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not know its size")

    def get_data_specs(self):
        """(space, source) of what `get_data` gives."""
        raise NotImplementedError(f"{type(self).__name__} has no data specs")

    def get_data(self):
        """All examples: an array, or a tuple of arrays, as `get_data_specs` says."""
        raise NotImplementedError(f"{type(self).__name__} does not give out its data")

    def iterator(
        self,
        mode=None,
        batch_size=None,
        num_batches=None,
        rng=None,
        data_specs=None,
        return_tuple=False,
    ):
        """Minibatches as NumPy arrays; see `adversarial.utils.iteration`."""
        raise NotImplementedError(f"{type(self).__name__} cannot be iterated over")

    def has_targets(self) -> bool:
        return False

    def adjust_for_viewer(self, X):
        """`X` mapped to [-1, 1], as an image viewer wants it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to show its examples")

    def adjust_to_be_viewed_with(self, X, other, per_example=False):
        """`X` mapped by the scale with which `other` would be shown."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to show its examples")
