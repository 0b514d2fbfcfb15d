"""Numbers that are infinite or NaN are refused by name, whoever constructs."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import AdversaryCost2, LazyAdversaryCost
from adversarial.costs.dropout import Dropout
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import Sigmoid
from adversarial.models.model import Model
from adversarial.monitor import Monitor
from adversarial.termination_criteria import And, EpochCounter
from adversarial.train_extensions import SharedSetter
from adversarial.train_extensions.snapshots import Snapshots
from adversarial.train_extensions.window_flip import WindowAndFlip
from adversarial.training_algorithms.bgd import BGD
from adversarial.training_algorithms.learning_rule import AdaGrad, RMSProp
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils.checks import check_finite, check_list, check_name

ONE = DenseDesignMatrix(topo_view=np.zeros((1, 1, 1, 1)))
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (SGD, "learning_rate", INF),
        (SGD, "learning_rate", np.float32("inf")),
        (AdversaryCost2, "target_scale", NAN),
        (AdversaryCost2, "minimax_coeff", NAN),
        (AdversaryCost2, "noise_both", INF),
        (AdversaryCost2, "discriminator_default_input_include_prob", NAN),
        (AdversaryCost2, "discriminator_input_scales", {"h0": 1.0, "h1": INF}),
        (LazyAdversaryCost, "d_eps", NAN),
        (Dropout, "input_include_probs", {"h0": NAN}),
        (Dropout, "default_input_scale", -INF),
    ],
)
def test_what_is_not_finite_is_named(kind, name, value):
    with pytest.raises(ValueError, match=f"{name} must be finite, not"):
        kind(**{name: value})


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: And(EpochCounter(1)), "the argument of And must be a list, not <"),
        (lambda: BGD(init_alpha=0.1), "init_alpha must be a list, not 0.1"),
        (lambda: SharedSetter(3), "epoch_updates must be a list, not 3"),
        (lambda: SharedSetter([3]), "an entry of epoch_updates must be a list, not 3"),
        (lambda: Snapshots(3, "{epoch}.pkl"), "epochs must be a list, not 3"),
        (lambda: Snapshots("12", "{epoch}.pkl"), "epochs must be a list, not '12'"),
        (lambda: WindowAndFlip([1, 1], randomize=ONE), "randomize must be a list, not <"),
        (lambda: WindowAndFlip([1, 1], center=ONE), "center must be a list, not <"),
    ],
)
def test_what_is_to_be_a_list_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_lists_of_other_kinds():
    assert BGD(init_alpha=np.array([0.1, 0.5])).init_alpha == [0.1, 0.5]
    assert Snapshots(range(2), "{epoch}.pkl").epochs == [0, 1]
    check_list("a", (each for each in ()))


@pytest.mark.parametrize("bad", ["h\n0", "h\r", "\x1b[2J", "a\u2028b", "\x00", ""])
def test_names_are_of_one_line(bad):
    for refuse in (
        lambda: check_name("layer_name", bad),
        lambda: Sigmoid(layer_name=bad, dim=1, irange=0.1),
        lambda: Monitor(Model()).add_channel(bad, None, 0.0),
    ):
        with pytest.raises(ValueError, match="control characters|is empty"):
            refuse()
    check_name("layer_name", "größe \u4e2d, 2")


def test_finite_numbers_and_what_is_no_number():
    check_finite(a=1, b=0.5, c=None, d={"x": 2.0}, e="nan", f=np.float64(3))


@pytest.mark.parametrize("kind", [AdaGrad, RMSProp])
@pytest.mark.parametrize("number", [NAN, INF])
def test_a_scaling_is_finite(kind, number):
    with pytest.raises(ValueError, match="max_scaling must be positive and finite"):
        kind(max_scaling=number)
