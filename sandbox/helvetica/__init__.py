"""Mode collapse, the paper's "Helvetica scenario" (section 6): G maps many z to the same x.

`GeneratorAhead` provokes the collapse; the channels of `CollapseChannels` show it.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at

from adversarial import backend
from adversarial.evaluation.sampling import draw_noise, generator_of
from adversarial.monitor import add_data_free_channel
from adversarial.space import VectorSpace, format_data
from adversarial.train_extensions import TrainExtension
from adversarial.training_algorithms.cycler import Cycler
from sandbox.classifier import Classifier

# A class is present if at least this share of the samples belongs to it.
PRESENT = 0.01


class GeneratorAhead(Cycler):
    """Update callback: after `start` epochs, D is updated in every k-th minibatch only, G in all.

    The paper warns of this: "G must not be trained too much without updating D".

    Parameters
    ----------
    k : int
        Minibatches per update of D.
    start : int
        Number of epochs in which both players are updated in all minibatches.

    Raises
    ------
    ValueError
        If `start` is negative or not an integer.
    """

    def __init__(self, k: int, start: int = 0) -> None:
        super().__init__(k, player="discriminator")
        if not (isinstance(start, int) and start >= 0):
            raise ValueError(f"start must be a number of epochs, 0 or more, not {start!r}")
        self.start = start

    def __call__(self, sgd: Any) -> None:
        if sgd.monitor.get_epochs_seen() >= self.start:
            super().__call__(sgd)


class CollapseChannels(TrainExtension):
    """Adds monitor channels that fall when samples become alike. It does not change the training.

    At each monitoring it makes samples, always from the same z. The channels:

    samples_distance : mean Euclidean distance between two samples
    data_distance : the same for as many examples of the first monitoring dataset; a constant
    samples_class_0, ... : the share of samples that the classifier assigns to each class
    samples_entropy : entropy of these shares in nats; ln 10 = 2.30 for ten equal shares
    samples_classes : the number of shares that are at least PRESENT

    Parameters
    ----------
    classifier : Classifier
        Its input is a sample. It is not part of the model.
    num_samples : int
    seed : int
        For z.

    Raises
    ------
    ValueError
        If there are fewer than two samples; at setup, if there is no monitoring dataset, or the
        generator's output and the classifier's input differ in size.
    """

    only_watches = True

    def __init__(self, classifier: Classifier, num_samples: int = 1000, seed: int = 0) -> None:
        if num_samples < 2:
            raise ValueError(f"num_samples must be at least 2, not {num_samples!r}")
        self.classifier = classifier
        self.num_samples = num_samples
        self.seed = seed

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channels to the monitor."""
        monitored = getattr(algorithm, "monitoring_dataset", None)
        if not monitored:
            raise ValueError("CollapseChannels needs a monitoring_dataset to compare samples with")
        first = next(iter(monitored.values()))
        data = first.get_design_matrix()[: self.num_samples]
        rows = self._samples(generator_of(model))
        shares = histogram(self.classifier.fprop(rows))
        channels = {
            "samples_distance": mean_distance(rows),
            "data_distance": mean_distance(backend.shared(data, "data")),
            "samples_entropy": entropy(shares),
            "samples_classes": (shares >= PRESENT).sum(),
        }
        for i in range(self.classifier.n_classes):
            channels[f"samples_class_{i}"] = shares[i]
        for name, value in channels.items():
            add_data_free_channel(model.monitor, first, name, value)

    def _samples(self, generator: Any) -> Any:
        """Symbolic samples (num_samples, dimension), always from the same z."""
        space, made = generator.get_input_space(), generator.get_output_space()
        taken = self.classifier.network.get_input_space()
        if made.get_total_dimension() != taken.get_total_dimension():
            raise ValueError(f"the generator makes {made}, but the classifier takes {taken}")
        points = draw_noise(generator, self.num_samples, self.seed)
        z = backend.shared(points, "points")
        z = VectorSpace(space.get_total_dimension()).format_as(z, space)
        return format_data(generator.mlp.fprop(z), made, taken)


def mean_distance(rows: Any) -> Any:
    """Mean Euclidean distance of two different rows; rows is symbolic, (n, dimension), n >= 2."""
    # Centred, which reduces the rounding error of the next lines.
    rows = rows - rows.mean(axis=0)
    squares = at.square(rows).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2 * rows.dot(rows.T)
    n = rows.shape[0]
    # The squared distance of equal rows may be rounded to a negative number.
    return at.sqrt(at.maximum(apart, 0) * (1 - at.eye(n))).sum() / (n * (n - 1))


def histogram(probabilities: Any) -> Any:
    """Share of rows by most probable class: symbolic (classes,) from probabilities (n, classes)."""
    n_classes = probabilities.shape[1]
    chosen = at.eq(probabilities.argmax(axis=1)[:, None], at.arange(n_classes)[None, :])
    return at.cast(chosen, backend.floatX).mean(axis=0)


def entropy(shares: Any) -> Any:
    """Entropy in nats of shares that add up to 1; symbolic."""
    return -at.sum(shares * at.log(at.maximum(shares, 1e-30)))
