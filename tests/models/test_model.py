"""What every model can do, and what a base class refuses."""

from __future__ import annotations

import pytest

from adversarial.backend import shared
from adversarial.models.mlp import MLP, Layer, Linear
from adversarial.models.model import Model
from adversarial.space import NullSpace

BASE_REFUSES = ["get_default_cost", "get_weights", "get_weights_topo", "get_weights_view_shape"]


class Doubling:
    """A model extension that doubles every update."""

    def post_modify_updates(self, updates, model):
        for param in updates:
            updates[param] = 2 * updates[param]


@pytest.mark.parametrize("method", BASE_REFUSES)
def test_refusals_name_the_class(method):
    with pytest.raises(NotImplementedError, match="Model"):
        getattr(Model(), method)()


def test_a_layer_names_what_it_lacks():
    class Bare(Layer):
        pass

    layer = Bare("bare")
    for method in (layer.fprop, layer.set_input_space, layer.set_weights, layer.get_weight_decay):
        with pytest.raises(NotImplementedError, match="Bare"):
            method(None)


def test_extensions_see_the_updates_last(fast_compile):
    layer = Linear(dim=2, layer_name="h", irange=1.0, max_col_norm=0.1, extensions=[Doubling()])
    MLP([layer], nvis=3)
    layer.set_weights([[1, 0], [0, 1], [0, 0]])
    layer.enforce_constraints()
    assert layer.get_weights().ravel() == pytest.approx([0.2, 0, 0, 0.2, 0, 0])


def test_constraints_of_an_older_name_are_not_left_out_in_silence():
    class Old(Model):
        def censor_updates(self, updates):
            updates.clear()

    with pytest.raises(TypeError, match="Old overrides censor_updates.*_modify_updates"):
        Old().modify_updates({})


def test_the_older_name_can_be_called():
    class Halved(Model):
        def _modify_updates(self, updates):
            updates.update({param: value / 2 for param, value in updates.items()})

    updates = {"w": 1.0}
    Halved(extensions=[Doubling()]).censor_updates(updates)
    assert updates == {"w": 1.0}
    Halved().censor_updates(updates)
    assert updates == {"w": 0.5}


def test_a_subclass_need_not_call_the_constructor():
    class Plain(Model):
        def __init__(self):
            pass

    updates = {"w": 1.0}
    Plain().modify_updates(updates)
    assert updates == {"w": 1.0}


def test_defaults():
    model = Model()
    assert model.get_monitoring_data_specs() == (NullSpace(), "")
    assert model.get_monitoring_channels(None) == {} and model.get_lr_scalers() == {}
    assert model.get_params() == [] and model.tag == {}


def test_attributes_that_are_not_saved():
    model = Model()
    model.notes, model.keep = "long", shared(1.0)
    model.register_names_to_del(["notes"])
    state = model.__getstate__()
    assert "notes" not in state and "keep" in state
