"""From a sample to the z it came from: learned inference (arXiv 1406.2661, section 7, extension 2).

The inferer itself, and its training beside G or after it, are the package's (`AdversaryPair`,
`AdversaryCost`). Here are a way to give an inferer to a pair that was trained without one, and what
one does with an inferer once it is trained.
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
    """The two players of a pair that is trained already, and an inferer beside them.

    Parameters
    ----------
    pair : AdversaryPair
        As `!pkl:` loads it. An inferer that it has is left behind.
    inferer : MLP
        From samples to z, or to the layer of G that the cost's `infer_layer` names.
    **monitored
        The other arguments of `AdversaryPair`.
    """

    def __init__(self, pair: AdversaryPair, inferer: MLP, **monitored: Any) -> None:
        if not isinstance(pair, AdversaryPair):
            raise TypeError(f"pair must be an AdversaryPair, not a {type(pair).__name__}")
        super().__init__(pair.generator, pair.discriminator, inferer, **monitored)


class OfSamples(NamedTuple):
    """What the inferer makes of samples: float arrays (n, ...), a row each.

    `target` is what it should predict and `predicted` what it does; `remade` is what G makes of
    `predicted`, a row of a design matrix as `samples` is.
    """

    target: np.ndarray
    samples: np.ndarray
    predicted: np.ndarray
    remade: np.ndarray


class Inference:
    """The inferer of a pair, and the part of its G above what is inferred.

    Parameters
    ----------
    pair : AdversaryPair
        With an inferer.
    layer : int, optional
        What the inferer predicts, as the cost's `infer_layer`: a layer of G, from 0; z without it.

    Raises ValueError where the pair has no inferer, or it predicts another number of values.
    """

    def __init__(self, pair: AdversaryPair, layer: Optional[int] = None) -> None:
        if getattr(pair, "inferer", None) is None:
            raise ValueError(f"the {type(pair).__name__} has no inferer")
        self.generator = pair.generator
        layers = pair.generator.mlp.layers
        if layer is not None and not 0 <= layer < len(layers) - 1:
            raise ValueError(
                f"layer {layer} is none of those below the top one of G, which has "
                f"{len(layers)} layers, numbered from 0"
            )
        inferred = 0 if layer is None else layer + 1
        of_z, of_inferer = pair.generator.get_input_space(), pair.inferer.get_output_space()
        space = layers[layer].get_output_space() if inferred else of_z
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
        predicted = pair.inferer.fprop(_as_seen(images, pair.inferer.get_input_space()))
        remade = of_inferer.format_as(predicted, space)
        for above in layers[inferred:]:
            remade = above.fprop(remade)
        self._infer = backend.function(
            [images], [of_inferer.format_as(predicted, _flat(of_inferer)), remade]
        )

    def of_images(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(what the inferer predicts, what G makes of that) for images, rows (n, dimension)."""
        predicted, remade = self._infer(np.asarray(rows, backend.floatX))
        return predicted, as_rows(remade, self.generator)

    def of_noise(self, z: np.ndarray) -> OfSamples:
        """The samples at the points z, (n, dimension of z), through the inferer and G again."""
        target, samples = self._sample(np.asarray(z, backend.floatX))
        samples = as_rows(samples, self.generator)
        return OfSamples(target, samples, *self.of_images(samples))


def _flat(space: Space) -> VectorSpace:
    return VectorSpace(space.get_total_dimension())


def _as_seen(rows: Any, space: Space) -> Any:
    """Symbolic rows of a design matrix as a batch of `space`."""
    if isinstance(space, Conv2DSpace):
        shape = (*space.shape, space.num_channels)
        return DefaultViewConverter(shape).get_formatted_batch(rows, space)
    return _flat(space).format_as(rows, space)
