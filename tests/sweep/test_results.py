"""The tables and the plot of a sweep, against SciPy and by hand."""

from __future__ import annotations

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from adversarial.sweep import plot, results
from adversarial.sweep.plan import groups_of, runs_of
from adversarial.sweep.records import Progress, State
from adversarial.sweep.results import Best

RATES = (".1", ".2")


def value(rate, seed, epoch):
    """Of the channel valid_gen_ll: it is best after epoch 2."""
    return float(np.float32(10 * float(rate) + seed / 7 - (epoch - 2) ** 2))


@pytest.fixture
def sweep(tmp_path):
    """Two rates, three seeds, four epochs: (folder, plans, read)."""
    plans = runs_of(
        groups_of(["gan.yaml"], [f"algorithm.learning_rate={','.join(RATES)}"]), range(3)
    )
    for plan in plans:
        folder = tmp_path / plan.name
        folder.mkdir()
        Progress(State.DONE, trained=True, host="here", seconds=3.5).write(str(folder))
        rate = plan.group.settings[0][1]
        rows = [
            [e, 10 * e, 100 * e, np.float32(value(rate, plan.seed, e)), np.float32(0.5**e)]
            for e in range(4)
        ]
        with open(folder / "gan.monitor.csv", "w", newline="") as stream:
            table = csv.writer(stream)
            columns = ["epochs_seen", "batches_seen", "examples_seen"]
            table.writerow([*columns, "valid_gen_ll", "valid_objective_d"])
            table.writerows(rows)

    def read():
        models = {plan.name: os.path.join(tmp_path, plan.name, "gan.pkl") for plan in plans}
        return [results.read_run(str(tmp_path), plan, [models[plan.name]]) for plan in plans]

    return tmp_path, plans, read


def rows(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def test_final_and_best_values_and_their_means(sweep):
    root, plans, read = sweep
    found = read()
    measures = results.measure(str(root), found)
    assert measures.all == [
        "valid_objective_d",
        "valid_gen_ll",
        "valid_objective_d.best",
        "valid_gen_ll.best",
        "best_epoch",
    ]
    assert measures.shown == [
        "valid_objective_d",
        "valid_gen_ll",
        "valid_gen_ll.best",
        "best_epoch",
    ]
    results.write(str(root), found, measures.all)
    runs = rows(root / "runs.csv")
    assert [(row["run"], row["learning_rate"], row["seed"]) for row in runs] == [
        (plan.name, plan.group.settings[0][1], str(plan.seed)) for plan in plans
    ]
    for row in runs:
        rate, seed = row["learning_rate"], int(row["seed"])
        assert (row["state"], row["epochs"], row["best_epoch"]) == ("done", "3", "2.0")
        assert float(row["valid_gen_ll"]) == pytest.approx(value(rate, seed, 3), rel=1e-6)
        assert float(row["valid_gen_ll.best"]) == pytest.approx(value(rate, seed, 2), rel=1e-6)
        assert float(row["valid_objective_d"]) == 0.125
        assert float(row["valid_objective_d.best"]) == 0.25
    for row in rows(root / "table.csv"):
        values = [value(row["learning_rate"], seed, 3) for seed in range(3)]
        assert float(row["valid_gen_ll"]) == pytest.approx(np.mean(values), rel=1e-6)
        assert float(row["valid_gen_ll.se"]) == pytest.approx(stats.sem(values), rel=1e-5)
        assert (row["runs"], row["done"], row["diverged"], row["failed"]) == ("3", "3", "0", "0")
    data = json.loads((root / "results.json").read_text())
    assert [group["settings"] for group in data["groups"]] == [
        {"algorithm.learning_rate": rate} for rate in RATES
    ]
    assert data["groups"][1]["runs"][2]["values"]["best_epoch"] == 2


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "metric,value\nfid\n", "metric,value\nfid,x\n"])
def test_a_damaged_table_of_metrics_is_named(sweep, text):
    root, plans, read = sweep
    (root / plans[0].name / "scores.csv").write_text(text)
    with pytest.raises(ValueError, match=r"scores\.csv: is no table of metrics"):
        results.measure(str(root), read(), metrics=True)


@pytest.mark.parametrize("row", [None, "1,10,1"])
def test_a_damaged_table_of_channels_leaves_its_run_without_values(sweep, row):
    header = "epochs_seen,batches_seen,examples_seen,valid_gen_ll"
    text = "" if row is None else f"{header}\n{row}"
    root, plans, read = sweep
    for number, state, why in ((0, State.DONE, ""), (1, State.DIVERGED, "objective is nan")):
        Progress(state, why).write(str(root / plans[number].name))
        (root / plans[number].name / "gan.monitor.csv").write_text(text)
    found = read()
    results.write(str(root), found, results.measure(str(root), found).all)
    done, diverged, whole = rows(root / "runs.csv")[:3]
    assert (done["state"], done["epochs"], done["valid_gen_ll"]) == ("done", "", "")
    assert "gan.monitor.csv: " in done["why"]
    assert diverged["state"] == "diverged"
    assert diverged["why"].startswith("objective is nan; ") and "monitor.csv" in diverged["why"]
    assert (whole["epochs"], whole["why"]) == ("3", "")
    assert [result.is_faulty for result in found] == [True, True, *4 * [False]]
    table = rows(root / "table.csv")
    values = [value(".1", seed, 3) for seed in (1, 2)]
    assert float(table[0]["valid_gen_ll"]) == pytest.approx(np.mean(values), rel=1e-6)


def test_a_channel_and_a_criterion_of_the_user_s_own(sweep):
    root, _, read = sweep
    found = read()
    measures = results.measure(str(root), found, ["*_d"], Best("valid_objective_d", min))
    assert measures.shown == ["valid_objective_d", "valid_objective_d.best", "best_epoch"]
    assert found[0].values["best_epoch"] == 3
    with pytest.raises(ValueError, match="gan.yaml: has no channel valid_gen_l; did you mean"):
        results.check_names(found[0].history, ["valid_gen_l"], None, "gan.yaml")
    with pytest.raises(ValueError, match="has no channel loss"):
        results.check_names(found[0].history, [], Best("loss", max), "gan.yaml")


def test_runs_that_diverged_or_failed_are_marked_and_not_averaged(sweep):
    root, plans, read = sweep
    for number, state, why in ((1, State.DIVERGED, "objective is nan"), (3, State.FAILED, "full")):
        Progress(state, why).write(str(root / plans[number].name))  # both of rate .2
    for name in ("run.json", "gan.monitor.csv"):
        (root / plans[4].name / name).unlink()  # of rate .1
    found = read()
    measures = results.measure(str(root), found)
    groups = results.write(str(root), found, measures.all)
    text = results.as_text(groups, measures.shown)
    assert "2 of 3 (1 to do)" in text[1] and "1 of 3 (1 diverged, 1 failed)" in text[2]
    table = rows(root / "table.csv")
    values = [value(".1", seed, 3) for seed in (0, 1)]
    assert float(table[0]["valid_gen_ll"]) == pytest.approx(np.mean(values), rel=1e-6)
    assert float(table[1]["valid_gen_ll"]) == pytest.approx(value(".2", 2, 3), rel=1e-6)
    assert table[1]["valid_gen_ll.se"] == ""  # of one run
    runs = rows(root / "runs.csv")
    assert (runs[1]["state"], runs[1]["why"]) == ("diverged", "objective is nan")
    assert (runs[4]["state"], runs[4]["epochs"], runs[4]["valid_gen_ll"]) == ("waiting", "", "")
    path = root / "plot.png"
    pytest.importorskip("matplotlib")
    plot.draw(str(path), groups, measures.shown)
    with Image.open(path) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 100


def test_metrics_of_the_models(sweep):
    root, plans, read = sweep
    for number, plan in enumerate(plans):
        text = "model,metric,value,uncertainty,unit\n" + f"m.pkl,parzen_ll,{number},0.5,nats\n"
        (root / plan.name / "scores.csv").write_text(text)
    found = read()
    assert results.measure(str(root), found, metrics=True).shown[0] == "parzen_ll"
    results.write(str(root), found, ["parzen_ll"])
    table = rows(root / "table.csv")
    assert [float(row["parzen_ll"]) for row in table] == [2, 3]
    assert float(table[0]["parzen_ll.se"]) == pytest.approx(stats.sem([0, 2, 4]))


def test_what_nobody_has_measured(tmp_path):
    plans = runs_of(groups_of(["gan.yaml"], []), [0])
    found = [results.read_run(str(tmp_path), plan, ["none.pkl"]) for plan in plans]
    measures = results.measure(str(tmp_path), found)
    groups = results.write(str(tmp_path), found, measures.all)
    assert results.as_text(groups, measures.shown)[1].split() == [
        "gan",
        "0",
        "of",
        "1",
        "(1",
        "to",
        "do)",
    ]
    plot.draw(str(tmp_path / "plot.png"), groups, measures.shown)
    assert not (tmp_path / "plot.png").exists()


def test_tables_depend_on_results_only(sweep):
    """Not on how often, how long, and where the runs ran."""
    root, plans, read = sweep

    def tables():
        found = read()
        results.write(str(root), found, results.measure(str(root), found).all)
        names = (results.RUNS, results.TABLE, results.RESULTS)
        return [(root / name).read_bytes() for name in names]

    before = tables()
    for plan in plans:
        Progress(State.DONE, sweep="x", host="there", worker=7, starts=9, seconds=1e6).write(
            str(root / plan.name)
        )
    assert tables() == before


def test_nonfinite_values(sweep):
    root, plans, read = sweep
    path = root / plans[0].name / "gan.monitor.csv"
    path.write_text(path.read_text().replace("0.125", "nan"))
    found = read()
    results.write(str(root), found, results.measure(str(root), found).all)
    json.loads((root / "results.json").read_text(), parse_constant=pytest.fail)
    assert rows(root / "runs.csv")[0]["valid_objective_d"] == ""
