"""Command lines that make no sense: status 2 or 1, and one line that names what is wrong."""

from __future__ import annotations

import hostile_corpus as corpus
import pytest

LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ([], "YAML file"),
        (["a.yaml", "b.yaml"], "b.yaml"),
        (["--no-such", "a.yaml"], "--no-such"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["no/where.yaml"], "no/where.yaml"),
        (["."], "."),
        (["/dev/null"], "is empty"),
        (["/dev/zero"], "larger than"),
        ([""], "config: is empty"),
        (["a\nb.yaml"], "b.yaml"),
        (["a\0b.yaml"], "null byte"),
        ([LONG], "too long"),
        (["good.yaml", "--seed", "-1"], "--seed"),
        (["good.yaml", "--seed", "many"], "--seed"),
        (["good.yaml", "--seed", "9" * 5000], "--seed"),
        (["good.yaml", "--max-epochs", "-1"], "--max-epochs"),
        (["good.yaml", "--max-epochs", "1.5"], "--max-epochs"),
        (["good.yaml", "--time-budget", "nan"], "--time-budget"),
        (["good.yaml", "--time-budget", "-5"], "--time-budget"),
        (["good.yaml", "--time-budget"], "--time-budget"),
    ],
)
def test_train(arguments, culprit, command, unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(corpus.GOOD)
    unchanged()
    command("train", *arguments).names("train.py: error: ", culprit)
    unchanged()


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ([], "model"),
        (["nowhere.pkl"], "nowhere.pkl"),
        (["."], "is a folder"),
        (["/dev/zero", "--out", "x.png"], "not a regular file"),
        (["good.pkl", "--rows", "0"], "--rows"),
        (["good.pkl", "--rows", "ten"], "--rows"),
        (["good.pkl", "--seed", "-1"], "--seed"),
        (["good.pkl", "--out", "no/where.png"], "no/where.png"),
        (["good.pkl", "--out", "picture.exe"], "picture.exe"),
        (["good.pkl", "--out", "."], "the folder . is not empty"),
        (["good.pkl", "--nearest", "--interpolate"], "--interpolate"),
        (["good.pkl", "--interpolate", "--cols", "1"], "--cols"),
        (["${NO_SUCH_VARIABLE}.pkl"], "NO_SUCH_VARIABLE"),
    ],
)
def test_show_samples(arguments, culprit, command, unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.pkl").write_bytes(corpus.model_file())
    unchanged()
    command("show_samples", *arguments).names("show_samples.py: error: ", culprit)
    unchanged()


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ([], "one model file"),
        (["--dataset", "mnist"], "model"),
        (["good.pkl", "--dataset", "imagenet"], "imagenet"),
        (["good.pkl", "-p", "good.pkl", "--dataset", "mnist"], "one model file"),
        (["nowhere.pkl", "--dataset", "mnist"], "nowhere.pkl"),
        (["good.pkl", "--dataset", "mnist"], "good.pkl makes samples of 12 numbers"),
        (["good.pkl", "--dataset", "mnist", "--fold", "2"], "--fold"),
        (["good.pkl", "--dataset", "tfd", "--fold", "9"], "--fold"),
        (["good.pkl", "--dataset", "mnist", "--sigma", "-1"], "--sigma"),
        (["good.pkl", "--dataset", "mnist", "--sigma_start", "1e9"], "--sigma_start"),
        (["good.pkl", "--dataset", "mnist", "--num_samples", "0"], "--num_samples"),
    ],
)
def test_parzen_ll(arguments, culprit, command, unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.pkl").write_bytes(corpus.model_file())
    unchanged()
    command("parzen_ll", *arguments).names("parzen_ll.py: error: ", culprit)
    unchanged()
