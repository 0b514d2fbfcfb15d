"""G completes the pixels that a mask hides; D sees the completed image and the mask.

An image and its mask are one image with one more channel (the last), so that the package's layers,
dropout and cost work on them unchanged.
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
    """Completes images under masks. If all pixels are hidden, it is a generator of whole images.

    Parameters
    ----------
    mlp : MLP
        Its input is a CompositeSpace of an image with its mask (hidden pixels are 0) and the vector
        z; its output is an image, of which only the hidden pixels are used.
    **kwargs
        As for `Generator`.

    Attributes
    ----------
    seen_space, images : Conv2DSpace
        Images with and without their masks.
    noise_space : VectorSpace
        The space of z.

    Raises
    ------
    ValueError
        If the input or the output of `mlp` has another form.
    """

    def __init__(self, mlp: MLP, **kwargs: Any) -> None:
        super().__init__(mlp, **kwargs)
        space = mlp.get_input_space()
        parts = getattr(space, "components", [])
        kinds = [type(part) for part in parts]
        if kinds != [Conv2DSpace, VectorSpace] or not _holds_mask(parts[0]):
            raise ValueError(
                f"a Completer needs a CompositeSpace of image with mask, and z, not {space}"
            )
        self.seen_space, self.noise_space = parts
        self.images = Conv2DSpace(
            self.seen_space.shape, num_channels=self.seen_space.num_channels - 1
        )
        made, wanted = self.get_output_dim(), self.images.get_total_dimension()
        if made != wanted:
            raise ValueError(f"G puts out {made} numbers, but an image has {wanted}")

    def complete(
        self,
        seen: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
    ) -> tuple:
        """Complete a batch of images.

        Parameters
        ----------
        seen : symbolic, shape (batch, rows, columns, channels + 1)
            Whole images; their masks in the last channel.
        default_input_include_prob, default_input_scale : float
            Dropout in G, as for `MLP.dropout_fprop`.

        Returns
        -------
        completed : symbolic
            Of the shape of `seen`, with hidden pixels replaced.
        z : symbolic, shape (batch, dimension)
        states : list of symbolic
            The output of each layer of G.
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
        """As in the base class: whole images, with all pixels hidden."""
        nothing = at.zeros((num_samples, *self.seen_space.shape, self.seen_space.num_channels))
        _, z, states = self.complete(nothing, default_input_include_prob, default_input_scale)
        return states[-1], z, states[:-1] if all_g_layers else None


class ConditionalsPair(AdversaryPair):
    """A `Completer` and a discriminator of images with their masks.

    Parameters
    ----------
    generator : Completer
    discriminator : MLP
        Its input space is that of images with masks.
    masks : RandomMasks
        Draws the masks of training.
    *args, **kwargs
        As for `AdversaryPair`.

    Raises
    ------
    TypeError
        If the generator is not a Completer.
    ValueError
        If generator, discriminator and masks differ in the shape of images.
    """

    generator: Completer

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
            raise ValueError(f"G completes images of {made}, but D's input is {judged}")
        if masks.shape != made.shape:
            raise ValueError(f"the masks have shape {masks.shape}, but images {made.shape}")
        super().__init__(generator, discriminator, *args, **kwargs)
        self.masks = masks

    @property
    def is_inpainting(self) -> bool:
        """True: D sees G's output together with the visible pixels."""
        return True

    def masked(self, images: Any) -> Any:
        """A batch of images with a random mask for each, as one more channel."""
        return at.concatenate([images, self.masks.draw(images.shape[0])], axis=3)

    def get_monitoring_data_specs(self) -> tuple:
        return (self.generator.images, self.get_input_source())

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        return super().get_monitoring_channels(self.masked(data))


def _holds_mask(space: Conv2DSpace) -> bool:
    return space.num_channels > 1 and space.axes == Conv2DSpace.default_axes
