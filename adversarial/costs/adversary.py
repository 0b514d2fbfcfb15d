"""The adversarial game: what D and G minimise, and the gradients that they follow.

**Begin here to read the paper beside the code.** Goodfellow et al., "Generative Adversarial Nets",
2014 (arXiv 1406.2661), and where each of its parts is:

    Section 3, equation 1: the value V(D, G)     `AdversaryCost._d_objective`, `_g_objective`
    Section 3, last paragraph: G maximises
        log D(G(z)) instead                      `AdversaryCost._g_objective`
    Algorithm 1, the two gradients               `AdversaryCost.get_gradients`
    Algorithm 1, k steps of D for one of G       `training_algorithms.k_steps.SGD`
    Algorithm 1, momentum                        `training_algorithms.learning_rule.Momentum`
    G(z), and the distribution of z              `models.generator.Generator`
    D and G as networks; rectifiers, maxout      `models.mlp`, `models.maxout`
    Section 5, dropout in D                      `MLP.dropout_fprop`, called by `_discriminate`
    Section 5, Parzen windows (Table 1)          `evaluation.parzen`
    Section 6, G ahead of D ("Helvetica")        `sandbox/helvetica`
    Section 7, the five extensions               `sandbox/` (2, inference: `costs.inference`)

Equation 1 is

    min over G, max over D of  V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))].

All objectives here are minimised. With the cross-entropy loss(p, 1) = -log p and
loss(p, 0) = -log(1 - p), averaged over the minibatch, D and G minimise

    d = (loss(D(x), 1) + loss(D(G(z)), 0)) / 2     = -V / 2
    g = loss(D(G(z)), 1)                           = -E_z[log D(G(z))]

In `g`, the labels of `d` are exchanged: while D rejects samples with confidence, log(1 - D(G(z))),
which G would minimise by equation 1, has almost no gradient, and -log D(G(z)) has a strong one.

The paper's experiments take k = 1 and move both players in one simultaneous step: D(x), D(G(z))
and G(z) are computed once, for both objectives. `sandbox/minimal.py` is the same game without the
classes of this package.

A variant of the game (`costs.adversary_variants`, `sandbox/`) derives from `AdversaryCost` or
`AdversaryCost2` and overrides `_d_objective` and `_g_objective`, or `_generate` where G's samples
depend on the data, or `_players_and_data` where the game needs more data than images.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple, Optional

import aesara.tensor as at

from adversarial.costs import inference
from adversarial.costs.adversary_options import AdversaryOptions
from adversarial.costs.cost import DefaultDataSpecsMixin, Gradients
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.space import Space
from adversarial.utils.checks import check_finite
from adversarial.utils.positional import order_of, positional_order

# The least divisor: the norm of a zero gradient, in place of which this is used, would give NaN.
SMALLEST_NORM = 1e-30


class GeneratorOutput(NamedTuple):
    """What G makes for a batch.

    Attributes
    ----------
    samples : symbolic
        In the layout of the data.
    z : symbolic
        The noise that they were made from, a batch in `z_space`.
    z_space : Space
    states : list of symbolic, or None
        The outputs of G's layers below the top one; needed for `infer_layer` only.
    """

    samples: Any
    z: Any
    z_space: Space
    states: Optional[list]


class DiscriminatorOutput(NamedTuple):
    """What D puts out for a batch.

    Attributes
    ----------
    top_layer : Layer
        The last layer of D, which knows its cross-entropy.
    p : symbolic, shape (batch, 1)
        The probability that each example is data.

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid
    >>> y = DiscriminatorOutput(Sigmoid(dim=1, layer_name="y", irange=0.1), at.constant([[0.25]]))
    >>> y.losses(1.0).eval().round(2)  # -log(0.25)
    array([[1.39]])
    """

    top_layer: Any
    p: Any

    def loss(self, label: float) -> Any:
        """Mean cross-entropy against `label` (0: sample, 1: data), a scalar."""
        return self.top_layer.cost(at.full_like(self.p, label), self.p)

    def losses(self, label: float) -> Any:
        """Cross-entropy of each example against `label`, shape (batch, 1)."""
        return self.top_layer.cost_matrix(at.full_like(self.p, label), self.p)


class AdversaryCost(DefaultDataSpecsMixin, AdversaryOptions):
    """The game of the paper's section 3, and the base of its variants.

    D minimises d = (loss(D(x), 1) + loss(D(G(z)), 0)) / 2 and G minimises g = loss(D(G(z)), 1),
    where loss is the mean cross-entropy (see the module). A pair with an inferer has a third
    objective, which only the inferer follows (section 7, extension 2; `costs.inference`).

    Parameters, attributes and errors are those of `AdversaryOptions`.

    References
    ----------
    Goodfellow et al., "Generative Adversarial Nets", 2014: equation 1 and Algorithm 1.

    Examples
    --------
    >>> from adversarial import AdversaryPair, Generator
    >>> from adversarial.models.mlp import MLP, Linear, Sigmoid
    >>> G = Generator(MLP([Linear(2, "x", irange=0.1)], nvis=3))
    >>> D = MLP([Sigmoid(dim=1, layer_name="y", irange=0.1)], nvis=2)
    >>> gradients, _ = AdversaryCost(scale_grads=0).get_gradients(AdversaryPair(G, D), at.matrix())
    >>> [param.name for param in gradients]
    ['y_W', 'y_b', 'x_W', 'x_b']
    >>> list(gradients.objectives)
    ['of the discriminator', 'of the generator']
    """

    # The game

    def _players_and_data(self, model: Any, data: Any) -> tuple[AdversaryPair, Any]:
        """The pair that plays on a minibatch, and the minibatch in the pair's input space.

        A cost that reads more than the pair's input (labels, masks) overrides this. `data` is what
        `get_data_specs` asks for: with the class attribute `supervised = True`, the input and the
        targets.
        """
        return model, data

    def get_samples_and_objectives(self, model: AdversaryPair, data: Any) -> tuple:
        """One round of the game, on a minibatch.

        Parameters
        ----------
        model : AdversaryPair
        data : symbolic
            Data x, in the pair's input space.

        Returns
        -------
        samples, d, g, i : symbolic
            The samples that D sees, in the layout of the data, and the three objectives; i is 0
            for a pair without an inferer.
        """
        if not isinstance(model, AdversaryPair):
            raise TypeError(f"{type(self).__name__} trains an AdversaryPair, not {model!r}")
        model.get_input_space().validate(data)
        made = self._generate(model, data)
        samples = made.samples
        if self.noise_both:
            samples = samples + self._noise_like(samples)
            data = data + self._noise_like(data)
        real = self._discriminate(model, data)
        fake = self._discriminate(model, samples)
        d = self._d_objective(real, fake)
        fake_for_g = fake
        if self.no_drop_in_d_for_g:
            D = model.discriminator
            fake_for_g = DiscriminatorOutput(D.layers[-1], D.fprop(samples))
        g = self._g_objective(d, fake, fake_for_g)
        i = self._i_objective(model, made)
        return samples, d, g, i

    def _generate(self, model: AdversaryPair, data: Any) -> GeneratorOutput:
        """G(z), as many samples as `data` has examples."""
        G = model.generator
        samples, z, states = G.sample_and_noise(
            data.shape[model.get_input_space().get_batch_axis()],
            **self._dropout("generator"),
            all_g_layers=self.infer_layer is not None,
        )
        return GeneratorOutput(model.as_data(samples), z, G.get_input_space(), states)

    def _noise_like(self, x: Any) -> Any:
        return self.theano_rng.normal(size=x.shape) * self.noise_both

    def _discriminate(self, model: AdversaryPair, x: Any) -> DiscriminatorOutput:
        """D(x), with dropout."""
        D = model.discriminator
        return DiscriminatorOutput(
            D.layers[-1], D.dropout_fprop(x, **self._dropout("discriminator"))
        )

    def _d_objective(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Any:
        """What D minimises: -V / 2, of equation 1; `real` is D(x) and `fake` is D(G(z))."""
        return 0.5 * (real.loss(1.0) + fake.loss(0.0))

    def _g_objective(
        self, d: Any, fake: DiscriminatorOutput, fake_for_g: DiscriminatorOutput
    ) -> Any:
        """What G minimises: -E_z[log D(G(z))] (section 3, last paragraph).

        Parameters
        ----------
        d : symbolic scalar
            D's objective.
        fake, fake_for_g : DiscriminatorOutput
            D(G(z)) as D learns from it, and as G does: without dropout if `no_drop_in_d_for_g`.
        """
        return fake_for_g.loss(1.0)

    def _i_objective(self, model: AdversaryPair, made: GeneratorOutput) -> Any:
        """What the inferer minimises: its error in predicting z, or a layer of G, from samples."""
        inferer = model.inferer
        if inferer is None:
            return 0
        if self.infer_layer is None:
            target = inference.Target("z", made.z, made.z_space)
        else:
            target = inference.layer_target(model, made.states or [], self.infer_layer)
        dropout = self._dropout("inference")
        return inference.objective(model, inferer, made.samples, target, dropout)

    def expr(self, model: AdversaryPair, data: Any, **kwargs: Any) -> Any:
        """The sum of the objectives that are ever trained.

        No player follows its gradient; it is what is monitored as `objective`.
        """
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
        """The gradients of Algorithm 1: each player's, of its own objective.

        Returns
        -------
        gradients : Gradients
            Zeros for players that are never trained.
        updates : OrderedDict
            With `alternate_g`, the flip of `now_train_generator`.

        Raises
        ------
        ValueError
            If two players share a parameter.
        """
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

    # The switches multiply the objective and not the gradients. Since they are 0 or 1, the numbers
    # are the same, and a product with each weight is saved.

    def _d_gradients(self, d: Any, params: list, samples: Any) -> list:
        return at.grad(self.now_train_discriminator * d, params, consider_constant=[samples])

    def _g_gradients(self, g: Any, params: list, samples: Any) -> list:
        at_samples = at.grad(self.now_train_generator * g, samples)
        if self.scale_grads:
            norm = at.maximum(SMALLEST_NORM, at.sqrt(at.square(at_samples).sum()))
            at_samples = at_samples * at.maximum(1.0, self.target_scale / norm)
        return at.grad(None, params, known_grads=OrderedDict([(samples, at_samples)]))

    def _i_gradients(self, i: Any, params: list, samples: Any) -> list:
        return at.grad(self.now_train_inference * i, params)

    # Monitoring

    def get_monitoring_channels(
        self, model: AdversaryPair, data: Any, **kwargs: Any
    ) -> OrderedDict:
        """The objectives with dropout, as they are trained, and D's errors without dropout.

        All channels are of one draw of samples, which is most of their cost.

        Returns
        -------
        OrderedDict
            false_negatives, false_positives : shares of data that D takes for samples, and of
            samples that D takes for data. sample_grad_norm : norm of the gradient, at the samples,
            of D's cross-entropy against its own output. objective : the sum of the objectives that
            are ever trained. objective_d, objective_g, objective_i : d, g and i, where the pair
            monitors the player. now_train_generator : the switch.
        """
        channels: OrderedDict = OrderedDict()
        model, data = self._players_and_data(model, data)
        D = model.discriminator
        samples, d, g, i = self.get_samples_and_objectives(model, data)
        if self.noise_both:
            samples = self._generate(model, data).samples  # without noise, like `data` below
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
    """The game of the paper, by the name that its YAML files use; optionally with a blended g.

    Parameters
    ----------
    *args, **kwargs
        Those of `AdversaryCost`, by position or name.
    blend_obj : bool
        Have G minimise (zurich_coeff * g - minimax_coeff * d) / (zurich_coeff + minimax_coeff): a
        blend of the objective that G maximises in the paper's experiments (section 3, last
        paragraph) and of the minimax game (equation 1), where G maximises what D minimises.
    minimax_coeff, zurich_coeff : float

    Raises
    ------
    ValueError
        If a coefficient is infinite or NaN, or their sum is 0 with `blend_obj`.

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid
    >>> y = DiscriminatorOutput(Sigmoid(dim=1, layer_name="y", irange=0.1), at.constant([[0.5]]))
    >>> g = AdversaryCost2(blend_obj=True, zurich_coeff=3)._g_objective(0.69, y, y)
    >>> float(g.eval().round(2))  # (3 * 0.69 - 0.69) / 4
    0.35
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

    def _g_objective(
        self, d: Any, fake: DiscriminatorOutput, fake_for_g: DiscriminatorOutput
    ) -> Any:
        g = super()._g_objective(d, fake, fake_for_g)
        if not self.blend_obj:
            return g
        blend = self.zurich_coeff * g - self.minimax_coeff * d
        return blend / (self.zurich_coeff + self.minimax_coeff)
