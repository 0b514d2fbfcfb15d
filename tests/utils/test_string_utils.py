"""Variables in text, and guesses at misspelt names."""

from __future__ import annotations

import pytest

from adversarial.utils.string_utils import (
    EnvironmentVariableError,
    allow_variables,
    hide_values,
    matching,
    nearest,
    preprocess,
    twin,
)


def test_preprocess(monkeypatch):
    monkeypatch.setenv("MY_FOLDER", "/data")
    with pytest.raises(EnvironmentVariableError, match="may not read: --allow-env MY_FOLDER"):
        preprocess("${MY_FOLDER}")
    allow_variables(["MY_FOLDER"])
    assert preprocess("${MY_FOLDER}/x${N}.pkl", {"N": "3"}) == "/data/x3.pkl"
    assert preprocess("no variables, $HOME, {x} and ${ }") == "no variables, $HOME, {x} and ${ }"
    assert preprocess("${MY_FOLDER}", {"MY_FOLDER": "given first"}) == "given first"
    # A value is not looked into.
    assert preprocess("${A}", {"A": "${B}"}) == "${B}"


def test_what_is_not_set_is_named():
    allow_variables(["NOT_SET"])
    with pytest.raises(EnvironmentVariableError, match=r"^\$\{NOT_SET\} is not set: .* NOT_SET$"):
        preprocess("${NOT_SET}/x")
    with pytest.raises(EnvironmentVariableError, match=r"TRAIN_X \(or ADVERSARIAL_TRAIN_X\)$"):
        preprocess("${PYLEARN2_TRAIN_X}")


def test_values_that_were_allowed_are_hidden_in_messages(monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret-value")
    monkeypatch.setenv("N", "12")
    assert hide_values("is s3cret-value, 12") == "is s3cret-value, 12"
    allow_variables(["TOKEN", "N"])
    assert hide_values("/x/s3cret-value.pkl of 12") == "/x/${TOKEN}.pkl of 12"
    assert hide_values("as3cret-valueb") == "a${TOKEN}b"


def test_a_hidden_word_or_number_stays_in_other_words_and_numbers(monkeypatch):
    monkeypatch.setenv("WHICH", "train")
    monkeypatch.setenv("COUNT", "1000")
    allow_variables(["WHICH", "COUNT"])
    for text in (
        "nothing was trained or written",
        "train.py: error: retrain on 10000 or 21000 examples of train_2",
        "adversarial-train: error",
    ):
        assert hide_values(text) == text
    assert hide_values("/data/train/x.npy of 1000") == "/data/${WHICH}/x.npy of ${COUNT}"
    assert hide_values("which_set: 'train', 1000.") == "which_set: '${WHICH}', ${COUNT}."


def test_twin():
    assert twin("PYLEARN2_DATA_PATH") == "ADVERSARIAL_DATA_PATH"
    assert twin("ADVERSARIAL_DATA_PATH") == "PYLEARN2_DATA_PATH"
    assert twin("HOME") is None


def test_nearest():
    assert nearest("num_unit", ["num_pieces", "num_units"]) == "num_units"
    assert nearest("Linaer", ["linear", "Linear"]) == "Linear"
    assert nearest("mnist", ["MNIST", "CIFAR10"]) == "MNIST"
    assert nearest("zzz", ["MNIST"]) is None and nearest("x", []) is None


def test_a_name_is_a_pattern_for_itself():
    names = ["gan[1].pkl", "gan1.pkl", "gan?.pkl"]
    for name in names:
        assert matching(name, names) == [name]
    assert matching("gan*", iter(names)) == names
    assert matching("GAN*", names) == []
