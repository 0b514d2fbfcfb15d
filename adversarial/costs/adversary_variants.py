"""Variants of the game that came with the code of 2014, and that the paper does not report.

D and G minimise d and g as in `adversarial.costs.adversary`, but each learns from a part of the
examples only, or G fills in a part of each image.
"""

from __future__ import annotations

from typing import Any

from adversarial.costs.adversary import AdversaryCost, DiscriminatorOutput, GeneratorOutput
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils.checks import check_finite
from adversarial.utils.positional import order_of, positional_order


class ThresholdedAdversaryCost(AdversaryCost):
    """G learns only from samples that D rejects.

    With [c] = 1 if c is true, else 0, and the mean over the minibatch:

        g = mean( -log D(G(z)) * [D(G(z)) < 0.5] )

    d is that of `AdversaryCost` (equation 1 of the paper), and so are the parameters.

    Examples
    --------
    >>> import aesara.tensor as at
    >>> from adversarial.models.mlp import Sigmoid
    >>> D, p = Sigmoid(dim=1, layer_name="y", irange=0.1), at.constant([[0.6], [0.25]])
    >>> fake = DiscriminatorOutput(D, p)
    >>> g = ThresholdedAdversaryCost()._g_objective(None, fake, fake)
    >>> float(g.eval().round(2))  # -log(0.25) / 2: the sample with D(G(z)) = 0.6 has no part in it
    0.69
    """

    def _g_objective(
        self, d: Any, fake: DiscriminatorOutput, fake_for_g: DiscriminatorOutput
    ) -> Any:
        return (fake_for_g.losses(1.0) * (fake.p < 0.5)).mean()


class LazyAdversaryCost(AdversaryCost):
    """Each player learns only from the examples that it gets wrong, by a margin.

    With [c] = 1 if c is true, else 0, and means over the minibatch:

        d = ( mean( -log D(x)           * [D(x)    < 0.5 + d_eps] )
            + mean( -log(1 - D(G(z)))   * [D(G(z)) > 0.5 - d_eps] ) ) / 2
        g =   mean( -log D(G(z))        * [D(G(z)) < 0.5 + g_eps] )

    Without the factors in brackets, these are the objectives of `AdversaryCost`.

    Parameters
    ----------
    *args, **kwargs
        Those of `AdversaryCost`, by position or name.
    g_eps, d_eps : float
        The margins, as probabilities.

    Raises
    ------
    ValueError
        If a margin is infinite or NaN.

    Examples
    --------
    >>> import aesara.tensor as at
    >>> from adversarial.models.mlp import Sigmoid
    >>> D, p = Sigmoid(dim=1, layer_name="y", irange=0.1), at.constant([[0.6], [0.25]])
    >>> fake = DiscriminatorOutput(D, p)
    >>> costs = [LazyAdversaryCost(g_eps=eps) for eps in (0.0, 0.25)]
    >>> [float(cost._g_objective(None, fake, fake).eval().round(2)) for cost in costs]
    [0.69, 0.95]
    """

    @positional_order(*order_of(AdversaryCost), "g_eps", "d_eps")
    def __init__(self, *args: Any, g_eps: float = 0.0, d_eps: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_finite(g_eps=g_eps, d_eps=d_eps)
        self.g_eps = g_eps
        self.d_eps = d_eps

    def _d_objective(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Any:
        missed = (real.losses(1.0) * (real.p < 0.5 + self.d_eps)).mean()
        fooled = (fake.losses(0.0) * (fake.p > 0.5 - self.d_eps)).mean()
        return 0.5 * (missed + fooled)

    def _g_objective(
        self, d: Any, fake: DiscriminatorOutput, fake_for_g: DiscriminatorOutput
    ) -> Any:
        return (fake_for_g.losses(1.0) * (fake.p < 0.5 + self.g_eps)).mean()


class InpaintingAdversaryCost(AdversaryCost):
    """G fills in one half of each image and sees the other half; D sees the whole image.

    d and g are those of `AdversaryCost`, with an image x whose half is replaced by G(x, z) in the
    place of G(z). In G's input, noise z takes the place of that half.

    Parameters
    ----------
    *args, **kwargs
        Those of `AdversaryCost`, by position or name, but no `infer_layer`.
    side : str
        The half that G fills in: "right", "left", "top" or "bottom".

    Raises
    ------
    ValueError
        For `infer_layer`; when the game is played, if the data are no images.

    Examples
    --------
    >>> InpaintingAdversaryCost(scale_grads=0, side="top").side
    'top'
    >>> InpaintingAdversaryCost(infer_layer=0)
    Traceback (most recent call last):
    ...
    ValueError: InpaintingAdversaryCost infers the noise only: leave out infer_layer
    """

    def __init__(self, *args: Any, side: str = "right", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.infer_layer is not None:
            raise ValueError("InpaintingAdversaryCost infers the noise only: leave out infer_layer")
        self.side = side

    def _generate(self, model: AdversaryPair, data: Any) -> GeneratorOutput:
        space = model.get_input_space()
        if not isinstance(space, Conv2DSpace):
            raise ValueError(f"inpainting needs images, but the discriminator takes {space}")
        images = Conv2DSpace(space.shape, num_channels=space.num_channels, axes=("b", 0, 1, "c"))
        samples, noise = model.generator.inpainting_sample_and_noise(
            space.format_as(data, images), **self._dropout("generator"), side=self.side
        )
        # Noise takes the place of what G paints, so it has as many values.
        z_space = VectorSpace(model.generator.get_output_space().get_total_dimension())
        return GeneratorOutput(images.format_as(samples, space), noise.flatten(2), z_space, None)
