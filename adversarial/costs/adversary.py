"""The two players' objectives (paper, section 3), and the variants the 2014 code tried."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple, Optional, Union

import aesara.tensor as at
import numpy as np
from aesara.gradient import disconnected_grad

from adversarial import backend
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, Gradients
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.space import Conv2DSpace, Space, VectorSpace
from adversarial.utils import origin
from adversarial.utils.parts import check_finite
from adversarial.utils.positional import order_of, positional_order
from adversarial.utils.seeding import seed_words

# A norm of zero, where one divides by it.
TINY = 1e-30


class Judgement(NamedTuple):
    """D's opinion of a batch: probability `p` (batch, 1), and `loss(label)` for label 0 or 1."""

    head: Any
    p: Any

    def loss(self, label: float) -> Any:
        """Mean cross-entropy against `label`, a scalar."""
        return self.head.cost(at.full_like(self.p, label), self.p)

    def losses(self, label: float) -> Any:
        """Cross-entropy of each example, shape (batch, 1)."""
        return self.head.cost_matrix(at.full_like(self.p, label), self.p)


class AdversaryCost(DefaultDataSpecsMixin, Cost):
    """What the variants share; by itself the plain game.

    D minimises d = (mean loss(D(x), 1) + mean loss(D(G(z)), 0)) / 2, where loss is the
    cross-entropy; G minimises the non-saturating g = mean loss(D(G(z)), 1).  Both come from one
    forward pass.  A variant overrides `_samples`, `_d_objective`, `_g_objective` or
    `_players_and_data`.

    Parameters
    ----------
    scale_grads : bool
        Multiply G's gradients by max(1, target_scale / ||dg / d samples||).
    target_scale : float
    discriminator_*, generator_*, inference_* : float or dict by layer name
        Dropout of each player, as in `MLP.dropout_fprop`.
    init_now_train_generator : bool
        Whether G moves at first; `now_train_generator`, `now_train_discriminator` and
        `now_train_inference` (shared, 0 or 1) switch the players while training.
    ever_train_discriminator, ever_train_generator, ever_train_inference : bool
        False takes a player's step out of the compiled function.
    no_drop_in_d_for_g : bool
        G's objective sees D without dropout.
    alternate_g : bool
        Flip `now_train_generator` at every step.
    infer_layer : int, optional
        The inferer predicts this layer of G (from 0; the top one is the sample) instead of z.
    noise_both : float
        Deviation of Gaussian noise added to data and samples before D sees them.
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
        check_finite(
            target_scale=target_scale,
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
            noise_both=noise_both,
        )
        self.scale_grads = bool(scale_grads)
        self.target_scale = target_scale
        self.discriminator_default_input_include_prob = discriminator_default_input_include_prob
        self.discriminator_input_include_probs = discriminator_input_include_probs
        self.discriminator_default_input_scale = discriminator_default_input_scale
        self.discriminator_input_scales = discriminator_input_scales
        self.generator_default_input_include_prob = generator_default_input_include_prob
        self.generator_default_input_scale = generator_default_input_scale
        self.inference_default_input_include_prob = inference_default_input_include_prob
        self.inference_input_include_probs = inference_input_include_probs
        self.inference_default_input_scale = inference_default_input_scale
        self.inference_input_scales = inference_input_scales
        self.ever_train_discriminator = ever_train_discriminator
        self.ever_train_generator = ever_train_generator
        self.ever_train_inference = ever_train_inference
        self.no_drop_in_d_for_g = no_drop_in_d_for_g
        self.alternate_g = alternate_g
        self.infer_layer = infer_layer
        if not noise_both >= 0:
            raise ValueError(f"noise_both is a deviation and not negative: {noise_both!r}")
        self.noise_both = noise_both
        self.now_train_generator = _switch(init_now_train_generator, "now_train_generator")
        self.now_train_discriminator = _switch(True, "now_train_discriminator")
        self.now_train_inference = _switch(True, "now_train_inference")
        self.theano_rng = backend.RandomStreams(seed_words(None, 2014 // 6 + 2), "noise_both")

    def is_stochastic(self) -> bool:
        return True

    # The game

    def _players_and_data(self, model: Any, data: Any) -> tuple[AdversaryPair, Any]:
        """The pair that plays on a batch, and its data in the pair's input space.

        `data` is laid out as `get_data_specs` says.  A cost with other data than the pair's input
        (labels, masks) overrides `get_data_specs` and this.
        """
        return model, data

    def get_samples_and_objectives(self, model: AdversaryPair, data: Any) -> tuple:
        """(samples, d, g, i): symbolic; i is 0 where there is no inferer."""
        if not isinstance(model, AdversaryPair):
            raise TypeError(f"{type(self).__name__} trains an AdversaryPair, not {model!r}")
        space = model.get_input_space()
        space.validate(data)
        samples, z, g_layers = self._samples(model, data)
        clean_samples = samples
        if self.noise_both:
            samples = samples + self._noise_like(samples)
            data = data + self._noise_like(data)
        real = self._judge(model, data)
        fake = self._judge(model, samples)
        d = self._d_objective(real, fake)
        fake_for_g = fake
        if self.no_drop_in_d_for_g:
            # The 2014 code passed no dropout arguments here, and so got the default one; its
            # option is named for what it was meant to do, and that is what it does now.
            D = model.discriminator
            fake_for_g = Judgement(D.layers[-1], D.fprop(samples))
        g = self._g_objective(d, fake, fake_for_g)
        i = 0
        if model.inferer is not None:
            target, made = z, self._noise_space(model)
            if self.infer_layer is not None:
                target, made = self._layer_of(model, g_layers)
            self._check_inferer(model, made)
            target = made.format_as(target, model.inferer.get_output_space())
            seen = model.as_inferer_input(model.inferer, clean_samples)
            i = self._i_objective(model.inferer, seen, target)
        return samples, d, g, i

    def _noise_space(self, model: AdversaryPair) -> Space:
        """The space of the z that `_samples` gives."""
        return model.generator.get_input_space()

    def _check_inferer(self, model: AdversaryPair, target: Space) -> None:
        """ValueError unless the inferer takes a sample, and predicts a point of `target`."""
        name = f"the inferer{origin.of(model.inferer)}"
        taken = model.inferer.get_input_space().get_total_dimension()
        given = model.inferer.get_output_space().get_total_dimension()
        sample = model.get_input_space().get_total_dimension()
        wanted = target.get_total_dimension()
        if taken != sample:
            raise ValueError(f"{name} takes {taken} numbers, but a sample has {sample}")
        if given != wanted:
            what = "z" if self.infer_layer is None else f"infer_layer {self.infer_layer}"
            whose = f"the generator{origin.of(model.generator)}"
            raise ValueError(
                f"{name} predicts {given} numbers, but {what} of {whose} has {wanted} (cannot "
                f"format {target} as {model.inferer.get_output_space()}: points of {wanted} "
                f"numbers against {given})"
            )

    def _layer_of(self, model: AdversaryPair, states: list) -> tuple:
        """(output of layer `infer_layer` of G, its space); `states` are of all but the top one."""
        place = self.infer_layer
        if place is None or not -len(states) <= place < len(states):
            raise ValueError(
                f"infer_layer is {place}, but the generator has {len(states)} layers below its "
                "top one"
            )
        return states[place], model.generator.mlp.layers[:-1][place].get_output_space()

    def _samples(self, model: AdversaryPair, data: Any) -> tuple:
        """(samples in the layout of the data, z, layers of G or None)."""
        space = model.get_input_space()
        samples, z, g_layers = model.generator.sample_and_noise(
            data.shape[space.get_batch_axis()],
            default_input_include_prob=self.generator_default_input_include_prob,
            default_input_scale=self.generator_default_input_scale,
            all_g_layers=self.infer_layer is not None,
        )
        return model.as_data(samples), z, g_layers

    def _noise_like(self, x: Any) -> Any:
        return self.theano_rng.normal(size=x.shape) * self.noise_both

    def _judge(self, model: AdversaryPair, x: Any) -> Judgement:
        p = model.discriminator.dropout_fprop(
            x,
            self.discriminator_default_input_include_prob,
            self.discriminator_input_include_probs,
            self.discriminator_default_input_scale,
            self.discriminator_input_scales,
        )
        return Judgement(model.discriminator.layers[-1], p)

    def _d_objective(self, real: Judgement, fake: Judgement) -> Any:
        return 0.5 * (real.loss(1.0) + fake.loss(0.0))

    def _g_objective(self, d: Any, fake: Judgement, fake_for_g: Judgement) -> Any:
        """`fake` is what D learnt from; `fake_for_g` may be without dropout."""
        return fake_for_g.loss(1.0)

    def _i_objective(self, inferer: Any, samples: Any, target: Any) -> Any:
        predicted = inferer.dropout_fprop(
            disconnected_grad(samples),
            self.inference_default_input_include_prob,
            self.inference_input_include_probs,
            self.inference_default_input_scale,
            self.inference_input_scales,
        )
        return inferer.layers[-1].cost(disconnected_grad(target), predicted)

    def expr(self, model: AdversaryPair, data: Any, **kwargs: Any) -> Any:
        """The sum of the objectives that are ever trained."""
        model, data = self._players_and_data(model, data)
        return self._total(*self.get_samples_and_objectives(model, data)[1:])

    def _total(self, d: Any, g: Any, i: Any) -> Any:
        return (
            (d if self.ever_train_discriminator else 0)
            + (g if self.ever_train_generator else 0)
            + (i if self.ever_train_inference else 0)
        )

    # Training

    def get_gradients(
        self, model: AdversaryPair, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        """Each player's gradient of its own objective; zeros for players never trained."""
        model, data = self._players_and_data(model, data)
        samples, d, g, i = self.get_samples_and_objectives(model, data)
        players = [
            ("discriminator", self.ever_train_discriminator, self._d_gradients, d),
            ("generator", self.ever_train_generator, self._g_gradients, g),
            ("inferer", self.ever_train_inference, self._i_gradients, i),
        ]
        gradients = Gradients()
        for name, ever, gradients_of, objective in players:
            player = getattr(model, name)
            if player is None:
                continue
            params = player.get_params()
            shared = [param.name for param in params if param in gradients]
            if shared:
                raise ValueError(f"two players share the parameters {', '.join(shared)}")
            if ever:
                found = gradients_of(objective, params, samples)
                gradients.add(f"of the {name}", objective, params, found)
            else:
                gradients.update((param, at.zeros_like(param)) for param in params)
        updates: OrderedDict = OrderedDict()
        if self.alternate_g:
            updates[self.now_train_generator] = 1.0 - self.now_train_generator
        return gradients, updates

    # The switches multiply the objective, not each gradient: the same numbers, since they are 0
    # or 1, but one product with a scalar instead of one with every weight.

    def _d_gradients(self, d: Any, params: list, samples: Any) -> list:
        return at.grad(self.now_train_discriminator * d, params, consider_constant=[samples])

    def _g_gradients(self, g: Any, params: list, samples: Any) -> list:
        at_samples = at.grad(self.now_train_generator * g, samples)
        if self.scale_grads:
            # G switched off, or samples that all fail a threshold: zero must not become NaN.
            norm = at.maximum(TINY, at.sqrt(at.square(at_samples).sum()))
            at_samples = at_samples * at.maximum(1.0, self.target_scale / norm)
        return at.grad(None, params, known_grads=OrderedDict([(samples, at_samples)]))

    def _i_gradients(self, i: Any, params: list, samples: Any) -> list:
        return at.grad(self.now_train_inference * i, params)

    # Monitoring

    def get_monitoring_channels(
        self, model: AdversaryPair, data: Any, **kwargs: Any
    ) -> OrderedDict:
        """Errors of D without dropout, and the objectives as trained (with dropout).

        `sample_grad_norm` is the norm of the gradient, with respect to the samples, of D's
        cross-entropy against its own output: the figure of the 2014 code.  All channels, and
        `objective`, are of one draw of samples, which is most of what they cost.
        """
        channels: OrderedDict = OrderedDict()
        model, data = self._players_and_data(model, data)
        D = model.discriminator
        samples, d, g, i = self.get_samples_and_objectives(model, data)
        if self.noise_both:
            samples = self._samples(model, data)[0]  # without the noise, as the data below
        on_data = D.fprop(data)
        channels["false_negatives"] = (on_data < 0.5).mean(dtype=on_data.dtype)
        on_samples = D.fprop(samples)
        channels["false_positives"] = (on_samples > 0.5).mean(dtype=on_samples.dtype)
        gradient = at.grad(D.cost(on_samples, on_samples), samples)
        channels["sample_grad_norm"] = at.sqrt(at.square(gradient).sum())
        channels["objective"] = self._total(d, g, i)
        if model.inferer is not None and model.monitor_inference:
            channels["objective_i"] = i
        if model.monitor_discriminator:
            channels["objective_d"] = d
        if model.monitor_generator:
            channels["objective_g"] = g
        channels["now_train_generator"] = self.now_train_generator
        return channels


class AdversaryCost2(AdversaryCost):
    """The paper's game, by the name its YAML files use.

    Parameters beside those of `AdversaryCost`
    ------------------------------------------
    blend_obj : bool
        G minimises (zurich_coeff * g - minimax_coeff * d) / (zurich_coeff + minimax_coeff), a
        blend of the non-saturating objective and the minimax one.
    """

    @positional_order(*order_of(AdversaryCost), "blend_obj", "minimax_coeff", "zurich_coeff")
    def __init__(
        self,
        *args: Any,
        blend_obj: bool = False,
        minimax_coeff: float = 1.0,
        zurich_coeff: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_finite(minimax_coeff=minimax_coeff, zurich_coeff=zurich_coeff)
        if blend_obj and minimax_coeff + zurich_coeff == 0:
            raise ValueError("minimax_coeff and zurich_coeff cancel: their sum divides the blend")
        self.blend_obj = blend_obj
        self.minimax_coeff = minimax_coeff
        self.zurich_coeff = zurich_coeff

    def _g_objective(self, d: Any, fake: Judgement, fake_for_g: Judgement) -> Any:
        g = super()._g_objective(d, fake, fake_for_g)
        if not self.blend_obj:
            return g
        blend = self.zurich_coeff * g - self.minimax_coeff * d
        return blend / (self.zurich_coeff + self.minimax_coeff)


class ThresholdedAdversaryCost(AdversaryCost):
    """G learns only from samples that D rejects: p < 0.5."""

    def _g_objective(self, d: Any, fake: Judgement, fake_for_g: Judgement) -> Any:
        return (fake_for_g.losses(1.0) * (fake.p < 0.5)).mean()


class LazyAdversaryCost(AdversaryCost):
    """Each player learns only from examples it gets wrong, by margins `d_eps` and `g_eps`.

    D: data with p < 0.5 + d_eps and samples with p > 0.5 - d_eps; G: samples with
    p < 0.5 + g_eps.
    """

    @positional_order(*order_of(AdversaryCost), "g_eps", "d_eps")
    def __init__(self, *args: Any, g_eps: float = 0.0, d_eps: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_finite(g_eps=g_eps, d_eps=d_eps)
        self.g_eps = g_eps
        self.d_eps = d_eps

    def _d_objective(self, real: Judgement, fake: Judgement) -> Any:
        missed = (real.losses(1.0) * (real.p < 0.5 + self.d_eps)).mean()
        fooled = (fake.losses(0.0) * (fake.p > 0.5 - self.d_eps)).mean()
        return 0.5 * (missed + fooled)

    def _g_objective(self, d: Any, fake: Judgement, fake_for_g: Judgement) -> Any:
        return (fake_for_g.losses(1.0) * (fake.p < 0.5 + self.g_eps)).mean()


class InpaintingAdversaryCost(AdversaryCost):
    """G paints one half of each image, seeing the other; D judges the whole."""

    def __init__(self, *args: Any, side: str = "right", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.infer_layer is not None:
            raise ValueError("InpaintingAdversaryCost infers the noise only: leave out infer_layer")
        self.side = side

    def _samples(self, model: AdversaryPair, data: Any) -> tuple:
        space = model.get_input_space()
        if not isinstance(space, Conv2DSpace):
            raise ValueError(f"inpainting needs images, but the discriminator takes {space}")
        images = Conv2DSpace(space.shape, num_channels=space.num_channels, axes=("b", 0, 1, "c"))
        samples, noise = model.generator.inpainting_sample_and_noise(
            space.format_as(data, images),
            default_input_include_prob=self.generator_default_input_include_prob,
            default_input_scale=self.generator_default_input_scale,
            side=self.side,
        )
        return images.format_as(samples, space), noise.flatten(2), None

    def _noise_space(self, model: AdversaryPair) -> Space:
        # As many values as G paints: noise took their place.
        return VectorSpace(model.generator.get_output_space().get_total_dimension())


def _switch(on: bool, name: str) -> Any:
    return backend.shared(np.asarray(float(on), dtype=backend.floatX), name)
