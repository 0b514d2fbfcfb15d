"""`InlineSamples`, which shows samples in a notebook while a model is trained."""

from __future__ import annotations

from typing import Any

from adversarial.evaluation.sampling import RepeatedSamples, generator_of
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.progress import is_notebook
from adversarial.viewer.inline import Samples
from adversarial.viewer.samples import view_of


class InlineSamples(TrainExtension):
    """Shows a picture of samples below the notebook's cell, always from the same noise z.

    After each epoch a new picture takes the place of the last one. Without a notebook, and for
    samples that are no images, this does nothing.

    Parameters
    ----------
    n : int
        How many samples, from 1 to 100.
    seed : int
        For z.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from adversarial.train_extensions.progress import Progress
    >>> extensions = [Progress(), InlineSamples(n=20)]
    """

    only_watches = True

    def __init__(self, n: int = 100, seed: int = 0) -> None:
        for name, value, most in (("n", n, 100), ("seed", seed, 2**32 - 1)):
            if not isinstance(value, int) or not (name == "n") <= value <= most:
                raise ValueError(
                    f"{name} of InlineSamples must be a whole number of at most {most}, "
                    f"not {value!r}"
                )
        self.n = n
        self.seed = seed
        self._draw: Any = None
        self._view: Any = None
        self._shown: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_draw": None, "_view": None, "_shown": None}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, in a notebook."""
        self._draw = self._shown = None
        if not is_notebook():
            return
        try:
            generator_of(model)
            self._view = view_of(model, dataset)
        except ValueError:
            return
        # Here rather than later: all compilation is before the first epoch.
        self._draw = RepeatedSamples(model, 100, self.seed)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Show the picture."""
        if self._draw is None:
            return
        from IPython.display import display

        samples = Samples.of(self._draw()[: self.n], self._view)
        if self._shown is None:
            self._shown = display(samples, display_id=True)
        else:
            self._shown.update(samples)
