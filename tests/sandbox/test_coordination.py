"""The schedule of k, the variants, and the table, figures and plot of a sweep."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adversarial import AdversaryCost2, AdversaryPair, Cycler, Generator
from adversarial.config import yaml_parse
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.parzen import ParzenScore
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.scripts import cli
from adversarial.train import Train
from adversarial.training_algorithms import k_steps, sgd
from adversarial.utils import serial
from sandbox import coordination, scoring
from sandbox.coordination import ScoresInTime, StepsByEpoch, measure, show, sweep
from sandbox.coordination.table import COLUMNS, ScoreCurve, read
from sandbox.score_table import write
from sandbox.variants import variant, variants_of


def game(algorithm=k_steps.SGD, extensions=(), monitored=False, **arguments):
    """A small Train object: ten minibatches per epoch; G and D are linear."""
    dataset = DenseDesignMatrix(X=np.random.RandomState(5).uniform(size=(40, 6)).astype("float32"))
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    algorithm = algorithm(
        0.1,
        cost=AdversaryCost2(),
        batch_size=4,
        monitoring_dataset={"valid": dataset} if monitored else None,
        **arguments,
    )
    return Train(dataset, AdversaryPair(Generator(G), D), algorithm, extensions=list(extensions))


# k by schedule


@pytest.mark.usefixtures("fast_compile")
def test_steps_by_epoch():
    train = game(extensions=[StepsByEpoch({0: 5, 1: 1, 3: 2})])
    G, moves = train.model.generator, []

    def watch(algorithm):
        now = G.get_param_vector()
        moves.append(bool((now != watch.before).any()))
        watch.before = now

    watch.before = G.get_param_vector()
    train.algorithm.update_callbacks.append(watch)
    train.main_loop(max_epochs=4)
    by_epoch = [moves[i : i + 10] for i in range(0, 40, 10)]
    five, two = [False] * 4 + [True], [False, True]
    assert by_epoch == [five * 2, [True] * 10, [True] * 10, two * 5]
    assert serial.clone_via_serialize(train.extensions[0]).steps == {0: 5, 1: 1, 3: 2}


@pytest.mark.parametrize("steps", [{-1: 2}, {0: 0}, {0: 1.5}])
def test_wrong_steps(steps):
    ((epoch, k),) = steps.items()
    with pytest.raises(ValueError, match=f"not {epoch}: {k}"):
        StepsByEpoch(steps)


def test_an_algorithm_without_k():
    with pytest.raises(ValueError, match="needs .*k_steps.SGD, not .*training_algorithms.sgd.SGD"):
        StepsByEpoch({0: 1}).setup(None, None, sgd.SGD(0.1))


# The variants


def test_each_variant_is_a_valid_experiment():
    names = variants_of(sweep.EXPERIMENT)
    texts = {name: variant(sweep.EXPERIMENT, name) for name in names}
    assert len(set(texts.values())) == len(names) > 10
    algorithms = {}
    for name, text in texts.items():
        train = yaml_parse.load(text, {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"}, instantiate=False)
        algorithms[name] = train.keywords["algorithm"]
    assert algorithms["plain"].callable is sgd.SGD
    assert algorithms["k_5"].callable is k_steps.SGD
    assert algorithms["k_5"].keywords["discriminator_steps"] == 5
    assert algorithms["lazy"].keywords["cost"].callable.__name__ == "LazyAdversaryCost"
    cycler = algorithms["k_half"].keywords["update_callbacks"][0]
    assert cycler.callable is Cycler and cycler.keywords == {"k": 2, "player": "discriminator"}


# The sweep


def test_the_table_is_read_as_it_was_written(tmp_path):
    path = str(tmp_path / "sweep.csv")
    rows = [("b", 2, 0, 0.0, 0, -9.5, 1, 0.2), ("b", 2, 4, 1.5, 40, -7.25, 1, 0.2)]
    rows += [("a", 1, 0, 0.0, 0, np.nan, 1, 0.2), ("b", 1, 0, 0.0, 0, -3.0, 1, 0.2)]
    write(path, COLUMNS, rows)
    found = read(path)
    assert list(found) == ["b", "a"] and list(found["b"]) == [2, 1]
    for vector, want in zip(found["b"][2], ([0, 1.5], [0, 40], [-9.5, -7.25])):
        np.testing.assert_array_equal(vector, want)
    assert np.isnan(found["a"][1].score[0])


def test_a_score_is_the_mean_of_the_last_quarter():
    curve = ScoreCurve(
        np.array([0.0, 6.0, 8.0, 10.0]),
        np.array([0, 60, 80, 100]),
        np.array([-100.0, 0.0, 10.0, 99.0]),
    )
    assert curve.at("seconds", 8) == pytest.approx(5.0)
    assert curve.at("d_updates", 80) == pytest.approx(5.0)


@pytest.mark.usefixtures("fast_compile")
def test_rows_of_a_training(monkeypatch, tmp_path):
    """Ten minibatches an epoch, of one second each; monitoring and scoring do not count."""
    clock = itertools.count()
    monkeypatch.setattr(coordination.time, "process_time", lambda: next(clock))
    scores = iter([-1.0, -2.0, -3.0])

    class Scorer:
        def __init__(self, model, examples, *counts):
            assert len(examples) == 40 and counts == (2000, 500, 1500)

        def __call__(self):
            for _ in range(50):
                next(clock)
            return ParzenScore(0.2, next(scores), 0.5, 9)

    monkeypatch.setattr(scoring, "Scorer", Scorer)
    path = tmp_path / "game.scores.npy"
    # D is updated in every second of ten minibatches, starting with the first.
    train = game(
        sgd.SGD,
        [ScoresInTime(str(path), every=2, seconds=30)],
        monitored=True,
        update_callbacks=[Cycler(2, player="discriminator")],
    )
    train.main_loop(max_epochs=99)
    assert np.load(path).tolist() == [
        [0, 0, 0, -1.0, 0.5, 0.2],
        [2, 20, 10, -2.0, 0.5, 0.2],
        [4, 40, 20, -3.0, 0.5, 0.2],
    ]
    assert train.model.monitor.get_epochs_seen() == 4


@pytest.fixture
def table(tmp_path):
    """Two variants with two seeds; scores rise linearly to -10 or -20 nats."""
    path = str(tmp_path / "sweep.csv")
    rows = []
    for variant_, top, pace in (("plain", -10, 100), ("k_2", -20, 50)):
        for seed in (1, 2):
            curve = ((0, 0.0, 0, -100), (1, 2.0, 2 * pace, top), (2, 4.0, 4 * pace, top))
            rows += [(variant_, seed, *point[:-1], point[-1] - seed, 1, 0.2) for point in curve]
    write(path, COLUMNS, rows)
    return path


def test_figures(table, capsys):
    measure.main([table, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["seconds"], result["d_updates"]) == (4.0, 200)
    plain, k_2 = result["variants"]
    assert plain["after_seconds"] == pytest.approx([-11.5, 0.5])
    assert k_2["after_d_updates"] == pytest.approx([-21.5, 0.5])
    # After 200 updates the plain game has had 2 s; its score rises from 150 on.
    assert plain["after_d_updates"][0] == pytest.approx(-11.5 - 90 / 8)
    assert (plain["seconds_per_1000_d_updates"], k_2["seeds"]) == (10.0, 2)
    measure.main([table])
    out = capsys.readouterr().out.splitlines()
    assert "after 4.0 s and after 200 updates" in out[0] and out[2].startswith("plain")
    assert "-11.5 +- 0.5" in out[2]


@pytest.mark.parametrize("first", [True, False])
def test_a_training_that_diverged_is_not_the_shortest(table, first):
    trainings = read(table)
    rows = [
        (name, seed, i, *point, 1, 0.2)
        for name, seeds in trainings.items()
        for seed, curve in seeds.items()
        for i, point in enumerate(zip(*curve))
    ]
    diverged = [("gone", 1, 0, 0.0, np.nan, np.nan, 1, 0.2)]
    write(table, COLUMNS, diverged + rows if first else rows + diverged)
    result = measure.compare(table)
    assert (result["seconds"], result["d_updates"]) == (4.0, 200)
    found = {row["variant"]: row for row in result["variants"]}
    assert found["plain"]["after_seconds"] == pytest.approx([-11.5, 0.5])
    assert np.isnan(found["gone"]["after_seconds"][0])


def test_the_plot(table, capsys):
    pytest.importorskip("matplotlib")
    show.main([table])
    path = Path(capsys.readouterr().out.strip())
    assert path == Path(table).with_suffix(".png")
    with Image.open(path) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 100  # not blank
    figure = show.draw(read(table))
    assert len(figure.axes) == 2  # one group, against seconds and updates
    lines = {line.get_label(): line for line in figure.axes[1].get_lines()}
    np.testing.assert_array_equal(lines["plain"].get_xdata(), [0, 200, 400])
    np.testing.assert_allclose(lines["k_2"].get_ydata(), [-101.5, -21.5, -21.5])
    odd = {"unheard_of": read(table)["k_2"]}
    assert show.draw(odd).axes[0].get_title(loc="left") == "others"


@pytest.mark.parametrize("command", [measure, show])
@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b\n1,2\n", "the first line must be variant"),
        (",".join(COLUMNS) + "\nplain,1,x,2,3,4,5,6\n", "line 2: not a row"),
        (",".join(COLUMNS) + "\n", "holds no training"),
        (",".join(COLUMNS) + "\nplain,1\n", "sweep.csv, line 2: has not 8 values"),
        (",".join(COLUMNS) + "\n\x80\n", "sweep.csv: is no table of scores"),
    ],
)
def test_files_that_are_not_tables(tmp_path, capsys, command, text, message):
    path = tmp_path / "sweep.csv"
    path.write_text(text, encoding="latin-1")
    assert cli.run(lambda: command.main([str(path)])) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err


@pytest.mark.parametrize(
    "argv, message",
    [
        (["no/folder/sweep.csv"], "there is no folder"),
        (["sweep.csv", "--variants", "k_7"], "has no variant k_7"),
        (["sweep.csv", "--experiment", "none/experiment.yaml"], "none/variants.yaml"),
    ],
)
def test_sweeps_that_cannot_start(tmp_path, monkeypatch, capsys, argv, message):
    monkeypatch.chdir(tmp_path)
    assert cli.run(lambda: sweep.main(argv)) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err


@pytest.mark.slow
def test_plain_and_lazy_on_mnist(tmp_path, capsys):
    table = str(tmp_path / "sweep.csv")
    argv = [table, "--variants", "plain", "lazy", "--seeds", "1", "--seconds", "0.001"]
    assert sweep.main([*argv, "--every", "8"]) == 0  # until the first scores
    assert "plain, seed 1: " in capsys.readouterr().out
    plain, lazy = (read(table)[name][1] for name in ("plain", "lazy"))
    assert list(plain.d_updates) == list(lazy.d_updates) == [0, 2000]
    # Both start with the mean image, -58.1. The mean of the plain game's first 2,000 minibatches
    # has -30 nats; that of the second thousand 0, 13 and 16 with seeds 1 to 3. The lazy players do
    # not learn, since neither loses clearly.
    assert plain.score[0] == lazy.score[0] == pytest.approx(-58.1, abs=1)
    assert plain.score[1] > -45
    assert lazy.score[1] == pytest.approx(lazy.score[0], abs=2)
