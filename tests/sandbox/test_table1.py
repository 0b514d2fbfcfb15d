"""The search for Table 1: its variants, its table, what it averages and scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator, modelfile
from adversarial.config import yaml_parse
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.parzen import ParzenScore
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.scripts import cli
from adversarial.sweep.records import Progress
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from sandbox import score_table, scored_sweep, scoring
from sandbox.scoring import SIGMAS, Scorer
from sandbox.table1 import ScoresOfMeans, mean, measure, search
from sandbox.variants import variant, variants_of


def game():
    """A small Train object: a hundred minibatches per epoch; G and D are linear."""
    dataset = DenseDesignMatrix(X=np.random.RandomState(5).uniform(size=(400, 6)).astype("float32"))
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    algorithm = SGD(0.1, cost=AdversaryCost2(), batch_size=4, monitoring_dataset={"valid": dataset})
    return Train(dataset, AdversaryPair(Generator(G), D), algorithm)


def test_variants_change_only_the_training():
    names = variants_of(search.EXPERIMENT, search.VARIANTS)
    texts = {name: variant(search.EXPERIMENT, name, search.VARIANTS) for name in names}
    assert len(set(texts.values())) == len(names) > 20
    environ = {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"}
    trains = {
        name: yaml_parse.load(text, environ, instantiate=False) for name, text in texts.items()
    }
    layers = {str(t.keywords["model"].keywords["discriminator"]) for t in trains.values()}
    costs = {str(t.keywords["algorithm"].keywords["cost"]) for t in trains.values()}
    assert len(layers) == len(costs) == 1
    rule = trains["momentum_0.8"].keywords["algorithm"].keywords["learning_rule"]
    assert rule.keywords == {"init_momentum": 0.8}


@pytest.mark.usefixtures("fast_compile")
def test_scores_of_current_and_mean_parameters(monkeypatch, tmp_path):
    train = game()
    params = train.model.generator.get_params()
    steps, scored = [], []

    def watch(algorithm):
        steps.append([p.get_value() for p in params])

    train.algorithm.update_callbacks.append(watch)

    class Watched:
        def __init__(self, model, examples, *counts):
            assert model is train.model and len(examples) == 400 and counts == (10000, 1000, 4000)

        def __call__(self):
            scored.append([p.get_value() for p in params])
            return ParzenScore(0.2, -float(len(scored)), 0.5, 9)

    monkeypatch.setattr(scoring, "Scorer", Watched)
    path = tmp_path / "game.scores.npy"
    train.extensions.append(ScoresOfMeans(str(path), every=2))
    train.main_loop(max_epochs=7)
    rows = np.load(path)
    seconds = train.model.monitor.channels["training_seconds_this_epoch"].val_record
    np.testing.assert_allclose(rows[:, 1], [sum(seconds[: n + 1]) for n in (2, 4, 6)], rtol=1e-6)
    assert rows[:, [0, 2, 3, 4]].tolist() == [[2, -1, -2, -3], [4, -4, -5, -6], [6, -7, -8, -9]]
    assert len(steps) == 700
    # Means over every 50th minibatch of epochs 1 to 2 (twice), 3 to 4, 1 to 4, 3 to 6 and 1 to 6.
    spans = [(0, 200), (0, 200), (200, 400), (0, 400), (200, 600), (0, 600)]
    averaged = [scored[i] for i in range(9) if i % 3]
    for (begin, end), found in zip(spans, averaged):
        for got, *values in zip(found, *steps[begin + 49 : end : 50]):
            np.testing.assert_allclose(got, np.mean(values, axis=0, dtype="float64"), rtol=1e-5)
    for end, own in zip((200, 400, 600), scored[::3]):
        for got, want in zip(own, steps[end - 1]):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("wrong", [dict(every=0), dict(counts=[1, 2]), dict(counts=[10**12, 1, 1])])
def test_wrong_numbers(tmp_path, wrong):
    with pytest.raises(ValueError, match="every must be|counts must be"):
        ScoresOfMeans(str(tmp_path / "x.npy"), **{"every": 1, **wrong})


@pytest.mark.usefixtures("fast_compile")
def test_the_score_against_its_definition():
    # The sigma that is best for the first rows scores the rows after them.
    train = game()
    examples = np.random.RandomState(3).normal(size=(50, 6)).astype("float32")
    score = Scorer(train.model, examples, samples=30, choosers=20, scored=25)
    score.draw = lambda: samples
    samples = np.random.RandomState(4).normal(size=(30, 6)).astype("float32")

    def by_hand(x, sigma):
        kernels = [np.exp(-((x - s) ** 2).sum() / (2 * sigma**2)) for s in samples.astype(float)]
        return np.log(np.mean(kernels)) - 6 * np.log(sigma * np.sqrt(2 * np.pi))

    means = [np.mean([by_hand(x, sigma) for x in examples[:20]]) for sigma in SIGMAS]
    sigma = SIGMAS[int(np.argmax(means))]
    found = score()
    assert found.sigma == sigma
    assert found.mean == pytest.approx(np.mean([by_hand(x, sigma) for x in examples[20:45]]), 1e-5)


# The table


@pytest.fixture
def table(tmp_path):
    path = str(tmp_path / "search.csv")
    rows = [
        ("plain", 0, 10, 5.0, 1.0, 4.0, 5.0),
        ("plain", 0, 20, 9.0, 2.0, 6.0, 7.0),
        ("rate_0.4", 0, 3, 1.0, *[np.nan] * 3),
        ("plain", 1, 20, 9.5, 4.0, 8.0, 9.0),
        ("batch_50", 1, 20, 9.5, 3.0, 9.0, 9.5),
    ]
    score_table.write(path, search.COLUMNS, rows)
    return path


def test_measure_prints_scores_by_variant(table, capsys):
    measure.main([table, "--epoch", "20", "--json"])
    found = json.loads(capsys.readouterr().out)["variants"]
    assert [row["variant"] for row in found] == ["batch_50", "plain", "rate_0.4"]
    assert found[1] == {
        "variant": "plain",
        "seeds": [0, 1],
        "own": [2, 4],
        "last_half": [6, 8],
        "whole": [7, 9],
    }
    assert found[2]["own"] == [None]
    measure.main([table, "--epoch", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert "after 20 epochs" in lines[0] and lines[3].split()[0] == "plain"
    assert "3.0 +- 1.0" in lines[3] and "7.0 +- 1.0" in lines[3] and "nan" in lines[4]


def test_a_search_is_a_sweep(tmp_path, monkeypatch):
    """What it asks of the sweep, and the table that it makes of the trainings' scores."""
    monkeypatch.chdir(tmp_path)
    asked = []

    def train(argv):
        asked.append(argv)
        for name, state in (("plain", "done"), ("rate_0.4", "diverged"), ("batch_50", "waiting")):
            folder = Path(f"search/runs/{name},seed=3")
            folder.mkdir(parents=True)
            Progress(state).write(str(folder))
            if name == "plain":
                np.save(folder / "plain.scores.npy", [[10, 5.5, 1, 2, 3], [20, 9.5, 4, 5, 6.25]])
        return 1

    monkeypatch.setattr(scored_sweep.sweep, "main", train)
    names = ("plain", "rate_0.4", "batch_50")
    argv = ["search.csv", "--variants", *names, "--seeds", "3", "--epochs", "20", "--workers", "1"]
    assert search.main(argv) == 1
    assert asked == [
        [f"search/{name}.yaml" for name in names]
        + ["--seeds", "3", "--out", "search/runs", "--max-epochs", "20", "--workers", "1"]
    ]
    for name in names:
        described = yaml_parse.load_path(f"search/{name}.yaml", instantiate=False)
        extension = described.keywords["extensions"][0]
        assert extension.callable is ScoresOfMeans
        assert extension.keywords == {"path": f"search/{name}.scores.npy", "every": 10}
    assert [list(row.values()) for row in search.read("search.csv")] == [
        ["plain", "3", "10", "5.5", "1.0", "2.0", "3.0"],
        ["plain", "3", "20", "9.5", "4.0", "5.0", "6.25"],
        ["rate_0.4", "3", "1", "0.0", "nan", "nan", "nan"],
    ]
    Path("search").rename("elsewhere")
    with pytest.raises(FileExistsError, match="the folder of its search does not"):
        search.main(argv)


@pytest.mark.parametrize(
    "main, argv, message",
    [
        (search.main, ["no/folder/search.csv"], "there is no folder"),
        (search.main, ["search.csv", "--variants", "rate_7"], "has no variant rate_7"),
        (search.main, ["other.csv"], "other.csv: the first line must be"),
        (measure.main, ["other.csv"], "other.csv: the first line must be"),
        (measure.main, ["cut.csv"], "cut.csv, line 3: has not 7 values"),
        (measure.main, ["model.pkl"], "model.pkl: is no table of scores"),
        (measure.main, ["absent.csv"], "absent.csv: No such file"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, main, argv, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "cut.csv").write_text(",".join(search.COLUMNS) + "\na,0,1,2,3,4,5\na,0,2\n")
    (tmp_path / "model.pkl").write_bytes(b"\x80")
    assert cli.run(lambda: main(argv)) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err


@pytest.mark.slow
def test_an_epoch_of_mnist(tmp_path, capsys):
    path = str(tmp_path / "search.csv")
    search.main([path, "--variants", "rate_0.2", "--seeds", "0", "--epochs", "1", "--every", "1"])
    assert "rate_0.2" in capsys.readouterr().out
    (row,) = search.read(path)
    # It starts with the mean image, -58.1.
    assert -200 < float(row["own"]) < 0 and -100 < float(row["whole"]) < 50


# The mean of models


def saved(folder, name, units):
    G = MLP([Linear(dim=units, layer_name="y", irange=1.0)], nvis=3)
    path = str(folder / name)
    modelfile.save(path, Generator(G))
    return path, [param.get_value() for param in G.get_params()]


@pytest.mark.usefixtures("fast_compile")
def test_the_mean_of_models(tmp_path, monkeypatch, capsys):
    (one, first), (two, second) = (saved(tmp_path, f"{i}.pkl", 4 + i) for i in range(2))
    assert cli.run(lambda: mean.main([one, two])) == 1
    assert "1.pkl holds a generator of other sizes than" in capsys.readouterr().err

    network = str(tmp_path / "network.pkl")
    modelfile.save(network, MLP([Linear(dim=2, layer_name="y", irange=1.0)], nvis=3))
    assert cli.run(lambda: mean.main([one, network])) == 1
    assert "network.pkl: a model of class MLP has no generator" in capsys.readouterr().err

    third, params = saved(tmp_path, "2.pkl", 4)
    scored = []

    class Watched:
        def __init__(self, model, examples, *counts):
            assert examples.shape == (3, 784) and counts == (10000, 1000, 4000)
            scored.extend(param.get_value() for param in model.get_params())

        def __call__(self):
            return ParzenScore(0.2, 12.25, 0.5, 9)

    monkeypatch.setattr(mean, "Scorer", Watched)
    monkeypatch.setattr(mean, "MNIST", lambda **which: DenseDesignMatrix(X=np.zeros((3, 784), "f")))
    mean.main([one, third])
    assert "mean of 2 models: 12.2 +- 0.5 nats" in capsys.readouterr().out
    for got, *pair in zip(scored, first, params):
        np.testing.assert_allclose(got, np.mean(pair, axis=0), rtol=1e-6)


# A training that is stopped

GAME = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 60, M: 6 } },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator { noise: uniform,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 6, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 6, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 6, learning_rate: .5, monitoring_dataset: { valid: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 } },
    extensions: [ !obj:sandbox.table1.ScoresOfMeans {
        path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.scores.npy", every: 2, average_every: 3,
        counts: [ 30, 20, 25 ] } ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl", save_freq: 1 }
"""


def test_scores_of_a_resumed_training(folder, run):
    Path("whole.yaml").write_text(GAME)
    Path("parts.yaml").write_text(GAME)
    assert run("whole.yaml", "--max-epochs", "8") == (0, "")
    assert run("parts.yaml", "--max-epochs", "3") == (0, "")
    assert run("--resume", "parts.pkl", "--max-epochs", "5") == (0, "")
    assert run("--resume", "parts.pkl", "--max-epochs", "8") == (0, "")
    whole, parts = (np.load(f"{name}.scores.npy") for name in ("whole", "parts"))
    assert whole[:, 0].tolist() == [2, 4, 6, 8] and len(set(whole[:, 4])) == 4
    np.testing.assert_array_equal(np.delete(whole, 1, axis=1), np.delete(parts, 1, axis=1))
