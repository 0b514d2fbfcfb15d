"""Variables in text, and guesses at misspelt names."""

from __future__ import annotations

import pytest

from adversarial.utils.string_utils import EnvironmentVariableError, nearest, preprocess, twin


def test_preprocess(monkeypatch):
    monkeypatch.setenv("MY_FOLDER", "/data")
    assert preprocess("${MY_FOLDER}/x${N}.pkl", {"N": "3"}) == "/data/x3.pkl"
    assert preprocess("no variables, $HOME, {x} and ${ }") == "no variables, $HOME, {x} and ${ }"
    assert preprocess("${MY_FOLDER}", {"MY_FOLDER": "given first"}) == "given first"
    # A value is not looked into.
    assert preprocess("${A}", {"A": "${B}"}) == "${B}"


def test_what_is_not_set_is_named():
    with pytest.raises(EnvironmentVariableError, match=r"^\$\{NOT_SET\} is not set: .* NOT_SET$"):
        preprocess("${NOT_SET}/x")
    with pytest.raises(EnvironmentVariableError, match=r"PYLEARN2_X \(or ADVERSARIAL_X\)$"):
        preprocess("${PYLEARN2_X}")


def test_twin():
    assert twin("PYLEARN2_DATA_PATH") == "ADVERSARIAL_DATA_PATH"
    assert twin("ADVERSARIAL_DATA_PATH") == "PYLEARN2_DATA_PATH"
    assert twin("HOME") is None


def test_nearest():
    assert nearest("num_unit", ["num_pieces", "num_units"]) == "num_units"
    assert nearest("Linaer", ["linear", "Linear"]) == "Linear"
    assert nearest("mnist", ["MNIST", "CIFAR10"]) == "MNIST"
    assert nearest("zzz", ["MNIST"]) is None and nearest("x", []) is None
