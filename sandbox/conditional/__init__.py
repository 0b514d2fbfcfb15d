"""Conditional generative model p(x | c) (paper, section 7, extension 1): c is an input of G and D.

Both players are networks with two inputs. `given(c)` binds the second input for a batch; the result
is a generator or a discriminator with one input, so the package's cost applies unchanged.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.costs.adversary import AdversaryCost2
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP
from adversarial.space import CompositeSpace, Space, VectorSpace


class ConditionalMLP(MLP):
    """A network with a class, as a one-hot row, as second input.

    The input space of its first layer is a composite of both inputs. For its users it is a network
    of its first input, after `given` has bound the classes; calling it before is a ValueError.

    Parameters
    ----------
    n_classes : int
    *args, **kwargs
        As for `MLP`.

    References
    ----------
    Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014.
    """

    def __init__(self, *args: Any, n_classes: int, **kwargs: Any) -> None:
        self.n_classes = n_classes
        self.condition_space = VectorSpace(n_classes)
        self.condition: Any = None
        super().__init__(*args, **kwargs)

    def _update_layer_input_spaces(self) -> None:
        own = self.input_space
        self.input_space = CompositeSpace([own, self.condition_space])
        super()._update_layer_input_spaces()
        self.input_space = own

    def given(self, c: Any) -> ConditionalMLP:
        """A network with the same parameters, bound to the classes `c`.

        Parameters
        ----------
        c : symbolic, shape (m, n_classes)
            One-hot rows. Row i of an input has the class c[i mod m], for batches of any size.
        """
        bound = copy.copy(self)
        bound.condition = c
        return bound

    def _with_condition(self, x: Any) -> tuple:
        c = self.condition
        if c is None:
            raise ValueError("a ConditionalMLP needs classes: call given(c) first")
        n = x.shape[self.input_space.get_batch_axis()]
        return x, c[at.arange(n) % c.shape[0]]

    def fprop(self, state_below: Any, return_all: bool = False) -> Any:
        return super().fprop(self._with_condition(state_below), return_all)

    def dropout_fprop(self, state_below: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dropout_fprop(self._with_condition(state_below), *args, **kwargs)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        both = self._with_condition(state_below)
        return super().get_layer_monitoring_channels(both, state, targets)


class ConditionalGenerator(Generator):
    """A generator of samples G(z, c).

    Without given classes it makes samples of all classes in equal shares, sorted by class, so that
    a grid of samples has one class per row.

    Parameters
    ----------
    mlp : ConditionalMLP
    *args, **kwargs
        As for `Generator`.

    Raises
    ------
    TypeError
        If `mlp` is not a ConditionalMLP.
    """

    mlp: ConditionalMLP

    def __init__(self, mlp: ConditionalMLP, *args: Any, **kwargs: Any) -> None:
        _check_takes_classes(mlp, "the generator's network")
        super().__init__(mlp, *args, **kwargs)

    @property
    def n_classes(self) -> int:
        return self.mlp.n_classes

    def given(self, c: Any) -> ConditionalGenerator:
        """This generator, bound to the classes `c` as in `ConditionalMLP.given`."""
        bound = copy.copy(self)
        bound.mlp = self.mlp.given(c)
        return bound

    def given_classes(self, classes: Any) -> ConditionalGenerator:
        """This generator, bound to class numbers.

        Parameters
        ----------
        classes : array_like of int, shape (m,)

        Raises
        ------
        ValueError
            If `classes` is empty, has another shape, or holds a number that is not a class.
        """
        n_classes = self.n_classes
        classes = np.asarray(classes)
        if classes.ndim != 1 or not len(classes) or classes.dtype.kind not in "iu":
            raise ValueError(f"classes must be a list of class numbers, not {classes!r:.80}")
        if not 0 <= classes.min() <= classes.max() < n_classes:
            raise ValueError(f"the model has classes 0 to {n_classes - 1}, not {classes.tolist()}")
        return self.given(at.constant(np.eye(n_classes, dtype=backend.floatX)[classes]))

    def sample_and_noise(self, num_samples: Any, *args: Any, **kwargs: Any) -> tuple:
        if self.mlp.condition is None:
            return self.given(self._all_classes(num_samples)).sample_and_noise(
                num_samples, *args, **kwargs
            )
        return super().sample_and_noise(num_samples, *args, **kwargs)

    def _all_classes(self, n: Any) -> Any:
        """`n` one-hot rows, sorted, with equal shares of all classes.

        If n is not a multiple of the number of classes, the classes with one more row are random,
        so that a single row may have any class.
        """
        n_classes = self.n_classes
        chance = self.theano_rng.uniform(size=(1,))
        number = at.floor((at.arange(n) + chance) * n_classes / n)
        # Rounding can give n_classes.
        number = at.minimum(at.cast(number, "int64"), n_classes - 1)
        return at.extra_ops.to_one_hot(number, n_classes, dtype=backend.floatX)


class ConditionalPair(AdversaryPair):
    """Conditional G and D. Data are pairs (x, c) of examples and their one-hot classes.

    Parameters
    ----------
    generator : ConditionalGenerator
    discriminator : ConditionalMLP
    *args, **kwargs
        As for `AdversaryPair`.

    Raises
    ------
    TypeError
        If a player is not conditional.
    ValueError
        If the players have different numbers of classes.
    """

    generator: ConditionalGenerator
    discriminator: ConditionalMLP

    def __init__(
        self,
        generator: ConditionalGenerator,
        discriminator: ConditionalMLP,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if not isinstance(generator, ConditionalGenerator):
            raise TypeError(f"the generator must be a ConditionalGenerator, not {generator!r}")
        _check_takes_classes(discriminator, "the discriminator")
        mine, other = (net.n_classes for net in (generator.mlp, discriminator))
        if mine != other:
            raise ValueError(f"the generator has {mine} classes, but the discriminator {other}")
        super().__init__(generator, discriminator, *args, **kwargs)

    def given(self, c: Any) -> ConditionalPair:
        """Both players, bound to the classes `c` as in `ConditionalMLP.given`."""
        bound = copy.copy(self)
        bound.generator = self.generator.given(c)
        bound.discriminator = self.discriminator.given(c)
        return bound

    def get_target_space(self) -> Space:
        return self.discriminator.condition_space

    def get_target_source(self) -> str:
        return self.discriminator.get_target_source()

    def get_monitoring_data_specs(self) -> tuple:
        space = CompositeSpace([self.get_input_space(), self.get_target_space()])
        return (space, (self.get_input_source(), self.get_target_source()))

    def get_monitoring_channels(self, data: tuple) -> OrderedDict:
        """As in the base class, with both players bound to the classes in `data`, (x, c)."""
        x, c = data
        return AdversaryPair.get_monitoring_channels(self.given(c), x)


class ConditionalAdversaryCost(AdversaryCost2):
    """`AdversaryCost2` for a ConditionalPair: samples have the classes of the data beside them.

    Parameters
    ----------
    mismatch : float
        Weight of a third term in D's objective: D should also reject data with the class of another
        example (Reed et al., 2016). With 0, the paper's objective, D learns to use the class only
        once samples are good in all other respects.
    *args, **kwargs
        As for `AdversaryCost2`.

    Raises
    ------
    ValueError
        If `mismatch` is negative.

    References
    ----------
    Reed et al., "Generative Adversarial Text to Image Synthesis", 2016, algorithm 1.
    """

    supervised = True

    def __init__(self, *args: Any, mismatch: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not mismatch >= 0:
            raise ValueError(f"mismatch must not be negative: {mismatch!r}")
        self.mismatch = mismatch

    def get_samples_and_objectives(self, model: AdversaryPair, data: Any) -> tuple:
        """As in the base class; `model` is bound to the classes of `data`, which are examples x."""
        samples, d, g, i = super().get_samples_and_objectives(model, data)
        if self.mismatch:
            assert isinstance(model, ConditionalPair)  # `_players_and_data` checks
            c = model.discriminator.condition
            others = at.concatenate([c[1:], c[:1]])
            d = d + self.mismatch * self._discriminate(model.given(others), data).loss(0.0)
        return samples, d, g, i

    def _players_and_data(self, model: Any, data: Any) -> tuple[ConditionalPair, Any]:
        """The players, bound to the classes of `data` = (x, c), and x."""
        if not isinstance(model, ConditionalPair):
            raise TypeError(f"ConditionalAdversaryCost trains a ConditionalPair, not {model!r}")
        space, _ = model.get_monitoring_data_specs()
        space.validate(data)
        x, c = data
        return model.given(c), x


def _check_takes_classes(network: Any, what: str) -> None:
    if not isinstance(network, ConditionalMLP):
        raise TypeError(f"{what} must be a ConditionalMLP, not {network!r}")
