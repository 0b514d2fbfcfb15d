"""`Metrics`, which computes metrics of samples between epochs and records them as channels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.compatibility import check_compatible
from adversarial.evaluation.features import check_classifier, features_of
from adversarial.evaluation.metric import Inputs, Unavailable, find_metrics
from adversarial.evaluation.parzen_protocol import Split
from adversarial.evaluation.sampling import RepeatedSamples, sample_space
from adversarial.monitor import add_data_free_channel
from adversarial.monitor.lookup import channel_values
from adversarial.train_extensions import EpochExtension
from adversarial.utils.budget import spend
from adversarial.utils.checks import check_part
from adversarial.viewer.samples import view_of

log = logging.getLogger(__name__)

# Bytes for each number of a sample, and of the layers that compute it.
_PER_NUMBER = 32


class Metrics(EpochExtension):
    """Computes metrics every few epochs, on few samples, as monitor channels of the same names.

    Samples are always of the same noise z, so that a curve shows what the model learns. Training
    stays bit for bit what it is without this extension. Between computations, a channel repeats
    its last value. A metric that fails, as on samples of a model that has diverged, is NaN, with a
    warning. One that cannot be computed before training, for lack of an input or of examples, is an
    error.

    Parameters
    ----------
    metrics : list of str
        Names, as `python -m adversarial.scripts.evaluate` lists them.
    test : Dataset
        What samples are compared with: `num_samples` of its examples, drawn at random once. Where a
        metric chooses a hyperparameter (`parzen_ll`: sigma), as many others choose it.
    every : int
        Epochs of this training from one computation to the next; the first is before it.
    num_samples : int
    classifier : MLP or 'mnist', optional
        The network whose features metrics compare: 'mnist' is the one of this package. Of a model
        file, in YAML: `classifier: !pkl: classifier.pkl`.
    seed : int
        For z and the choice of test examples, from 0 to 2^32 - 1.
    options : dict of dict, optional
        Options by the names of metrics, as `{ais_ll: {steps: 100}}`.

    Raises
    ------
    TypeError
        At setup, if a metric needs `test` and it is no data set.
    ValueError
        If there is no such metric or option, a number is out of range, or `classifier` is no
        classifier; at setup, if the model has no generator, a metric needs a classifier and none is
        given, 'mnist' is the classifier of data that are not digits of 784 numbers from 0 to 1,
        `test` differs from the training data in width, image shape or scale, or there is another
        channel of a metric's name.

    Examples
    --------
    >>> Metrics(["fid_pixels", "two_sample_pixels"], test=None, every=5).every
    5
    >>> Metrics(["fid_pixel"], test=None)
    Traceback (most recent call last):
    ...
    ValueError: no metric 'fid_pixel'; did you mean fid_pixels? (there are: ...
    """

    # From the YAML, or made by `setup` of what it has: data are not part of a saved training.
    new_at_start = ("classifier", "_draw", "_features", "_test", "_split")

    def __init__(
        self,
        metrics: Iterable[str],
        test: Any,
        every: int = 1,
        num_samples: int = 1000,
        classifier: Any = None,
        seed: int = 0,
        options: Optional[Mapping[str, Mapping[str, Any]]] = None,
    ) -> None:
        super().__init__()
        self.names = [each.name for each in find_metrics(metrics)]
        self.options = {name: dict(given) for name, given in (options or {}).items()}
        for each in find_metrics(self.options):
            each.check_options(self.options[each.name])
            if each.name not in self.names:
                raise ValueError(f"options of {each.name}, but metrics does not name it")
        if classifier is not None:
            check_classifier(classifier, "classifier of Metrics")
        for name, value, least in (("every", every, 1), ("num_samples", num_samples, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} of Metrics must be a whole number of at least {least}")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 32:
            raise ValueError("seed of Metrics must be a whole number from 0 to 2^32 - 1")
        spend(f"num_samples of Metrics: {num_samples}", briefly=_PER_NUMBER * 1000 * num_samples)
        self.test = test
        self.every = every
        self.num_samples = num_samples
        self.seed = seed
        self.classifier = classifier
        self._last: dict[str, float] = {}  # the value of each metric when it was last computed
        self._draw: Any = None
        self._features: Any = None
        self._test: Any = None
        self._split: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Data and compiled functions are not part of a saved training.
        left_out = dict.fromkeys(("test", "classifier", "_draw", "_features", "_test", "_split"))
        return {**self.__dict__, **left_out}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, and add the channels."""
        self._draw = RepeatedSamples(model, self.num_samples, self.seed, "metrics")
        needed = {need for each in find_metrics(self.names) for need in each.needs}
        if needed & {"test", "splits"}:
            self._choose(model, dataset)
        if "features" in needed:
            if self.classifier is None:
                raise ValueError(
                    "a metric of Metrics needs features: give it a classifier, or 'mnist'"
                )
            compared = dataset.get_design_matrix() if self._test is None else self._test
            self._features = features_of(self.classifier, "classifier of Metrics", compared)
            # One row shows whether the classifier is one of such data.
            self._features(np.zeros((1, sample_space(model).get_total_dimension())))
        monitored = getattr(algorithm, "monitoring_dataset", None)
        if not monitored:
            raise ValueError("Metrics needs channels: give the algorithm a monitoring_dataset")
        for name in self.names:
            add_data_free_channel(model.monitor, monitored, name, np.nan)

    def _choose(self, model: Any, dataset: Any) -> None:
        """Choose the test examples, and a split of those and as many others."""
        check_part("test of Metrics", self.test, "get_design_matrix")
        rows, own = self.test.get_design_matrix(), dataset.get_design_matrix()
        check_compatible(model, "the model", rows, self.test, "test of Metrics", own)
        order = np.random.RandomState(self.seed).permutation(len(rows))[: 2 * self.num_samples]
        scored, valid = np.array_split(order, 2)
        self._split = Split(valid=rows[np.sort(valid)], scored=rows[np.sort(scored)])
        self._test = rows[np.sort(order[: self.num_samples])]

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compute the metrics, or repeat their values, as the last values of their channels."""
        done = self._epochs_done(model)
        if done % self.every:
            # The record before is no such value where an `EpochMonitor` measures within epochs.
            for name in self.names:
                channel_values(model, name)[-1] = self._last.get(name, np.nan)
            return
        inputs = Inputs(
            samples=self._draw,
            training=dataset.get_design_matrix,
            model=lambda: model,
            shape=lambda: view_of(model, dataset).shape,
            test=lambda: self._test,
            splits=lambda: [self._split],
            features=lambda: self._features,
        )
        for each in find_metrics(self.names):
            try:
                value = each.compute(inputs, **self.options.get(each.name, {})).value
            except ValueError as error:
                if isinstance(error, Unavailable) and not done:
                    raise  # an input is missing, or too small, which training does not change
                log.warning("no value of a metric: %s", error)
                value = np.nan
            channel_values(model, each.name)[-1] = self._last[each.name] = float(value)
