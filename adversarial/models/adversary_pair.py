"""The two players, and an optional third that infers z."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

from adversarial import modelfile
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Layer
from adversarial.models.mlp.composite import refuse_rows_in_another_order
from adversarial.models.model import Model
from adversarial.space import Space
from adversarial.utils import origin


class AdversaryPair(Model):
    """A generator and the discriminator it plays against (paper, equation 1).

    Parameters
    ----------
    generator : Generator
    discriminator : MLP
        Its top layer is a Sigmoid of one unit: the probability that the input is data.
    inferer : MLP, optional
        Predicts z, or a layer of G, from a sample (paper, section 7, extension 2).
    monitor_generator, monitor_discriminator, monitor_inference : bool
        Which players' channels are monitored.
    shrink_d : float
        When not zero, D's parameters are multiplied by it after every update.
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
        self.generator = generator
        self.discriminator = discriminator
        made, judged = generator.get_output_space(), discriminator.get_input_space()
        whole = made.get_total_dimension() == judged.get_total_dimension()
        if not (whole or self.is_inpainting):
            raise ValueError(
                f"the generator{origin.of(generator.mlp.layers[-1])} makes {made}, but the "
                f"discriminator{origin.of(discriminator)} takes {judged}"
            )
        refuse_rows_in_another_order(generator.mlp, taken="", made="a sample as a row")
        for network in (discriminator, inferer):
            if network is not None:
                refuse_rows_in_another_order(network, taken="a row of the data")
        self.inferer = inferer
        self.inference_monitoring_batch_size = inference_monitoring_batch_size
        self.monitor_generator = monitor_generator
        self.monitor_discriminator = monitor_discriminator
        self.monitor_inference = monitor_inference
        self.shrink_d = shrink_d

    @property
    def is_inpainting(self) -> bool:
        """Whether G takes images as D does and paints a half of them only."""
        return self.generator.paints_half_of(self.discriminator.get_input_space())

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

    # The pair stands before the data as its discriminator does.

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

        The 2014 code filled its dis_on_data_ channels from samples and dis_on_samp_ from data;
        here each holds what its name says.  Of an inpainting G there are none, nor of D on
        samples: which half it paints is the cost's to know, and the cost's channels tell of it.
        """
        channels: OrderedDict = OrderedDict()

        def add(prefix: str, found: OrderedDict) -> None:
            channels.update((prefix + name, value) for name, value in found.items())

        if self.is_inpainting:
            if self.monitor_discriminator:
                add("dis_on_data_", self.discriminator.get_monitoring_channels((data, None)))
            return channels
        # One draw serves both players' channels.
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
        """On fresh samples, with z as the target where the inferer predicts so many values.

        Where it does not, it infers a layer of G (the cost's `infer_layer`).
        """
        samples, z, _ = self.generator.sample_and_noise(self.inference_monitoring_batch_size)
        have, predicted = self.generator.get_input_space(), inferer.get_output_space()
        samples = self.as_inferer_input(inferer, self.as_data(samples))
        same = have.get_total_dimension() == predicted.get_total_dimension()
        z = have.format_as(z, predicted) if same else None
        return inferer.get_monitoring_channels((samples, z))

    def as_data(self, samples: Any) -> Any:
        """Samples, symbolic, in the layout in which D takes data.

        Where one of the players has images and the other vectors, these are rows of a data set.
        """
        made = self.generator.get_output_space()
        return self.generator.format_sample(samples, made, self.get_input_space())

    def as_inferer_input(self, inferer: MLP, data: Any) -> Any:
        """Data, or samples in its layout, as the inferer takes them."""
        wanted = inferer.get_input_space()
        return self.generator.format_sample(data, self.get_input_space(), wanted)


def recapitate_discriminator(pair_path: str, new_head: Layer) -> MLP:
    """The discriminator of the model file `pair_path` with `new_head` in place of its top layer."""
    return recapitate(modelfile.load(pair_path).discriminator, new_head)


def recapitate(network: MLP, new_head: Layer) -> MLP:
    """`network` itself with `new_head` in place of its top layer."""
    del network.layers[-1]
    network.add_layers([new_head])
    return network
