"""Conditional nets (paper, section 7, extension 1): p(x | c), c being put into both G and D.

Both players are networks of two inputs. `given(c)` binds the second one, for a batch: what comes
out are a generator and a discriminator as the package has them, so that the game between them is
the plain game, and its cost the plain cost.
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
    """A network that takes a class, as a one-hot row, beside its input.

    Its first layer's input space is the composite of both; to all others it is a network of its
    `input_space` alone, once `given` has bound the classes. ValueError where they are not.

    Parameters beside those of `MLP`
    --------------------------------
    n_classes : int
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
        """This network, of the same parameters, for the classes `c`, (m, n_classes), symbolic.

        Row i of an input is of class c[i mod m], so that a batch of any size may be put in.
        """
        bound = copy.copy(self)
        bound.condition = c
        return bound

    def _with_condition(self, x: Any) -> tuple:
        c = self.condition
        if c is None:
            raise ValueError("this network takes a class beside its input, which is not given")
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
    """Samples G(z, c). Its `mlp` is a ConditionalMLP; else TypeError.

    Of no given classes it takes all of them in turn, in equal shares: the samples of a batch are
    in the order of their classes, so that a grid of them has a class to a row.
    """

    def __init__(self, mlp: ConditionalMLP, *args: Any, **kwargs: Any) -> None:
        _check_takes_classes(mlp, "the generator's network")
        super().__init__(mlp, *args, **kwargs)

    @property
    def n_classes(self) -> int:
        return self.mlp.n_classes

    def given(self, c: Any) -> ConditionalGenerator:
        """This generator for the classes `c`, (m, n_classes): sample i is of class c[i mod m]."""
        bound = copy.copy(self)
        bound.mlp = self.mlp.given(c)
        return bound

    def given_classes(self, classes: Any) -> ConditionalGenerator:
        """`given` the numbers of classes, (m,); ValueError where there is no such class."""
        n_classes = self.n_classes
        classes = np.asarray(classes)
        if classes.ndim != 1 or not len(classes) or classes.dtype.kind not in "iu":
            raise ValueError(f"classes are numbers of classes, at least one, not {classes!r:.80}")
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
        """`n` one-hot rows, ordered, in which each class has its share of n, as near as can be.

        Where n is no multiple of the number of classes, chance decides who gets one more: even a
        single row may be of any class.
        """
        n_classes = self.n_classes
        chance = self.theano_rng.uniform(size=(1,))
        number = at.floor((at.arange(n) + chance) * n_classes / n)
        # Rounding: no class beyond the last.
        number = at.minimum(at.cast(number, "int64"), n_classes - 1)
        return at.extra_ops.to_one_hot(number, n_classes, dtype=backend.floatX)


class ConditionalPair(AdversaryPair):
    """The two players, each of which is told the class. Its data are pairs (x, c), c one-hot.

    Raises TypeError where a player takes no class, ValueError where they differ in the number of
    classes.
    """

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
            raise ValueError(f"the generator takes {mine} classes, but the discriminator {other}")
        super().__init__(generator, discriminator, *args, **kwargs)

    def given(self, c: Any) -> ConditionalPair:
        """Both players for the classes `c`, (m, n_classes), symbolic."""
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
        """As the base class, for the classes of `data`, (x, c)."""
        x, c = data
        return AdversaryPair.get_monitoring_channels(self.given(c), x)


class ConditionalAdversaryCost(AdversaryCost2):
    """The game of a ConditionalPair: the plain one, played for the classes of each batch.

    Samples have the classes of the data beside them.

    Parameters beside those of `AdversaryCost2`
    -------------------------------------------
    mismatch : float
        Weight in D's objective of data under the class of another example, which D is to tell
        from data as well as from samples (Reed et al., 2016, have it so). At 0 it is the game of
        the paper, where D learns what classes are only when samples are good enough otherwise.
    """

    supervised = True

    def __init__(self, *args: Any, mismatch: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not mismatch >= 0:
            raise ValueError(f"mismatch is a weight and not negative: {mismatch!r}")
        self.mismatch = mismatch

    def get_samples_and_objectives(self, model: ConditionalPair, data: Any) -> tuple:
        """(samples, d, g, i) of `model` given classes, and data x of these."""
        samples, d, g, i = super().get_samples_and_objectives(model, data)
        if self.mismatch:
            c = model.discriminator.condition
            others = at.concatenate([c[1:], c[:1]])
            d = d + self.mismatch * self._discriminate(model.given(others), data).loss(0.0)
        return samples, d, g, i

    def _players_and_data(self, model: Any, data: Any) -> tuple[ConditionalPair, Any]:
        """The players for the classes of `data`, and its x; `data` is (x, c)."""
        if not isinstance(model, ConditionalPair):
            raise TypeError(f"ConditionalAdversaryCost trains a ConditionalPair, not {model!r}")
        space, _ = model.get_monitoring_data_specs()
        space.validate(data)
        x, c = data
        return model.given(c), x


def _check_takes_classes(network: Any, what: str) -> None:
    if not isinstance(network, ConditionalMLP):
        raise TypeError(f"{what} must be a ConditionalMLP, not {network!r}")
