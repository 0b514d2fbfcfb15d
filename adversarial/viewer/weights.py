"""A layer's weights as images: the input that a unit responds to, or the output that it adds.

`show_weights` draws these; `summarize_model` asks `networks_of` for the networks of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP
from adversarial.models.mlp.base_conv import BaseConv
from adversarial.models.mlp.dense import Dense
from adversarial.space import Conv2DSpace, Space
from adversarial.viewer.grid import pick_shape
from adversarial.viewer.samples import Sheet, View, view_of_space

PLAYERS = ("generator", "discriminator", "inferer")
SCALES = ("individual", "global", "none")
MAX_PATCHES = 400  # in a picture for which no number of rows and columns is given


@dataclass(frozen=True)
class Patches:
    """Weights as images.

    Attributes
    ----------
    images : (n, rows, columns, channels); a weight of 0 is 0
    what : str
        What each image is, for people.
    group : int
        So many images, one after the other, belong together, such as the pieces of a maxout unit.
    """

    images: np.ndarray
    what: str
    group: int = 1

    @property
    def norms(self) -> np.ndarray:
        """The Euclidean norm of each patch: (n,)."""
        return np.sqrt(np.square(self.images, dtype=np.float64).sum(axis=(1, 2, 3)))

    def strongest_first(self) -> Patches:
        """The same patches sorted by norm, the greatest first.

        Groups stay together, sorted by the greatest norm in each.

        Examples
        --------
        >>> images = np.array([1.0, 3.0, 2.0]).reshape(3, 1, 1, 1)
        >>> Patches(images, "a weight").strongest_first().norms
        array([3., 2., 1.])
        """
        groups = self.norms.reshape(-1, self.group)
        order = np.argsort(-groups.max(axis=1), kind="stable")
        images = self.images.reshape(len(groups), self.group, *self.images.shape[1:])[order]
        return replace(self, images=images.reshape(self.images.shape))

    def sheet(
        self, rows: int | None = None, cols: int | None = None, rescale: str = "individual"
    ) -> Sheet:
        """The first `rows` x `cols` patches; 0 is middle grey.

        Parameters
        ----------
        rows, cols : int, optional
            Without them, at most MAX_PATCHES patches in a grid that is nearly square; a row
            holds whole groups.
        rescale : {'individual', 'global', 'none'}
            The magnitude that becomes white or black: the greatest of each patch, the greatest of
            all patches, or 1.
        """
        if rescale not in SCALES:
            raise ValueError(f"rescale must be one of {', '.join(SCALES)}, not {rescale!r}")
        shown = min(len(self.images), MAX_PATCHES)
        if cols is None:
            cols = -(-shown // rows) if rows else pick_shape(shown)[1]
            cols = -(-cols // self.group) * self.group
        if rows is None:
            rows = -(-shown // cols)
        images = self.images[: rows * cols].astype(np.float64)
        if rescale == "individual":
            peaks = np.abs(images).max(axis=(1, 2, 3), keepdims=True)
        else:
            peaks = np.array(np.abs(self.images).max() if rescale == "global" else 1.0)
        images = images / np.where(peaks > 0, peaks, 1.0)
        return Sheet(images.clip(-1, 1) / 2 + 0.5, -(-len(images) // cols), cols)


def networks_of(model: Any) -> dict[str, MLP]:
    """The networks of a model by player; an `MLP` itself is named 'network'.

    Raises
    ------
    ValueError
        Where the model is neither an AdversaryPair, a Generator nor an MLP.
    """
    if isinstance(model, AdversaryPair):
        players = {
            "generator": model.generator.mlp,
            "discriminator": model.discriminator,
            "inferer": model.inferer,
        }
        return {name: network for name, network in players.items() if network is not None}
    if isinstance(model, Generator):
        return {"generator": model.mlp}
    if isinstance(model, MLP):
        return {"network": model}
    raise ValueError(f"a {type(model).__name__} has no layers to show")


def patches_of(model: Any, player: str | None = None, layer_name: str | None = None) -> Patches:
    """The weights of a layer of one of the players.

    Kernels are images themselves. For a fully connected layer whose input is images, a patch has
    the weights into one of its units; for the generator's top layer, the weights from one unit
    below to the image. The weights into other units are arranged in a rectangle, nearly square, in
    the order of the units below.

    Parameters
    ----------
    model : AdversaryPair, Generator or MLP
    player : one of PLAYERS; without it, the discriminator
    layer_name : str, optional
        Without it, as in 2014, the first layer with weights; the generator's last.

    Raises
    ------
    ValueError
        Where there is no such layer, or it has no weights.
    """
    networks = networks_of(model)
    if player is None:
        player = "discriminator" if "discriminator" in networks else next(iter(networks))
    if player not in networks:
        raise ValueError(f"the model has no {player}, only: {', '.join(networks)}")
    network = networks[player]
    shown = {
        layer.layer_name: layer for layer in network.layers if isinstance(layer, (Dense, BaseConv))
    }
    if layer_name is None and shown:
        layer_name = list(shown)[-1 if player == "generator" else 0]
    if layer_name not in shown:
        raise ValueError(
            f"the {player} has no layer {layer_name!r} with weights; it has "
            f"{', '.join(shown) or 'none'}"
        )
    layer = shown[layer_name]
    if not isinstance(layer, Dense):
        return _kernels(layer)
    group = getattr(layer, "num_pieces", 1)
    # Between the data and a layer, others without parameters may lie, such as SubtractHalf.
    place = network.layers.index(layer)
    below, above = network.layers[:place], network.layers[place + 1 :]
    is_last = layer.get_output_space() == network.get_output_space()
    if player == "generator" and is_last and not any(each.get_params() for each in above):
        view = _view(layer.get_output_space(), model)
        if view is not None:
            return Patches(view(layer.get_weights()), "what a unit below paints")
    incoming = layer.get_weights().T
    is_first = layer.input_space == network.get_input_space()
    of_data = player != "generator" and is_first and not any(each.get_params() for each in below)
    if isinstance(layer.input_space, Conv2DSpace):
        images = layer.get_weights_topo()
        if images.shape[3] in (1, 3):
            return Patches(images, "what a unit looks for", group)
    elif of_data:
        view = _view(layer.input_space, model)
        if view is not None:
            return Patches(view(incoming), "what a unit looks for", group)
    shape = pick_shape(incoming.shape[1], exact=True)
    return Patches(
        incoming.reshape(-1, *shape, 1),
        "weights into a unit, in the order of the units below",
        group,
    )


def _kernels(layer: Any) -> Patches:
    """Kernels of 1 or 3 channels are images; of other kernels, each channel is one.

    A convolution flips its kernels; they are shown flipped, as the pattern that a map responds to.
    """
    images = layer.get_weights_topo()
    if getattr(layer, "filter_flip", False):
        images = images[:, ::-1, ::-1]
    channels = images.shape[3]
    if channels in (1, 3):
        return Patches(images, "a kernel", getattr(layer, "num_pieces", 1))
    single = images.transpose(0, 3, 1, 2).reshape(-1, *images.shape[1:3], 1)
    return Patches(single, f"a channel of a kernel of {channels}", channels)


def _view(space: Space, model: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    """The function from points of `space`, as rows, to images; None where they are no images."""
    try:
        view: View = view_of_space(space, model)
    except ValueError:
        return None
    return view.images
