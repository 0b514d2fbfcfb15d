"""What a run is made from, before anything is made."""

from __future__ import annotations

import pytest

from adversarial.models.mlp import MLP, Linear
from adversarial.run import Run
from adversarial.utils import serial


def test_a_model_file_in_place_of_a_yaml_says_how_to_go_on(tmp_path):
    path = str(tmp_path / "a.pkl")
    serial.save(path, MLP([Linear(layer_name="y", dim=1, irange=0.1)], nvis=2))
    with pytest.raises(ValueError) as caught:
        Run.of_yaml(path)
    assert str(caught.value).startswith(f"{path} is a model file")
    assert f"--resume {path}" in str(caught.value)
