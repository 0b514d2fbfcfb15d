"""Variants of a YAML file by replacing text."""

from __future__ import annotations

import pytest

from adversarial.scripts import cli
from sandbox import variants


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / "experiment.yaml"
    path.write_text("{cost: lazy, k: 1, # k\n z: 1}")
    (tmp_path / "variants.yaml").write_text('same: {}\nk_2: {"k: 1": "k: 2", "lazy": "eager"}\n')
    return str(path)


def test_text_is_replaced(experiment, capsys):
    assert variants.variant(experiment, "k_2") == "{cost: eager, k: 2, # k\n z: 1}"
    variants.main([experiment, "same"])
    assert capsys.readouterr().out == "{cost: lazy, k: 1, # k\n z: 1}"
    variants.main([experiment])
    assert capsys.readouterr().out == "same\nk_2\n"


@pytest.mark.parametrize("old, times", [("k", 2), ("absent", 0)])
def test_replaced_text_must_occur_once(old, times):
    with pytest.raises(ValueError, match=f"'{old}' occurs {times} times"):
        variants.replace_text("k: 1 # k", {old: "new"})


@pytest.mark.parametrize(
    "table, message",
    [
        ("[1, 2]", "variants.yaml: must be a mapping"),
        ("k_2: {k: 2}", "variants.yaml: k_2: must be a mapping of text to text"),
        ("k_3: {}", "no variant k_2; did you mean k_3"),
        ('k_2: {"q": ""}', "variant k_2: 'q' occurs 0 times"),
    ],
)
def test_mistakes_are_one_line(experiment, tmp_path, capsys, table, message):
    (tmp_path / "variants.yaml").write_text(table)
    assert cli.run(lambda: variants.main([experiment, "k_2"])) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err


def test_no_variants_at_all(tmp_path, capsys):
    assert cli.run(lambda: variants.main([str(tmp_path / "experiment.yaml")])) == 1
    assert "variants.yaml" in capsys.readouterr().err
