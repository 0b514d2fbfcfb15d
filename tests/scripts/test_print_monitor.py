from __future__ import annotations

import pytest

from adversarial import modelfile
from adversarial.scripts import summarize_model
from adversarial.train_extensions.report import MonitorCSV
from adversarial.utils import serial

from .conftest import add_channel, saved_runs


def test_last_values_of_all_channels(command, model, capsys):
    assert command(model) == 0
    assert capsys.readouterr().out.splitlines() == [
        "measured after 3 epochs, 30 minibatches, 3,000 examples, 8 seconds",
        "late               9",
        "valid_objective_d  0.25",
        "valid_objective_g  3.5",
    ]


def test_a_training_that_was_stopped_within_an_epoch(command, pair, tmp_path, capsys):
    for _ in range(7):
        pair.monitor.report_batch(100)
    path = tmp_path / "stopped.pkl"
    serial.save(path, pair)
    counts = "trained for 3 epochs, 37 minibatches, 3,700 examples"
    assert command(path, "-c", "late") == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "measured after 3 epochs, 30 minibatches, 3,000 examples, 8 seconds",
        f"the model: {counts}",
    ]
    summarize_model.main([str(path)])  # counts the same
    assert counts in capsys.readouterr().out
    assert command(path, "-e", 1) == 0
    assert "the model" not in capsys.readouterr().out


def test_chosen_channels_after_a_chosen_epoch(command, model, capsys):
    assert command(model, "-c", "valid_*", "--epoch", 1) == 0
    assert capsys.readouterr().out.splitlines() == [
        "measured after 1 epochs, 10 minibatches, 1,000 examples, 2 seconds",
        "valid_objective_d  0.5",
        "valid_objective_g  1.5",
    ]
    # Channels that were not measured after this epoch are left out.
    assert command(model, "-e", 2) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "valid_objective_d",
        "valid_objective_g",
    ]


def test_several_models_by_name(command, model, capsys):
    assert command(model, model, "-c", "late") == 0
    out = capsys.readouterr().out
    assert out.count(f"{model}\n") == 2 and out.count("late  9\n") == 2


def test_means_over_seeds(command, pair, tmp_path, capsys):
    paths = saved_runs(pair, tmp_path, [["rate=.1"], ["rate=.2"]])
    assert command(*paths, "--mean", "-c", "valid_objective_g") == 0
    # Final values 3, 4, 5 and 13, 14, 15; the standard error of each mean is 1 / sqrt(3).
    assert capsys.readouterr().out.splitlines() == [
        "after the last epoch of each: mean +- standard error (number of trainings)",
        "                   rate=.1 (3)   rate=.2 (3)",
        "valid_objective_g  4.00 +- 0.58  14.00 +- 0.58",
    ]
    assert command(*paths[:1], "--mean", "-e", 1) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("after epoch 1 of each") and "valid_objective_g  1" in out


def test_a_channel_that_is_no_longer_measured_is_no_last_value(command, pair, tmp_path, capsys):
    add_channel(pair.monitor, "early", [5.0, 6.0], [0, 1])
    paths = saved_runs(pair, tmp_path)
    assert command(*paths, "--mean") == 0
    out = capsys.readouterr().out.splitlines()
    assert "early" in out and any(line.startswith("late") for line in out)
    assert command(*paths, "--mean", "-c", "early") == 0
    assert "early  6 +- 0" in capsys.readouterr().out


def test_no_training_counts_twice(refused, pair, tmp_path):
    paths = saved_runs(pair, tmp_path)
    diverged = paths[1].with_suffix(".diverged.pkl")
    diverged.write_bytes(paths[1].read_bytes())
    said = f"{diverged}: is of the same training as {paths[1]}, so that it would count twice"
    assert said in refused(*paths, diverged, "--mean")
    table = paths[2].with_suffix(".monitor.csv")
    MonitorCSV(table).on_monitor(pair, None, None)
    assert f"{table}: is of the same training" in refused(*paths, table, "--mean")
    paths[2].unlink()
    assert f"{table}: is of the same training" in refused(table, table, "--mean")


def test_no_mean_of_an_epoch_that_was_not_measured(refused, pair, tmp_path):
    paths = saved_runs(pair, tmp_path)
    assert "nothing was measured after epoch 9" in refused(*paths, "--mean", "-e", 9)
    assert "did you mean late?" in refused(*paths, "--mean", "-c", "lat")


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


def test_trainings_with_other_values_of_a_variable_are_others(command, pair, tmp_path, capsys):
    paths = [tmp_path / f"gan_{digest}.pkl" for digest in ("12ab", "34cd")]
    for path in paths:
        about = {"yaml": "seed: ${MY_SEED}", "seed": None, "values": {"MY_SEED": path.stem}}
        modelfile.save(path, pair, training={"experiment": about})
    assert command(*paths, "--mean") == 0
    assert "(2)" in capsys.readouterr().out
