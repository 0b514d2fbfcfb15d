"""The options of the adversarial costs, and the switches that say which player moves.

`adversarial.costs.adversary.AdversaryCost` derives from this class and plays the game.
"""

from __future__ import annotations

from typing import Any, Optional, Union

from adversarial import backend
from adversarial.costs.cost import Cost
from adversarial.utils.checks import check_finite
from adversarial.utils.seeding import seed_words

# The arguments of `MLP.dropout_fprop`, which a cost has once for each player.
DROPOUT = (
    "default_input_include_prob",
    "input_include_probs",
    "default_input_scale",
    "input_scales",
)


class AdversaryOptions(Cost):
    """The arguments of `AdversaryCost`, by the names of 2014, and the players' switches.

    Parameters
    ----------
    scale_grads : bool
        Multiply the gradient of g at the samples by max(1, target_scale / its norm), so that it
        has at least this norm.
    target_scale : float
        That norm.
    discriminator_default_input_include_prob, discriminator_input_include_probs,
    discriminator_default_input_scale, discriminator_input_scales : float or dict of str to float
        Dropout in D: the probability that an input of a layer is kept and the factor of inputs
        that are kept, for all layers and by layer name; see `MLP.dropout_fprop`.
    generator_default_input_include_prob, generator_default_input_scale : float
        Dropout in G.
    inference_default_input_include_prob, inference_input_include_probs,
    inference_default_input_scale, inference_input_scales : float or dict of str to float
        Dropout in the inferer; none by default.
    init_now_train_generator : bool
        Initial value of `now_train_generator`.
    ever_train_discriminator, ever_train_generator, ever_train_inference : bool
        False makes the gradients of this player zeros, as in 2014: gradient descent leaves it as it
        is, but not norm constraints and the weight decay of Adam.
    no_drop_in_d_for_g : bool
        Compute g from D(G(z)) without dropout in D.
    alternate_g : bool
        Flip `now_train_generator` at each step.
    infer_layer : int, optional
        Have the inferer predict the output of this layer of G, counted from 0 and below the top
        one, instead of z.
    noise_both : float
        Standard deviation of Gaussian noise added to data and samples before D sees them.

    Attributes
    ----------
    now_train_generator, now_train_discriminator, now_train_inference : shared variable
        0 or 1: whether the player moves. Callbacks and extensions (`Cycler`, `ActivateGenerator`)
        set these while training.

    Raises
    ------
    ValueError
        If a number is infinite or NaN, or `noise_both` negative.

    Examples
    --------
    >>> options = AdversaryOptions(scale_grads=0, discriminator_default_input_include_prob=0.5)
    >>> options.now_train_generator.get_value()
    array(1., dtype=float32)
    >>> AdversaryOptions(noise_both=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: noise_both is a deviation and not negative: -1.0
    """

    def __init__(
        self,
        scale_grads: Union[bool, int] = 1,
        target_scale: float = 0.1,
        discriminator_default_input_include_prob: float = 1.0,
        discriminator_input_include_probs: Optional[dict[str, float]] = None,
        discriminator_default_input_scale: float = 1.0,
        discriminator_input_scales: Optional[dict[str, float]] = None,
        generator_default_input_include_prob: float = 1.0,
        generator_default_input_scale: float = 1.0,
        inference_default_input_include_prob: Optional[float] = None,
        inference_input_include_probs: Optional[dict[str, float]] = None,
        inference_default_input_scale: float = 1.0,
        inference_input_scales: Optional[dict[str, float]] = None,
        init_now_train_generator: bool = True,
        ever_train_discriminator: bool = True,
        ever_train_generator: bool = True,
        ever_train_inference: bool = True,
        no_drop_in_d_for_g: bool = False,
        alternate_g: bool = False,
        infer_layer: Optional[int] = None,
        noise_both: float = 0.0,
    ) -> None:
        dropout = dict(
            discriminator_default_input_include_prob=discriminator_default_input_include_prob,
            discriminator_input_include_probs=discriminator_input_include_probs,
            discriminator_default_input_scale=discriminator_default_input_scale,
            discriminator_input_scales=discriminator_input_scales,
            generator_default_input_include_prob=generator_default_input_include_prob,
            generator_default_input_scale=generator_default_input_scale,
            inference_default_input_include_prob=inference_default_input_include_prob,
            inference_input_include_probs=inference_input_include_probs,
            inference_default_input_scale=inference_default_input_scale,
            inference_input_scales=inference_input_scales,
        )
        check_finite(target_scale=target_scale, noise_both=noise_both, **dropout)
        if not noise_both >= 0:
            raise ValueError(f"noise_both is a deviation and not negative: {noise_both!r}")
        # One attribute for each: saved trainings have them by these names of 2014.
        vars(self).update(dropout)
        self.scale_grads = bool(scale_grads)
        self.target_scale = target_scale
        self.ever_train_discriminator = ever_train_discriminator
        self.ever_train_generator = ever_train_generator
        self.ever_train_inference = ever_train_inference
        self.no_drop_in_d_for_g = no_drop_in_d_for_g
        self.alternate_g = alternate_g
        self.infer_layer = infer_layer
        self.noise_both = noise_both
        self.now_train_generator = backend.shared(
            float(init_now_train_generator), "now_train_generator"
        )
        self.now_train_discriminator = backend.shared(1.0, "now_train_discriminator")
        self.now_train_inference = backend.shared(1.0, "now_train_inference")
        self.theano_rng = backend.RandomStreams(seed_words(None, 2014 // 6 + 2), "noise_both")

    def _dropout(self, player: str) -> dict[str, Any]:
        """The dropout of "discriminator", "generator" or "inference", as keyword arguments."""
        flat = vars(self)
        return {name: flat[f"{player}_{name}"] for name in DROPOUT if f"{player}_{name}" in flat}
