"""Learned inference of z from x (arXiv 1406.2661, section 7, extension 2).

The package trains an inferer together with G or afterwards (`AdversaryPair`, `AdversaryCost`).
This module adds an inferer to a pair that was trained without one, and applies trained inferers.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.sampling import as_rows
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.mlp import MLP
from adversarial.space import Conv2DSpace, Space, VectorSpace


class PairWithInferer(AdversaryPair):
    """The players of a trained pair, with a new inferer.

    Parameters
    ----------
    pair : AdversaryPair
        For example from `!pkl:`. Its own inferer, if any, is not used.
    inferer : MLP
        From samples to z, or to the layer of G that the cost's `infer_layer` names.
    **monitored
        The other arguments of `AdversaryPair`.

    Raises
    ------
    TypeError
        If `pair` is not an AdversaryPair.
    """

    def __init__(self, pair: AdversaryPair, inferer: MLP, **monitored: Any) -> None:
        if not isinstance(pair, AdversaryPair):
            raise TypeError(f"pair must be an AdversaryPair, not a {type(pair).__name__}")
        super().__init__(pair.generator, pair.discriminator, inferer, **monitored)


class InferredSamples(NamedTuple):
    """Samples, and what the inferer predicts from them: float arrays with one row per sample.

    Attributes
    ----------
    target : array (n, values)
        z, or the output of G's layer, from which the sample was made.
    samples : array (n, dimension)
    predicted : array (n, values)
        The inferer's prediction of `target`.
    reconstructed : array (n, dimension)
        G's output for `predicted`.
    """

    target: np.ndarray
    samples: np.ndarray
    predicted: np.ndarray
    reconstructed: np.ndarray


class Inference:
    """The inferer of a pair, followed by the layers of G above the inferred one.

    Parameters
    ----------
    pair : AdversaryPair
        With an inferer.
    layer : int, optional
        Number of the layer of G that the inferer predicts, as the cost's `infer_layer`. By default
        it predicts z.

    Raises
    ------
    ValueError
        If the pair has no inferer, or the inferer predicts another number of values.
    """

    def __init__(self, pair: AdversaryPair, layer: Optional[int] = None) -> None:
        inferer = getattr(pair, "inferer", None)
        if inferer is None:
            raise ValueError(f"the {type(pair).__name__} has no inferer")
        self.generator = pair.generator
        layers = pair.generator.mlp.layers
        if layer is not None and not 0 <= layer < len(layers) - 1:
            raise ValueError(
                f"layer must be one of 0 to {len(layers) - 2}, the layers of G below the top one, "
                f"not {layer}"
            )
        inferred = 0 if layer is None else layer + 1
        of_z, of_inferer = pair.generator.get_input_space(), inferer.get_output_space()
        space = of_z if layer is None else layers[layer].get_output_space()
        have, want = of_inferer.get_total_dimension(), space.get_total_dimension()
        if have != want:
            what = f"layer {layer} of G" if inferred else "z"
            raise ValueError(f"the inferer predicts {have} values, but {what} has {want}")
        z, images = at.matrix("z"), at.matrix("images")
        states = [_flat(of_z).format_as(z, of_z)]
        states += pair.generator.mlp.fprop(states[0], return_all=True)
        self._sample = backend.function(
            [z], [space.format_as(states[inferred], _flat(space)), states[-1]]
        )
        predicted = inferer.fprop(_format_rows(images, inferer.get_input_space()))
        reconstructed = of_inferer.format_as(predicted, space)
        for above in layers[inferred:]:
            reconstructed = above.fprop(reconstructed)
        self._infer = backend.function(
            [images], [of_inferer.format_as(predicted, _flat(of_inferer)), reconstructed]
        )

    def of_images(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(predictions, reconstructions by G) for images, given as rows (n, dimension)."""
        predicted, reconstructed = self._infer(np.asarray(rows, backend.floatX))
        return predicted, as_rows(reconstructed, self.generator)

    def of_noise(self, z: np.ndarray) -> InferredSamples:
        """Samples at the points z, (n, dimension of z), with predictions and reconstructions."""
        target, samples = self._sample(np.asarray(z, backend.floatX))
        samples = as_rows(samples, self.generator)
        return InferredSamples(target, samples, *self.of_images(samples))


def _flat(space: Space) -> VectorSpace:
    return VectorSpace(space.get_total_dimension())


def _format_rows(rows: Any, space: Space) -> Any:
    """Symbolic rows of a design matrix as a batch of `space`."""
    if isinstance(space, Conv2DSpace):
        shape = (*space.shape, space.num_channels)
        return DefaultViewConverter(shape).get_formatted_batch(rows, space)
    return _flat(space).format_as(rows, space)
