"""`AdversaryPair`: the two players of the game, and optionally a network that infers z."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Optional

from adversarial import modelfile
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Layer
from adversarial.models.mlp.composite import check_image_order
from adversarial.models.mlp.sizes import positive_size
from adversarial.models.model import Model
from adversarial.space import Space
from adversarial.utils import origin
from adversarial.utils.checks import check_part

if TYPE_CHECKING:
    from adversarial.evaluation.parzen import FoldedScore, ParzenScore
    from adversarial.viewer.inline import Samples


class AdversaryPair(Model):
    """A generator and the discriminator that it plays against.

    Its input space is the discriminator's.

    Parameters
    ----------
    generator : Generator
    discriminator : MLP
        Its top layer is a Sigmoid of one unit: the probability that the input is data.
    inferer : MLP, optional
        Predicts z, or a layer of G, from a sample.
    inference_monitoring_batch_size : int
        Samples on which the inferer is monitored.
    monitor_generator, monitor_discriminator, monitor_inference : bool
        Whose channels are monitored.
    shrink_d : float
        If not zero, the discriminator's parameters are multiplied by it after every update.

    Raises
    ------
    ValueError
        If samples are not of the size of the discriminator's input, or a network takes rows of a
        data set for vectors of images.

    References
    ----------
    "Generative Adversarial Nets", section 3, equation 1; section 7, extension 2, for the inferer.

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid
    >>> G = MLP([Sigmoid(layer_name="y", dim=784, irange=0.05)], nvis=100)
    >>> D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.05)], nvis=784)
    >>> AdversaryPair(Generator(G), D).get_input_space()
    VectorSpace(dim=784, dtype=float32)
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: MLP,
        inferer: Optional[MLP] = None,
        inference_monitoring_batch_size: int = 128,
        monitor_generator: bool = True,
        monitor_discriminator: bool = True,
        monitor_inference: bool = True,
        shrink_d: float = 0.0,
    ) -> None:
        super().__init__()
        check_part("generator", generator, "sample")
        self.generator = generator
        self.discriminator = discriminator
        samples, inputs = generator.get_output_space(), discriminator.get_input_space()
        same_size = samples.get_total_dimension() == inputs.get_total_dimension()
        if not (same_size or self.is_inpainting):
            raise ValueError(
                f"the generator{origin.of(generator.mlp.layers[-1])} makes {samples}, but the "
                f"discriminator{origin.of(discriminator)} takes {inputs}"
            )
        check_image_order(generator.mlp, taken="", made="a sample as a row")
        for network in (discriminator, inferer):
            if network is not None:
                check_image_order(network, taken="a row of the data")
        self.inferer = inferer
        self.inference_monitoring_batch_size = positive_size(
            type(self).__name__, "inference_monitoring_batch_size", inference_monitoring_batch_size
        )
        self.monitor_generator = monitor_generator
        self.monitor_discriminator = monitor_discriminator
        self.monitor_inference = monitor_inference
        self.shrink_d = shrink_d

    @property
    def is_inpainting(self) -> bool:
        """Whether G takes images of D's input space and paints half of each."""
        return self.generator.inpaints(self.discriminator.get_input_space())

    def _players(self) -> list[Model]:
        players = [self.generator, self.discriminator]
        return players if self.inferer is None else [*players, self.inferer]

    def get_params(self) -> list:
        return [param for player in self._players() for param in player.get_params()]

    def get_lr_scalers(self) -> OrderedDict:
        scalers: OrderedDict = OrderedDict()
        for player in self._players():
            scalers.update(player.get_lr_scalers())
        return scalers

    def _modify_updates(self, updates: OrderedDict) -> None:
        for player in self._players():
            player.modify_updates(updates)
        if self.shrink_d != 0.0:
            for param in self.discriminator.get_params():
                if param in updates:
                    updates[param] = self.shrink_d * updates[param]

    def set_batch_size(self, batch_size: int) -> None:
        for player in self._players():
            player.set_batch_size(batch_size)

    def get_default_cost(self) -> Any:
        """The game of the paper's MNIST experiment, with its dropout in D.

        Inputs of D's first layer are kept with probability 0.8, those of the others with 0.5, and
        scaled up. A pair that paints halves of images has no default cost, since only the cost
        knows which half.
        """
        from adversarial.costs.adversary import AdversaryCost2

        if self.is_inpainting:
            return super().get_default_cost()
        first = self.discriminator.layers[0].layer_name
        return AdversaryCost2(
            scale_grads=0,
            discriminator_default_input_include_prob=0.5,
            discriminator_input_include_probs={first: 0.8},
            discriminator_default_input_scale=2.0,
            discriminator_input_scales={first: 1.25},
        )

    def sample(self, n: int, seed: int = 0) -> Samples:
        """Samples as an array, one in a row; in a notebook, images are shown.

        `generator.sample` is another function: its samples are symbolic.

        Parameters
        ----------
        n, seed : int
            With the same seed, fewer samples are the first ones of more.

        Returns
        -------
        float32 array (n, dimension), with the methods of `adversarial.viewer.inline.Samples`

        Examples
        --------
        >>> from adversarial.models.mlp import Sigmoid
        >>> G = MLP([Sigmoid(layer_name="y", dim=784, irange=0.05)], nvis=100)
        >>> D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.05)], nvis=784)
        >>> AdversaryPair(Generator(G), D).sample(5).shape
        (5, 784)
        """
        from adversarial.viewer.inline import samples_of

        return samples_of(self, n, seed)

    def score(self, data: Any, **options: Any) -> ParzenScore | FoldedScore:
        """Log-likelihood of test data under the samples, with its standard error (Table 1).

        The arguments are those of `adversarial.evaluation.score.score`.
        """
        from adversarial.evaluation.score import score

        return score(self, data, **options)

    # The pair's data and weights are the discriminator's.

    def get_input_space(self) -> Space:
        return self.discriminator.get_input_space()

    def get_output_space(self) -> Space:
        return self.discriminator.get_output_space()

    def get_input_source(self) -> str:
        return self.discriminator.get_input_source()

    def get_monitoring_data_specs(self) -> tuple:
        return (self.get_input_space(), self.get_input_source())

    def get_weights(self) -> Any:
        return self.discriminator.get_weights()

    def get_weights_format(self) -> tuple[str, str]:
        return self.discriminator.get_weights_format()

    def get_weights_view_shape(self) -> tuple[int, int]:
        return self.discriminator.get_weights_view_shape()

    def get_weights_topo(self) -> Any:
        return self.discriminator.get_weights_topo()

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        """The players' channels, prefixed gen_, dis_on_data_, dis_on_samp_ and inf_.

        The code of 2014 filled its dis_on_data_ channels from samples and dis_on_samp_ from data;
        here each holds what its name says. There are no channels of a G that inpaints, nor of D on
        its samples, since only the cost knows which half G paints; the cost has channels for both.

        Parameters
        ----------
        data : symbolic batch of the input space
        """
        channels: OrderedDict = OrderedDict()

        def add(prefix: str, found: OrderedDict) -> None:
            channels.update((prefix + name, value) for name, value in found.items())

        if self.is_inpainting:
            if self.monitor_discriminator:
                add("dis_on_data_", self.discriminator.get_monitoring_channels((data, None)))
            return channels
        # The channels of both players are measured on the same samples.
        states = self.generator.monitored_states()
        if self.monitor_generator:
            made = self.generator.get_output_space()
            as_made = self.generator.format_sample(data, self.get_input_space(), made)
            add("gen_", self.generator.get_monitoring_channels(as_made, states))
        if self.monitor_discriminator:
            add("dis_on_data_", self.discriminator.get_monitoring_channels((data, None)))
            samples = self.as_data(states[1][-1])
            add("dis_on_samp_", self.discriminator.get_monitoring_channels((samples, None)))
        if self.inferer is not None and self.monitor_inference:
            add("inf_", self._inference_channels(self.inferer))
        return channels

    def _inference_channels(self, inferer: MLP) -> OrderedDict:
        """Channels of the inferer on new samples.

        z is the target if it has the size of the inferer's output. If it does not, the inferer
        predicts a layer of G (`infer_layer` of the cost), and there is no target.
        """
        samples, z, _ = self.generator.sample_and_noise(self.inference_monitoring_batch_size)
        have, predicted = self.generator.get_input_space(), inferer.get_output_space()
        samples = self.as_inferer_input(inferer, self.as_data(samples))
        same = have.get_total_dimension() == predicted.get_total_dimension()
        z = have.format_as(z, predicted) if same else None
        return inferer.get_monitoring_channels((samples, z))

    def as_data(self, samples: Any) -> Any:
        """Convert samples, symbolic, to the discriminator's input space.

        If one of the players has images and the other vectors, these are rows of a data set.
        """
        made = self.generator.get_output_space()
        return self.generator.format_sample(samples, made, self.get_input_space())

    def as_inferer_input(self, inferer: MLP, data: Any) -> Any:
        """Convert data, or samples in the discriminator's input space, to the inferer's."""
        wanted = inferer.get_input_space()
        return self.generator.format_sample(data, self.get_input_space(), wanted)


def recapitate_discriminator(pair_path: str, new_head: Layer) -> MLP:
    """The discriminator of a model file, with another top layer.

    Parameters
    ----------
    pair_path : str
        A model file that holds an `AdversaryPair`.
    new_head : Layer
    """
    return recapitate(modelfile.load(pair_path).discriminator, new_head)


def recapitate(network: MLP, new_head: Layer) -> MLP:
    """Replace the top layer of `network`, which is changed and returned, by `new_head`.

    Examples
    --------
    >>> from adversarial.models.mlp import Linear, Softmax
    >>> network = MLP([Linear(5, "h0", irange=0.1), Linear(1, "y", irange=0.1)], nvis=4)
    >>> recapitate(network, Softmax(10, "classes", irange=0.0)).get_output_space()
    VectorSpace(dim=10, dtype=float32)
    """
    before = list(network.layers)
    del network.layers[-1]
    try:
        network.add_layers([new_head])
    except Exception:
        network.layers = before  # as it was, if the new layer does not fit
        raise
    return network
