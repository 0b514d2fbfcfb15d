"""Positional arguments in the order of 2014, where a constructor hands most of them on."""

from __future__ import annotations

import pytest

from adversarial import AdversaryCost2, LazyAdversaryCost
from adversarial.config.arguments import accepted_arguments
from adversarial.models.mlp import Linear
from adversarial.training_algorithms import k_steps, sgd, sgd_alt
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.utils.positional import order_of

SHARED = (
    0,
    0.1,
    1.0,
    None,
    1.0,
    None,
    1.0,
    1.0,
    None,
    None,
    1.0,
    None,
    True,
    True,
    True,
    True,
    False,
    False,
    None,
    0.0,
)
FIRST = (0.1, None, 5, None, None, None, "sequential", None, None, None)
LAST = (True, "sequential", 3, None, None, [1, 2])


def test_costs():
    cost = AdversaryCost2(*SHARED, True, 2.0, 3.0)
    assert (cost.blend_obj, cost.minimax_coeff, cost.zurich_coeff) == (True, 2.0, 3.0)
    cost = LazyAdversaryCost(*SHARED, 0.25, 0.125)
    assert (cost.scale_grads, cost.g_eps, cost.d_eps) == (0, 0.25, 0.125)
    assert AdversaryCost2(0, zurich_coeff=4.0).zurich_coeff == 4.0


def test_descents():
    plain = sgd.SGD(*FIRST, *LAST)
    assert (plain.set_batch_size, plain.batches_per_iter) == (True, 3)
    for module in (k_steps, sgd_alt):
        found = module.SGD(*FIRST, 0.75, *LAST, 4)
        assert isinstance(found.learning_rule, Momentum)
        assert (found.set_batch_size, found.batches_per_iter) == (True, 3)
        assert found.discriminator_steps == 4


def test_what_is_wrong():
    with pytest.raises(TypeError, match="AdversaryCost2 takes at most 23 arguments, not 24"):
        AdversaryCost2(*SHARED, True, 2.0, 3.0, 4.0)
    with pytest.raises(TypeError, match="SGD got multiple values for argument .cost."):
        k_steps.SGD(0.1, None, cost=None)


def test_the_order_of_a_constructor_without_a_declared_one():
    class Below:
        def __init__(self, a, b, *, named=1):
            pass

    class Top(Below):
        def __init__(self, first, *args, own=2, **kwargs):
            super().__init__(*args, **kwargs)

    assert order_of(Top) == ["first", "a", "b"]
    assert order_of(lambda x, y=1, *, z=2: None) == ["x", "y"]


def test_what_a_class_accepts_is_listed_in_the_order_of_2014():
    found = accepted_arguments(Linear)
    assert found.names[:3] == ("dim", "layer_name", "irange") and not found.open
    assert found.required == ("dim", "layer_name")

    class Three(Linear):
        def __init__(self, **kwargs):
            super().__init__(dim=3, **kwargs)

    assert accepted_arguments(Three).required == ()
