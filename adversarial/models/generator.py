"""The generator G, which maps noise z to samples G(z) (the paper, section 3)."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any, Optional, Union

import aesara.tensor as at
import numpy as np

from adversarial import backend, modelfile
from adversarial.models.mlp import MLP
from adversarial.models.mlp.sizes import positive_size
from adversarial.models.model import Model
from adversarial.models.symbolic_parzen import theano_parzen
from adversarial.space import Conv2DSpace, Space, VectorSpace, format_data
from adversarial.space.conv2d import SIDES, half_of
from adversarial.utils.budget import spend
from adversarial.utils.seeding import seed_words

NOISES = ("gaussian", "uniform", "spherical")

# Samples on which the channels of G, and of D on samples, are computed.
MONITORED_SAMPLES = 100
# Nanoseconds that a sample of `ll_n_samples` adds to the first epochs of even the smallest network;
# bytes for each number in a sample.
_PER_LL_SAMPLE, _PER_LL_NUMBER = 10_000, 8


class Generator(Model):
    """Samples G(z) for z drawn from a fixed distribution.

    Parameters
    ----------
    mlp : MLP
        G; its input space is the space of z, its output space that of the data.
    noise : 'gaussian', 'uniform' or 'spherical'
        Distribution of z: standard normal, uniform on [-sqrt 3, sqrt 3] (variance 1), or normal
        divided by its norm.
    monitor_ll : bool
        Monitor `ll`, a cheap Parzen window estimate of the log-likelihood. Table 1 of the paper has
        another procedure, `adversarial.evaluation.parzen`.
    ll_n_samples : int
        Samples for each batch of that estimate.
    ll_sigma : float
        Standard deviation of its windows.

    Raises
    ------
    ValueError
        For a noise, a number of samples or a deviation that cannot be.

    References
    ----------
    "Generative Adversarial Nets", section 3: p_z(z) and G(z; theta_g).

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid
    >>> mlp = MLP([Sigmoid(layer_name="y", dim=784, irange=0.05)], nvis=100)
    >>> generator = Generator(mlp, noise="uniform")
    >>> backend.function([], generator.sample(5))().shape
    (5, 784)
    """

    # Whether samples that are vectors are converted to images as rows of a data set are. False in
    # model files of earlier versions, whose players learnt vectors in the order of `Conv2DSpace`.
    samples_are_rows = False

    def __init__(
        self,
        mlp: MLP,
        noise: str = "gaussian",
        monitor_ll: bool = False,
        ll_n_samples: int = 100,
        ll_sigma: float = 0.2,
    ) -> None:
        super().__init__()
        self.samples_are_rows = True
        if noise not in NOISES:
            raise ValueError(f"noise must be one of {', '.join(NOISES)}, not {noise!r}")
        self.ll_n_samples = positive_size(type(self).__name__, "ll_n_samples", ll_n_samples)
        if not ll_sigma > 0:
            raise ValueError(f"ll_sigma must be positive, not {ll_sigma!r}")
        mlp.get_input_space()  # an error if it has none
        self.mlp = mlp
        self.noise = noise
        self.monitor_ll = bool(monitor_ll)
        if self.monitor_ll:
            numbers = ll_n_samples * getattr(self.get_output_space(), "get_total_dimension", int)()
            spend(
                f"ll_n_samples: {ll_n_samples} samples in each minibatch",
                time=_PER_LL_SAMPLE * ll_n_samples,
                briefly=_PER_LL_NUMBER * numbers,
            )
        self.ll_sigma = ll_sigma
        self.theano_rng = backend.RandomStreams(seed_words(None, 2014 * 5 + 27), "generator noise")

    def get_input_space(self) -> Space:
        return self.mlp.get_input_space()

    def get_output_space(self) -> Space:
        return self.mlp.get_output_space()

    def get_params(self) -> list:
        return self.mlp.get_params()

    def get_lr_scalers(self) -> OrderedDict:
        return self.mlp.get_lr_scalers()

    def _modify_updates(self, updates: OrderedDict) -> None:
        self.mlp.modify_updates(updates)

    def set_batch_size(self, batch_size: int) -> None:
        self.mlp.set_batch_size(batch_size)

    def _dropout(self, include_prob: float, scale: float) -> dict[str, Any]:
        """The dropout with which samples are drawn, as `MLP.dropout_fprop` takes it."""
        return dict(default_input_include_prob=include_prob, default_input_scale=scale)

    def format_sample(self, batch: Any, space: Space, target: Space) -> Any:
        """Convert samples or data, symbolic, from `space` to `target`."""
        return (format_data if self.samples_are_rows else _format)(batch, space, target)

    def get_noise(self, size: Union[int, tuple, Any]) -> Any:
        """Noise z, symbolic.

        Parameters
        ----------
        size : int, symbolic int or tuple
            The shape of z, or the number of samples alone.
        """
        if not isinstance(size, (tuple, list)):
            size = (size, self.get_input_space().get_total_dimension())
        if self.noise == "uniform":
            return self.theano_rng.uniform(size=size, low=-np.sqrt(3), high=np.sqrt(3))
        z = self.theano_rng.normal(size=size)
        if self.noise == "spherical":
            z = z / at.maximum(1e-7, at.sqrt(at.square(z).sum(axis=1, keepdims=True)))
        return z

    def _formatted_noise(self, num_samples: Any) -> Any:
        space = self.get_input_space()
        n = space.get_total_dimension()
        return VectorSpace(n).format_as(self.get_noise((num_samples, n)), space)

    def sample_and_noise(
        self,
        num_samples: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
        all_g_layers: bool = False,
    ) -> tuple:
        """Samples, and the noise and hidden states that they were made of.

        Parameters
        ----------
        num_samples : int or symbolic int
        default_input_include_prob, default_input_scale : float
            Dropout, as `MLP.dropout_fprop` takes it; none by default.
        all_g_layers : bool
            Return the states of all layers, too.

        Returns
        -------
        (samples, z, list of the outputs of the layers below the top one, or None), symbolic
        """
        z = self._formatted_noise(num_samples)
        dropout = self._dropout(default_input_include_prob, default_input_scale)
        states = self.mlp.dropout_fprop(z, return_all=True, **dropout)
        return states[-1], z, states[:-1] if all_g_layers else None

    def sample(
        self,
        num_samples: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
    ) -> Any:
        """`num_samples` samples, symbolic, in the output space; see `sample_and_noise`."""
        samples, _, _ = self.sample_and_noise(
            num_samples, default_input_include_prob, default_input_scale
        )
        return samples

    def inpaints(self, images: Space) -> bool:
        """Whether G takes images of the size of `images` and its output is half of one."""
        space = self.get_input_space()
        if not (isinstance(space, Conv2DSpace) and isinstance(images, Conv2DSpace)):
            return False
        if (space.shape, space.num_channels) != (images.shape, images.num_channels):
            return False
        halves = (half_of(space.shape, side) for side in SIDES)
        sizes = {(d.stop - d.start) * (a.stop - a.start) * space.num_channels for d, a in halves}
        return self.get_output_space().get_total_dimension() in sizes

    def inpainting_sample_and_noise(
        self,
        X: Any,
        default_input_include_prob: float = 1.0,
        default_input_scale: float = 1.0,
        side: str = "right",
    ) -> tuple:
        """Images of which G has painted one half, and the noise that it saw there.

        G takes each image with noise in place of the half to paint, and its output is that half, as
        images or as vectors of them, pixel after pixel. The other half is left as it is.

        Parameters
        ----------
        X : symbolic batch (batch, rows, columns, channels)
        default_input_include_prob, default_input_scale : float
            Dropout, as `MLP.dropout_fprop` takes it; none by default.
        side : 'left', 'right', 'top' or 'bottom'
            The half to paint.

        Returns
        -------
        (images of the shape of `X`, noise), symbolic

        Raises
        ------
        ValueError
            If G does not take images, or its output is not of the size of the half.
        """
        space = self.get_input_space()
        if not isinstance(space, Conv2DSpace) or X.ndim != 4:
            raise ValueError(f"inpainting needs images in and a Conv2DSpace below G, not {space}")
        down, across = half_of(space.shape, side)
        hole = X[:, down, across, :]
        size = (X.shape[0], down.stop - down.start, across.stop - across.start, space.num_channels)
        made = self.mlp.get_output_space().get_total_dimension()
        if made != math.prod(size[1:]):
            raise ValueError(
                f"the {side} half of images of {space.shape} is {math.prod(size[1:])} numbers, "
                f"but the output of G is {made}"
            )
        noise = self.theano_rng.normal(size=size)
        seen = at.set_subtensor(hole, noise)
        seen = Conv2DSpace(
            space.shape, num_channels=space.num_channels, axes=("b", 0, 1, "c")
        ).format_as(seen, space)
        painted = self.mlp.dropout_fprop(
            seen,
            default_input_include_prob=default_input_include_prob,
            default_input_scale=default_input_scale,
        )
        output = self.mlp.get_output_space()
        if isinstance(output, Conv2DSpace):
            half = Conv2DSpace(size[1:3], num_channels=size[3], axes=("b", 0, 1, "c"))
            if (tuple(output.shape), output.num_channels) != (size[1:3], size[3]):
                raise ValueError(
                    f"the {side} half of images of {space.shape} is {half}, but G makes {output}"
                )
            painted = output.format_as(painted, half)
        return at.set_subtensor(hole, painted.reshape(size)), noise

    def ll(self, data: Any, n_samples: int, sigma: float, samples: Any = None) -> Any:
        """Parzen window log-likelihood of each example.

        Parameters
        ----------
        data : symbolic batch of the output space
        n_samples : int
        sigma : float
            Standard deviation of the windows.
        samples : symbolic batch, optional
            `n_samples` samples to use instead of drawing new ones.

        Returns
        -------
        symbolic vector (batch,), in nats
        """
        space = self.get_output_space()
        flat = VectorSpace(space.get_total_dimension())
        samples = self.sample(n_samples) if samples is None else samples
        return theano_parzen(space.format_as(data, flat), space.format_as(samples, flat), sigma)

    def get_monitoring_channels(self, data: Any, states: Optional[tuple] = None) -> OrderedDict:
        """Channels of G's layers, named after them, and `ll` and `nll` with `monitor_ll`.

        Parameters
        ----------
        data : symbolic batch of the output space
        states : tuple, optional
            What `monitored_states` returned, to measure on these samples instead of new ones.
        """
        z, outputs = states or self.monitored_states()
        channels: OrderedDict = OrderedDict()
        for layer, below, state in zip(self.mlp.layers, [z, *outputs[:-1]], outputs):
            found = layer.get_layer_monitoring_channels(below, state, None)
            channels.update((f"{layer.layer_name}_{name}", val) for name, val in found.items())
        if self.monitor_ll:
            enough = self.ll_n_samples == MONITORED_SAMPLES
            ll = self.ll(data, self.ll_n_samples, self.ll_sigma, outputs[-1] if enough else None)
            channels["ll"] = ll.mean()
            channels["nll"] = -channels["ll"]
        return channels

    def monitored_states(self) -> tuple:
        """(z, list of the output of each layer) for MONITORED_SAMPLES new samples."""
        samples, z, below = self.sample_and_noise(MONITORED_SAMPLES, all_g_layers=True)
        return z, [*below, samples]


class IntrinsicDropoutGenerator(Generator):
    """A generator with dropout that is part of the model: every sample is drawn with it.

    Parameters
    ----------
    default_input_include_prob, default_input_scale : float
    input_include_probs, input_scales : dict of str to float, optional
        Dropout, as `MLP.dropout_fprop` takes it.
    **kwargs
        As `Generator` takes them.

    Examples
    --------
    >>> from adversarial.models.mlp import Linear
    >>> mlp = MLP([Linear(layer_name="y", dim=2, irange=0.5)], nvis=3)
    >>> generator = IntrinsicDropoutGenerator(0.5, 2.0, mlp=mlp)
    >>> backend.function([], generator.sample(5))().shape
    (5, 2)
    """

    def __init__(
        self,
        default_input_include_prob: float,
        default_input_scale: float,
        input_include_probs: Optional[dict[str, float]] = None,
        input_scales: Optional[dict[str, float]] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.default_input_include_prob = default_input_include_prob
        self.default_input_scale = default_input_scale
        self.input_include_probs = input_include_probs
        self.input_scales = input_scales

    def _dropout(self, include_prob: float, scale: float) -> dict[str, Any]:
        return dict(
            default_input_include_prob=self.default_input_include_prob,
            input_include_probs=self.input_include_probs,
            default_input_scale=self.default_input_scale,
            input_scales=self.input_scales,
        )


def _format(batch: Any, space: Space, target: Space) -> Any:
    return space.format_as(batch, target)


def add_layers(mlp: MLP, pretrained: str, start_layer: int = 0) -> MLP:
    """Put layers of a trained generator on top of a network.

    Parameters
    ----------
    mlp : MLP
    pretrained : str
        Path of a model file that holds an `AdversaryPair`.
    start_layer : int
        The lowest layer to take, counted from 0.

    Returns
    -------
    MLP
        `mlp` itself.

    Raises
    ------
    ValueError
        If there is no such layer, or it does not take the output of `mlp`.
    """
    layers = modelfile.load(pretrained).generator.mlp.layers[start_layer:]
    if not layers:
        raise ValueError(f"{pretrained} has no generator layer {start_layer}")
    have, want = mlp.get_output_space(), layers[0].get_input_space()
    if have != want:
        raise ValueError(f"{pretrained}: layer {start_layer} takes {want}, not {have}")
    names = {layer.layer_name for layer in mlp.layers}
    for layer in layers:
        # Dropout finds layers by name, so a pretrained layer of a name that is taken is renamed.
        while layer.layer_name in names:
            layer.layer_name += "_pretrained"
        names.add(layer.layer_name)
        layer.mlp = mlp
        mlp.layers.append(layer)
    return mlp
