"""The density whose likelihood is estimated: a generator with Gaussian noise on its output.

    p(x) = integral N(u; 0, I) N(x; G(z(u)), sigma^2 I) du

A `Decoder` is this model as a graph. `hmc` and `annealing` call it.

The integral is over u, which is standard normal whatever the generator's noise is, because each
kind of noise z is a function of such a u:

| noise | z(u) |
|---|---|
| gaussian | u |
| uniform on [-sqrt 3, sqrt 3] | sqrt 3 (2 Phi(u) - 1) = sqrt 3 erf(u / sqrt 2) |
| spherical | u / norm of u, as `Generator` draws it |

Phi is the normal CDF, which maps a standard normal number to a uniform one in [0, 1]. So the change
of variables is exact, and no Jacobian is left to compute: that of z(u) turns the uniform density
into the normal one. Hamiltonian Monte Carlo needs a space without edges, which u has. The
alternatives are worse here: reflection at the edges of the cube costs a test for each coordinate
and leapfrog step, and a logit leaves a prior that is not isotropic.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial.evaluation.sampling import generator_of, parts_of
from adversarial.models.generator import IntrinsicDropoutGenerator
from adversarial.models.mlp import MLP
from adversarial.space import Conv2DSpace, VectorSpace, format_data


class Decoder:
    """The graph of G(z(u)), for a generator whose only noise is its input.

    Parameters
    ----------
    model : AdversaryPair or Generator

    Attributes
    ----------
    latent : int
        Numbers in u.
    dimension : int
        Numbers in x.

    Raises
    ------
    ValueError
        Where the model has no generator, or the generator draws noise elsewhere than in its input.

    References
    ----------
    Y. Wu, Y. Burda, R. Salakhutdinov and R. Grosse, "On the quantitative analysis of decoder-based
    generative models", ICLR 2017 (arXiv 1611.04273), section 3.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> decoder = Decoder(Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3)))
    >>> decoder.latent, decoder.dimension
    (3, 4)
    """

    def __init__(self, model: Any) -> None:
        self.generator = generator_of(model)
        _check_noise(self.generator)
        self.latent = self.generator.get_input_space().get_total_dimension()
        self.dimension = self.generator.get_output_space().get_total_dimension()

    def noise(self, u: Any) -> Any:
        """z(u), rows (n, latent), symbolic."""
        if self.generator.noise == "uniform":
            return at.cast(np.sqrt(3), u.dtype) * at.erf(u * at.cast(np.sqrt(0.5), u.dtype))
        if self.generator.noise == "spherical":
            return u / at.maximum(1e-7, at.sqrt(at.square(u).sum(axis=1, keepdims=True)))
        return u

    def rows(self, u: Any) -> Any:
        """G(z(u)) as rows of a design matrix, (n, dimension), symbolic."""
        generator = self.generator
        below, above = generator.get_input_space(), generator.get_output_space()
        z = VectorSpace(self.latent).format_as(self.noise(u), below)
        return format_data(generator.mlp.fprop(z), above, VectorSpace(self.dimension))

    def fit(self, u: Any, x: Any) -> Any:
        """-||x - G(z(u))||^2 / 2 of each chain, symbolic.

        Parameters
        ----------
        u : (chains * n, latent)
            Row c * n + i belongs to chain c of example i.
        x : (n, dimension)

        Returns
        -------
        (chains * n,)
        """
        gap = self.rows(u).reshape((-1, x.shape[0], self.dimension)) - x
        return -0.5 * (gap * gap).sum(axis=2).flatten()


def _check_noise(generator: Any) -> None:
    """Raise ValueError where G is no function of z alone."""
    name = type(generator).__name__
    if isinstance(generator, IntrinsicDropoutGenerator):
        raise ValueError(
            f"the generator, an {name}, draws every sample with dropout: its likelihood is an "
            "integral over the masks of all layers too, which annealed importance sampling by "
            "Hamiltonian Monte Carlo cannot compute"
        )
    bound = getattr(generator.mlp, "condition", None) is not None
    if hasattr(generator, "given_classes") and not bound:
        raise ValueError(
            f"the generator, a {name}, needs a class as well as z: the density of an example is a "
            "mean over classes, between which Hamiltonian Monte Carlo cannot move. In Python, give "
            "it the generator of one class: generator.given_classes([number])"
        )
    # The streams of a network are those of its dropout, which samples do not have.
    layers = [part for part in parts_of(generator.mlp) if not isinstance(part, MLP)]
    noisy = [layer for layer in layers if hasattr(layer, "theano_rng")]
    if noisy:
        raise ValueError(
            f"layer {noisy[0].layer_name} of the generator, a {type(noisy[0]).__name__}, draws "
            "noise of its own; only generators whose noise is their input have a likelihood here"
        )
    if isinstance(generator.get_input_space(), Conv2DSpace):
        raise ValueError(
            f"the generator, a {name}, takes images, not a vector of noise: what it paints depends "
            "on a part of the image, so it has no density of whole images"
        )
