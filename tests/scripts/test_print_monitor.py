from __future__ import annotations

import pytest


def test_last_values_of_all_channels(command, model, capsys):
    assert command(model) == 0
    assert capsys.readouterr().out.splitlines() == [
        "trained for 3 epochs, 30 batches, 3000 examples, 8 seconds",
        "late               9",
        "valid_objective_d  0.25",
        "valid_objective_g  3.5",
    ]


def test_chosen_channels_after_a_chosen_epoch(command, model, capsys):
    assert command(model, "-c", "valid_*", "--epoch", 1) == 0
    assert capsys.readouterr().out.splitlines() == [
        "trained for 1 epochs, 10 batches, 1000 examples, 2 seconds",
        "valid_objective_d  0.5",
        "valid_objective_g  1.5",
    ]
    # What was not measured then is left out.
    assert command(model, "-e", 2) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "valid_objective_d", "valid_objective_g"
    ]


def test_several_models_by_name(command, model, capsys):
    assert command(model, model, "-c", "late") == 0
    out = capsys.readouterr().out
    assert out.count(f"{model}\n") == 2 and out.count("late  9\n") == 2


def test_mistakes_are_one_line(refused, model, tmp_path):
    assert "did you mean valid_objective_d?" in refused(model, "-c", "valid_objectiv_d")
    assert "nothing was measured after epoch 9 (the last is 3)" in refused(model, "-e", 9)
    assert "none.pkl" in refused(tmp_path / "none.pkl")
    assert "test_print_monitor.py" in refused(__file__)


def test_usage(command, capsys):
    for argv, message in [([], "MODEL"), (["a", "-e", "-1"], "must not be negative")]:
        with pytest.raises(SystemExit) as caught:
            command(*argv)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
