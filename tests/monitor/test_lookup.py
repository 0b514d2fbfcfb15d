"""Finding a channel by its name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from adversarial.monitor import channel_values, find_channel, read_channel


def a_model(**channels):
    """A model whose monitor has channels with these values."""
    channels = {name: SimpleNamespace(val_record=values) for name, values in channels.items()}
    return SimpleNamespace(monitor=SimpleNamespace(channels=channels))


def test_what_is_found():
    model = a_model(momentum=[0.5, 0.6])
    assert find_channel(model, "momentum") is model.monitor.channels["momentum"]
    assert channel_values(model, "momentum") is model.monitor.channels["momentum"].val_record
    assert read_channel(model, "momentum") == 0.6
    model.earlier = a_model(momentum=[0.1]).monitor
    assert read_channel(model, "momentum", "earlier") == 0.1


def test_messages_say_what_is_missing():
    model = a_model(valid_objective_d=[1.0], valid_objective_g=[], momentum=[0.5])
    with pytest.raises(ValueError, match="no channel 'valid_objectve_d'; did you mean 'valid_obj"):
        find_channel(model, "valid_objectve_d")
    with pytest.raises(ValueError, match="'zzz'; it has valid_objective_d, valid_objective_g, mom"):
        read_channel(model, "zzz")
    with pytest.raises(ValueError, match="'x'; it has none"):
        find_channel(a_model(), "x")
    with pytest.raises(ValueError, match="has no monitor"):
        find_channel(SimpleNamespace(), "x")
    with pytest.raises(ValueError, match="'valid_objective_g' has no value yet"):
        channel_values(model, "valid_objective_g")
