"""The objectives of the all-conditionals experiment."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from adversarial.costs.adversary import AdversaryCost2, GeneratorOutput
from adversarial.models.adversary_pair import AdversaryPair
from sandbox.all_conditionals.model import Completer, ConditionalsPair


class AllConditionalsCost(AdversaryCost2):
    """`AdversaryCost2` on images of which a random mask hides pixels.

    G completes each image of a batch; D distinguishes completed images from the images themselves.
    D sees the mask with both, so G learns p(hidden pixels | visible pixels).

    Parameters
    ----------
    **kwargs
        As for `AdversaryCost2`. `scale_grads` and `noise_both` must be 0, since they would treat
        the mask as part of the image.

    Raises
    ------
    ValueError
        If `scale_grads` or `noise_both` is not 0.
    """

    def __init__(self, **kwargs: Any) -> None:
        for name in ("scale_grads", "noise_both"):
            if kwargs.setdefault(name, 0):
                raise ValueError(f"AllConditionalsCost needs {name}: 0, not {kwargs[name]!r}")
        super().__init__(**kwargs)

    def get_data_specs(self, model: AdversaryPair) -> tuple:
        """Images without masks; the masks are drawn in the graph."""
        if not isinstance(model, ConditionalsPair):
            raise TypeError(f"{type(self).__name__} trains a ConditionalsPair, not {model!r}")
        return model.get_monitoring_data_specs()

    def _players_and_data(self, model: ConditionalsPair, data: Any) -> tuple:
        """The pair, and the images with new random masks."""
        return model, model.masked(data)

    def get_monitoring_channels(
        self, model: AdversaryPair, data: Any, **kwargs: Any
    ) -> OrderedDict:
        channels = super().get_monitoring_channels(model, data, **kwargs)
        del channels["sample_grad_norm"]  # it would include the gradient with respect to the mask
        return channels

    def _generate(self, model: AdversaryPair, data: Any) -> GeneratorOutput:
        G = model.generator
        assert isinstance(G, Completer)  # `ConditionalsPair` checks
        completed, z, states = G.complete(data, **self._dropout("generator"))
        return GeneratorOutput(completed, z, G.noise_space, states[:-1])
