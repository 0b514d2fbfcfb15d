"""The game of all conditionals: AdversaryCost2 on images that each have a random mask."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from adversarial.costs.adversary import AdversaryCost2
from adversarial.space import Space
from sandbox.all_conditionals.model import ConditionalsPair


class AllConditionalsCost(AdversaryCost2):
    """G completes each image of a batch under its mask; D tells it from the image itself.

    D is given the same mask with both, so that it judges p(hidden pixels | seen pixels).
    Parameters are those of `AdversaryCost2`, without `scale_grads` and `noise_both`, which would
    take the mask for a part of the image.
    """

    def __init__(self, **kwargs: Any) -> None:
        for name in ("scale_grads", "noise_both"):
            if kwargs.setdefault(name, 0):
                raise ValueError(f"AllConditionalsCost knows no {name}: got {kwargs[name]!r}")
        super().__init__(**kwargs)

    def get_data_specs(self, model: ConditionalsPair) -> tuple:
        """Images alone: their masks are drawn in the graph."""
        if not isinstance(model, ConditionalsPair):
            raise TypeError(f"{type(self).__name__} trains a ConditionalsPair, not {model!r}")
        return model.get_monitoring_data_specs()

    def _players_and_data(self, model: ConditionalsPair, data: Any) -> tuple:
        """The pair, and the images with their masks, drawn once."""
        return model, model.masked(data)

    def get_monitoring_channels(
        self, model: ConditionalsPair, data: Any, **kwargs: Any
    ) -> OrderedDict:
        channels = super().get_monitoring_channels(model, data, **kwargs)
        del channels["sample_grad_norm"]  # that of the mask would be in it
        return channels

    def _samples(self, model: ConditionalsPair, data: Any) -> tuple:
        completed, z, states = model.generator.complete(
            data, self.generator_default_input_include_prob, self.generator_default_input_scale
        )
        return completed, z, states[:-1]

    def _noise_space(self, model: ConditionalsPair) -> Space:
        return model.generator.noise_space
