"""The players: G paints what a mask hides, and D judges the whole, knowing the mask.

An image and its mask travel as one image with a channel more, the last one, so that the layers,
dropout and the cost of the package take them as they take any images.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import aesara.tensor as at

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP
from adversarial.space import Conv2DSpace, VectorSpace
from sandbox.all_conditionals.masks import RandomMasks


class Completer(Generator):
    """Completes images of which a mask shows a part; where it shows none, G samples as ever.

    Parameters
    ----------
    mlp : MLP
        Takes a composite of an image with its mask, the hidden pixels being 0, and of the vector
        z; puts out an image.  What it paints over pixels that are seen is not used.
    noise, monitor_ll, ll_n_samples, ll_sigma
        As for `Generator`.

    Attributes
    ----------
    seen_space, images : Conv2DSpace
        Images with their masks, and without.
    noise_space : VectorSpace
        Of z.
    """

    def __init__(self, mlp: MLP, **kwargs: Any) -> None:
        super().__init__(mlp, **kwargs)
        space = mlp.get_input_space()
        parts = getattr(space, "components", [])
        kinds = [type(part) for part in parts]
        if kinds != [Conv2DSpace, VectorSpace] or not _holds_mask(parts[0]):
            raise ValueError(
                f"a Completer takes a CompositeSpace of an image with its mask, and z, not {space}"
            )
        self.seen_space, self.noise_space = parts
        self.images = Conv2DSpace(
            self.seen_space.shape, num_channels=self.seen_space.num_channels - 1
        )
        made, wanted = self.get_output_dim(), self.images.get_total_dimension()
        if made != wanted:
            raise ValueError(f"G paints {made} numbers, but the image has {wanted}")

    def complete(
        self,
        seen: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
    ) -> tuple:
        """(images with their masks, the holes painted; z; output of each layer of G), symbolic.

        `seen` (batch, rows, columns, channels + 1) holds whole images and, in the last channel,
        what of them G may see.
        """
        x, mask = seen[:, :, :, :-1], seen[:, :, :, -1:]
        z = self.get_noise((seen.shape[0], self.noise_space.dim))
        states = self.mlp.dropout_fprop(
            (at.concatenate([x * mask, mask], axis=3), z),
            default_input_include_prob=default_input_include_prob,
            default_input_scale=default_input_scale,
            return_all=True,
        )
        painted = self.format_sample(states[-1], self.get_output_space(), self.images)
        completed = x * mask + painted * (1 - mask)
        return at.concatenate([completed, mask], axis=3), z, states

    def sample_and_noise(
        self,
        num_samples: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
        all_g_layers: bool = False,
    ) -> tuple:
        """As the base class: G's paintings of whole images, where nothing is seen."""
        nothing = at.zeros((num_samples, *self.seen_space.shape, self.seen_space.num_channels))
        _, z, states = self.complete(nothing, default_input_include_prob, default_input_scale)
        return states[-1], z, states[:-1] if all_g_layers else None


class ConditionalsPair(AdversaryPair):
    """A `Completer` and a discriminator of images with their masks.

    Parameters
    ----------
    generator : Completer
    discriminator : MLP
        Takes what `Completer.complete` gives.
    masks : RandomMasks
        Which sets of pixels are hidden while training.
    """

    def __init__(
        self,
        generator: Completer,
        discriminator: MLP,
        masks: RandomMasks,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if not isinstance(generator, Completer):
            raise TypeError(f"a ConditionalsPair needs a Completer, not {generator!r}")
        made, judged = generator.seen_space, discriminator.get_input_space()
        if made != judged:
            raise ValueError(f"G completes images of {made}, but the discriminator takes {judged}")
        if masks.shape != made.shape:
            raise ValueError(f"masks of {masks.shape} for images of {made.shape}")
        super().__init__(generator, discriminator, *args, **kwargs)
        self.masks = masks

    @property
    def is_inpainting(self) -> bool:
        """Always: what D judges is G's output beside what G saw."""
        return True

    def masked(self, images: Any) -> Any:
        """`images`, a batch of data, with a random mask for each in a further channel."""
        return at.concatenate([images, self.masks.draw(images.shape[0])], axis=3)

    def get_monitoring_data_specs(self) -> tuple:
        return (self.generator.images, self.get_input_source())

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        return super().get_monitoring_channels(self.masked(data))


def _holds_mask(space: Conv2DSpace) -> bool:
    return space.num_channels > 1 and space.axes == Conv2DSpace.default_axes
