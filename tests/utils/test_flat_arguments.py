"""Groups of arguments: one object in the code, flat names outside."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from adversarial.config.arguments import accepted_arguments
from adversarial.config.yaml_parse import YamlError, load
from adversarial.models.initialization import WeightInit
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, ConvRectifiedLinear, Linear, Softmax
from adversarial.utils import serial


def test_flat_names_and_the_object_make_the_same_layer():
    flat = Linear(3, "h", None, 0.5, max_col_norm=0.1)
    grouped = Linear(3, "h", weight_init=WeightInit(istdev=0.5), max_col_norm=0.1)
    for layer in (flat, grouped):
        MLP([layer], nvis=4)
    assert flat.weight_init == grouped.weight_init == WeightInit(istdev=0.5)
    assert (flat.istdev, flat.irange, flat.max_col_norm) == (0.5, None, 0.1)
    np.testing.assert_array_equal(flat.get_weights(), grouped.get_weights())


def test_an_attribute_that_is_set_counts():
    layer = Maxout("h", 2, 2, irange=0.5)
    layer.max_col_norm = 0.25
    layer.irange = 0.125
    again = serial.clone_via_serialize(layer)
    assert again.norm_constraint.max_col_norm == 0.25 and again.weight_init.irange == 0.125


def test_a_field_that_a_file_lacks_has_its_default():
    layer = Linear(3, "h", irange=0.5)
    del layer.sparse_stdev, layer.include_prob
    assert layer.weight_init == WeightInit(irange=0.5)


def test_a_group_and_a_part_of_it():
    with pytest.raises(TypeError, match="Linear got weight_init and also a part of it: irange"):
        Linear(3, "h", irange=0.5, weight_init=WeightInit(istdev=0.5))


def test_signatures_list_the_flat_names():
    found = accepted_arguments(Linear)
    assert {"dim", "irange", "sparse_stdev", "max_col_norm", "W_lr_scale"} <= set(found.names)
    assert not {"weight_init", "norm_constraint", "kwargs"} & set(found.names)
    assert found.types["irange"] == "Optional[float]" and found.required == ("dim", "layer_name")


def test_what_a_class_sets_itself_is_not_offered():
    for cls, own in ((ConvRectifiedLinear, "nonlinearity"), (Softmax, "init_bias")):
        assert own not in accepted_arguments(cls).names
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{own}'"):
            cls(**{own: 1})


@pytest.mark.parametrize(
    "argument, message",
    [
        ("irnge: 0.1", "line 3: unknown argument `irnge` for Maxout; did you mean `irange`?"),
        ("max_colnorm: 1", "line 3: unknown argument `max_colnorm`.*`max_col_norm`"),
        ("irange: lots", "line 3: `irange` of Maxout must be a number or null, not 'lots'"),
        ("irange: .inf", "line 3: `irange` of Maxout must be finite, not inf"),
        ("weight_init: 1", "line 3: unknown argument `weight_init` for Maxout"),
        ("max_row_norm: 1", "line 1: Maxout: layer 'h' needs exactly one of irange, .* got none"),
    ],
)
def test_messages_of_a_yaml(argument, message):
    text = (
        "!obj:pylearn2.models.maxout.Maxout {\n"
        f"layer_name: h, num_units: 2, num_pieces: 2,\n {argument} }}"
    )
    with pytest.raises(YamlError, match=message):
        load(text)


def test_a_model_file_holds_plain_numbers():
    state = vars(Linear(3, "h", irange=0.5))
    assert state["irange"] == 0.5 and math.isclose(state["include_prob"], 1)
    assert "weight_init" not in state and "norm_constraint" not in state


def test_help_shows_all_arguments_in_the_order_of_2014():
    found = inspect.signature(Maxout).parameters
    assert list(found)[:8] == [
        *("layer_name", "num_units", "num_pieces", "pool_stride", "randomize_pools"),
        *("irange", "sparse_init", "sparse_stdev"),
    ]
    assert found["use_bias"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "nonlinearity" not in inspect.signature(ConvRectifiedLinear).parameters


def test_help_shows_the_arguments_of_a_class_of_ones_own():
    class Swish(Linear):
        def __init__(self, beta=1.0, **kwargs):
            super().__init__(**kwargs)

    found = inspect.signature(Swish).parameters
    assert {"beta", "dim", "irange", "max_col_norm"} <= set(found) and "kwargs" not in found
