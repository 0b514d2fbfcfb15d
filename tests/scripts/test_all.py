"""What all commands have in common: shared options, usage errors, `python -m`."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

from adversarial import scripts

COMMANDS = sorted(
    module.name
    for module in pkgutil.iter_modules(scripts.__path__)
    if module.name not in ("cli", "inputs")
)


# It reads data, which names no classes.
WITHOUT_MODULES = ("new_experiment",)


def status(name, *arguments):
    """The exit status of a command that prints its usage."""
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(f"adversarial.scripts.{name}").main([*arguments])
    return caught.value.code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_the_options_that_all_share(name, capsys):
    assert status(name, "--help") == 0
    text = capsys.readouterr().out
    assert ("--allow-module NAME" in text) == (name not in WITHOUT_MODULES)
    draws = name.startswith(("show", "plot"))
    assert ("--out IMAGE" in text and "--show" in text) == draws
    # A sweep continues the folder of --out.
    writes = "--out " in text or "--csv " in text
    assert ("--overwrite" in text) == (writes and name != "sweep")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_usage_error_is_one_line(name, capsys):
    assert status(name, "--no-such-option") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "error: " in error


@pytest.mark.parametrize(
    "line",
    [
        "evaluate m.pkl --csv=",
        "evaluate m.pkl --memorised=",
        "new_experiment t.csv --out=",
        "parzen_ll m.pkl --dataset=",
        "show_samples m.pkl --out=",
        "show_samples m.pkl --z=",
        "sweep a.yaml --seeds=1 --score-model=",
        "print_monitor m.pkl --channel=",
        "train a.yaml --out=",
        "train a.yaml --allow-env=",
    ],
)
def test_an_empty_value_is_no_value(line, capsys):
    name, *argv = line.split()
    for value in ("", " "):
        with pytest.raises(SystemExit) as caught:
            module = importlib.import_module(f"adversarial.scripts.{name}")
            module.main([*argv[:-1], argv[-1] + value])
        assert caught.value.code == 2
        assert f"{argv[-1][:-1]}: is empty" in capsys.readouterr().err


def test_an_empty_argument_is_no_file(capsys):
    assert status("parzen_ll", "") == 2
    assert "error: model: is empty" in capsys.readouterr().err
    assert status("evaluate", "m.pkl", "") == 2
    assert "error: models: is empty" in capsys.readouterr().err


def test_a_command_is_a_module_to_run(model):
    child = subprocess.run(
        [sys.executable, "-m", "adversarial.scripts.print_monitor", str(model), "-c", "late"],
        capture_output=True,
        text=True,
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.endswith("late  9\n")
