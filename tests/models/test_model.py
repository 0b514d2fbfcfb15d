"""`Model` and `Layer`, the bases of models."""

from __future__ import annotations

import copy

import pytest

from adversarial.backend import shared
from adversarial.models.mlp import MLP, Layer, Linear
from adversarial.models.model import Model
from adversarial.space import NullSpace
from adversarial.utils import serial

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


def test_overriding_censor_updates_is_refused():
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


class Plain(Model):
    """Does not call the constructor of its base, as many classes of 2014."""

    def __init__(self):
        self.w = shared(2.0, "w")


class OfTheClass(Plain):
    _params = [shared(3.0, "w")]

    def __init__(self):
        super().__init__()
        Model.__init__(self)


class PlainLayer(Layer):
    def __init__(self):
        self.layer_name = "half"

    def set_input_space(self, space):
        self.input_space = self.output_space = space

    def fprop(self, state_below):
        return state_below / 2


def test_a_subclass_need_not_call_the_constructor():
    model, other = Plain(), Plain()
    updates = {"w": 1.0}
    model.modify_updates(updates)
    model._params.append(model.w)
    model.register_names_to_del("w")
    model.tag["owner"]["note"] = 1
    assert updates == {"w": 1.0} and model.get_params() == [model.w]
    assert set(model.__getstate__()) == {"names_to_del", "extensions", "tag", "_params"}  # not w
    assert repr(model) == "<Plain>"
    assert other.get_params() == [] and other.tag == {} and other.names_to_del == set()
    mlp = MLP([PlainLayer(), Linear(dim=2, layer_name="y", irange=1.0)], nvis=3)
    assert mlp.layers[0].get_mlp() is mlp and len(mlp.get_params()) == 2


def test_parameters_of_the_class_are_not_shadowed():
    model = OfTheClass()
    assert model.get_params() == OfTheClass._params


def test_parameters_of_the_class_are_saved(tmp_path):
    model = OfTheClass()
    serial.save(tmp_path / "model.pkl", model)
    OfTheClass._params[0].set_value(-1.0)
    again = serial.load(tmp_path / "model.pkl", allow_modules=[__name__])
    assert again.get_params() == OfTheClass._params and again.get_param_values() == [3.0]


def test_notes_need_no_preparation(tmp_path):
    """`tag` is a defaultdict also after saving and loading, and in copies."""
    model = MLP([Linear(dim=2, layer_name="y", irange=1.0)], nvis=3)
    model.tag["best"]["epoch"] = 4
    serial.save(tmp_path / "model.pkl", model)
    for found in (serial.load(tmp_path / "model.pkl"), copy.deepcopy(model)):
        assert found.tag == {"best": {"epoch": 4}}
        found.tag["new"]["key"] = 1
        assert found.tag["new"] == {"key": 1} and "new" not in model.tag


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
