"""Saturation: how strong the gradients of G's two objectives are while D rejects its samples.

Section 3 of the paper says that log(1 - D(G(z))) saturates early in learning, and that maximising
log D(G(z)) instead "provides much stronger gradients early in learning". The channels of
`GradientNorms` measure both gradients in the same training, at the same samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aesara.tensor as at

from adversarial import backend
from adversarial.costs.adversary import SMALLEST_NORM, DiscriminatorOutput
from adversarial.evaluation.sampling import draw_noise, generator_of
from adversarial.monitor import add_data_free_channel
from adversarial.space import VectorSpace
from adversarial.train_extensions import TrainExtension


class GradientNorms(TrainExtension):
    """Adds channels of the gradients of both objectives with respect to G's parameters.

    At each monitoring it makes samples, always from the same z, and applies D without dropout. It
    does not change the training. The channels:

    gradient_minimax : the norm of the gradient of the mean of log(1 - D(G(z))), equation 1
    gradient_non_saturating : the same for the mean of -log D(G(z)), which training follows
    gradient_ratio : the second divided by the first

    Parameters
    ----------
    num_samples : int
    seed : int
        For z.

    Raises
    ------
    ValueError
        If `num_samples` is not a positive integer; at setup, if there is no monitoring dataset.
    """

    only_watches = True

    def __init__(self, num_samples: int = 1000, seed: int = 0) -> None:
        if not isinstance(num_samples, int) or num_samples < 1:
            raise ValueError(f"num_samples must be a positive integer, not {num_samples!r}")
        self.num_samples = num_samples
        self.seed = seed

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channels to the monitor."""
        monitored = getattr(algorithm, "monitoring_dataset", None)
        if not monitored:
            raise ValueError("GradientNorms needs a monitoring_dataset: it adds monitor channels")
        generator = generator_of(model)
        space = generator.get_input_space()
        points = draw_noise(generator, self.num_samples, self.seed)
        z = backend.shared(points, "points")
        z = VectorSpace(space.get_total_dimension()).format_as(z, space)
        D = model.discriminator
        samples = model.as_data(generator.mlp.fprop(z))
        fake = DiscriminatorOutput(D.layers[-1], D.fprop(samples))
        params = generator.get_params()
        minimax = gradient_norm(-fake.loss(0.0), params)
        non_saturating = gradient_norm(fake.loss(1.0), params)
        channels = {
            "gradient_minimax": minimax,
            "gradient_non_saturating": non_saturating,
            "gradient_ratio": non_saturating / at.maximum(minimax, SMALLEST_NORM),
        }
        first = next(iter(monitored.values()))
        for name, value in channels.items():
            add_data_free_channel(model.monitor, first, name, value)


def gradient_norm(objective: Any, params: Sequence[Any]) -> Any:
    """The Euclidean norm of the gradient of a symbolic scalar, over all parameters; symbolic."""
    return at.sqrt(sum(at.square(gradient).sum() for gradient in at.grad(objective, params)))
