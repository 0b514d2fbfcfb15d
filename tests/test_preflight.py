"""Faults that would stop a training are told before it begins."""

import numpy as np
import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator, preflight
from adversarial.config import yaml_parse
from adversarial.costs.default import Default, WeightDecay
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax
from adversarial.termination_criteria import (
    And,
    ChannelTarget,
    EpochCounter,
    MatchChannel,
    MonitorBased,
)
from adversarial.train import Train
from adversarial.train_extensions import ChannelSmoother, TrainExtension
from adversarial.train_extensions.best_params import MonitorBasedSaveBest
from adversarial.train_extensions.learning_rate import MonitorBasedLRAdjuster
from adversarial.training_algorithms.sgd import SGD
from adversarial.training_algorithms.training_algorithm import TrainingDiverged

pytestmark = pytest.mark.usefixtures("fast_compile")


def rows(n=20, width=4):
    return np.random.RandomState(0).rand(n, width).astype("float32")


def classifier(top=None, nvis=4):
    top = Softmax(layer_name="y", n_classes=3, irange=0.1) if top is None else top
    return MLP(nvis=nvis, layers=[top])


def train(dataset=None, model=None, extensions=(), save_path=None, **options):
    y = np.eye(3, dtype="float32")[np.arange(20) % 3]
    dataset = DenseDesignMatrix(X=rows(), y=y) if dataset is None else dataset
    arguments = {
        "learning_rate": 0.1,
        "batch_size": 5,
        "cost": Default(),
        "monitoring_dataset": {"train": dataset},
        "termination_criterion": EpochCounter(1),
        **options,
    }
    return Train(
        dataset,
        classifier() if model is None else model,
        SGD(**arguments),
        save_path=save_path,
        save_freq=int(save_path is not None),
        extensions=list(extensions),
    )


def refused(experiment, error=ValueError):
    """The message with which an experiment is refused, before anything is measured."""
    with pytest.raises(error) as raised:
        experiment.main_loop()
    monitor = getattr(experiment.model, "monitor", None)
    assert monitor is None or not any(c.val_record for c in monitor.channels.values())
    return str(raised.value)


# What cannot be saved


def local_layer():
    class Inside(Linear):
        pass

    return Inside(layer_name="y", dim=3, irange=0.1)


def layer_with_a_function():
    layer = Linear(layer_name="y", dim=3, irange=0.1)
    layer.settings = {"deep": [1, {"scale": lambda x: x}]}
    return layer


@pytest.mark.parametrize(
    "layer, place",
    [
        (local_layer, "layers[0]"),
        (layer_with_a_function, "['deep'][1]['scale']"),
    ],
)
def test_what_cannot_be_saved(layer, place, tmp_path, monkeypatch):
    monkeypatch.setattr(SGD, "setup", lambda *args, **named: pytest.fail("was set up"))
    experiment = train(model=classifier(layer()), save_path=str(tmp_path / "m.pkl"))
    message = refused(experiment, TypeError)
    assert place in message.splitlines()[0]
    assert not list(tmp_path.iterdir())


def test_an_extension_that_saves_counts(tmp_path):
    best = MonitorBasedSaveBest("train_objective", str(tmp_path / "best.pkl"))
    assert "layers[0]" in refused(
        train(model=classifier(local_layer()), extensions=[best]), TypeError
    )


def test_without_saving_any_class_trains():
    train(model=classifier(local_layer())).main_loop()


# Channels


class Named(TrainExtension):
    """An extension of a user's own."""

    def __init__(self, channel_name):
        self.channel_name = channel_name


@pytest.mark.parametrize(
    "criterion",
    [
        lambda: MonitorBased(channel_name="train_objectiv"),
        lambda: And([EpochCounter(3), ChannelTarget("train_objectiv", 0.1)]),
        lambda: MatchChannel("train_objectiv", "x", "earlier"),
    ],
)
def test_a_channel_that_the_criterion_reads(criterion):
    message = refused(train(termination_criterion=criterion()))
    assert "'train_objectiv'" in message and "did you mean 'train_objective'" in message


@pytest.mark.parametrize(
    "extension",
    [
        lambda: MonitorBasedLRAdjuster(channel_name="train_objectiv"),
        lambda: MonitorBasedLRAdjuster(dataset_name="valid"),
        lambda: MonitorBasedSaveBest("train_objectiv", store_best_model=True),
        lambda: Named("train_objectiv"),
    ],
)
def test_a_channel_that_an_extension_reads(extension):
    extension = extension()
    message = refused(train(extensions=[extension]))
    assert type(extension).__name__ in message and "did you mean" in message


@pytest.mark.parametrize(
    "reader",
    [
        lambda: dict(termination_criterion=MonitorBased(channel_name="train_objective")),
        lambda: dict(extensions=[MonitorBasedSaveBest("train_objective", store_best_model=True)]),
        lambda: dict(extensions=[ChannelSmoother("train_objective", "smooth")]),
        lambda: dict(extensions=[Named("train_objective")]),
    ],
)
def test_a_channel_that_only_an_earlier_training_measured(reader):
    first = train()
    first.main_loop()
    valid = {"valid": DenseDesignMatrix(X=first.dataset.X[:7], y=first.dataset.y[:7])}
    experiment = train(model=first.model, monitoring_dataset=valid, **reader())
    with pytest.raises(ValueError, match="no channel 'train_objective'; did you mean 'valid_obj"):
        experiment.main_loop()
    assert experiment.model.monitor.get_epochs_seen() == 1


def test_a_value_to_match_is_one_of_an_earlier_training():
    """Also of one whose monitor is still in use."""
    first = train()
    first.main_loop()
    valid = {"valid": DenseDesignMatrix(X=first.dataset.X[:7], y=first.dataset.y[:7])}
    criterion = MatchChannel("valid_objective", "train_objective", "monitor")
    train(model=first.model, monitoring_dataset=valid, termination_criterion=criterion).main_loop(
        max_epochs=1
    )
    assert criterion.target == first.model.monitor.channels["train_objective"].val_record[-1]


def test_the_only_objective_is_one_that_is_measured():
    first = train()
    first.main_loop()
    valid = {"valid": DenseDesignMatrix(X=first.dataset.X[:7], y=first.dataset.y[:7])}
    adjuster = MonitorBasedLRAdjuster()
    train(model=first.model, monitoring_dataset=valid, extensions=[adjuster]).main_loop()
    assert adjuster.channel_name == "valid_objective"


def test_no_monitoring_at_all():
    message = refused(train(termination_criterion=MonitorBased(), monitoring_dataset=None))
    assert "monitoring_dataset" in message


# Iteration


@pytest.mark.parametrize(
    "options, words",
    [
        ({"batches_per_iter": 9}, ["the training data set", "batches_per_iter 9"]),
        ({"monitoring_batches": 9}, ["'train'", "monitoring_batches 9"]),
        (
            {"train_iteration_mode": "even_shuffled_sequential", "batch_size": 50},
            ["the training data set", "batch_size 50", "even_shuffled_sequential"],
        ),
        ({"monitor_iteration_mode": "random_uniform"}, ["'train'", "monitor_iteration_mode"]),
        (
            {"monitor_iteration_mode": "sequentiel"},
            ["'train'", "monitor_iteration_mode 'sequentiel'"],
        ),
    ],
)
def test_minibatches_that_a_data_set_has_not(options, words):
    message = refused(train(**options))
    assert all(word in message for word in words[1:])
    assert words[0] in message or "the training data set" in message


def test_a_small_monitoring_set_is_named():
    y = np.eye(3, dtype="float32")[np.arange(20) % 3]
    data, small = DenseDesignMatrix(X=rows(), y=y), DenseDesignMatrix(X=rows(8), y=y[:8])
    message = refused(
        train(data, monitoring_dataset={"train": data, "valid": small}, batches_per_iter=4)
    )
    assert "monitoring data set 'valid'" in message and "batches_per_iter" in message


# Spaces


@pytest.mark.parametrize(
    "y, words",
    [
        ({"y": np.arange(20)[:, None] % 3}, ["class numbers", "y_labels: 3"]),
        ({"y": np.arange(20)[:, None] % 3, "y_labels": 5}, ["y_labels 5", "3 numbers"]),
        ({"y": np.zeros((20, 2), "float32")}, ["targets of 2 numbers", "takes 3"]),
        ({}, ["no targets"]),
    ],
)
def test_targets_of_another_kind(y, words):
    message = refused(train(DenseDesignMatrix(X=rows(), **y)))
    assert all(word in message for word in words)


def test_targets_without_y_labels_where_classes_are_compared():
    top = Softmax(layer_name="y", n_classes=3, irange=0.1, binary_target_dim=1)
    y = np.arange(20)[:, None] % 3
    message = refused(train(DenseDesignMatrix(X=rows(), y=y), model=classifier(top)))
    assert "class numbers from 0 to 2" in message and "y_labels: 3" in message


WIDE = """
!obj:adversarial.train.Train {
    dataset: !obj:adversarial.datasets.mixture.GaussianMixture {
        means: [0., 1.], deviations: [1., 1.], num_examples: 20 },
    model: !obj:adversarial.models.mlp.MLP {
        nvis: 5,
        layers: [ !obj:adversarial.models.mlp.Linear { layer_name: y, dim: 2, irange: 0.1 } ] },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD { batch_size: 2, learning_rate: 0.1 } }
"""


def test_widths_are_named_with_their_lines():
    message = refused(yaml_parse.load(WIDE, name="wide.yaml"))
    assert "wide.yaml line 3) has rows of 1 numbers" in message
    assert "wide.yaml line 5) takes 5" in message


PAIR = """
!obj:adversarial.AdversaryPair {
    generator: !obj:adversarial.Generator { mlp: !obj:adversarial.models.mlp.MLP {
        nvis: 2,
        layers: [ !obj:adversarial.models.mlp.Linear { layer_name: y, dim: 7, irange: 0.1 } ] } },
    discriminator: !obj:adversarial.models.mlp.MLP {
        nvis: 6,
        layers: [ !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: 0.1 } ] } }
"""


def test_both_players_are_named_with_their_lines():
    with pytest.raises(yaml_parse.YamlError) as refusal:
        yaml_parse.load(PAIR, name="pair.yaml")
    message = str(refusal.value)
    assert "generator (pair.yaml line 5) makes" in message and "dim=7" in message
    assert "discriminator (pair.yaml line 6) takes" in message and "dim=6" in message


# Numbers


@pytest.mark.parametrize(
    "nvis, dim, words",
    [
        (3, 2, "the inferer takes 3 numbers, but a sample has 4"),
        (4, 5, "the inferer predicts 5 numbers, but z of the generator has 2"),
    ],
)
def test_an_inferer_of_another_width(nvis, dim, words):
    def mlp(nvis, dim, kind=Linear):
        return MLP(nvis=nvis, layers=[kind(layer_name="y", dim=dim, irange=0.1)])

    pair = AdversaryPair(Generator(mlp(2, 4)), mlp(4, 1, Sigmoid), mlp(nvis, dim))
    assert words in refused(train(model=pair, cost=AdversaryCost2(scale_grads=0)))


@pytest.mark.parametrize("scale", [3e38, 1e20])
def test_data_that_overflow_once_trained_on(scale):
    data = DenseDesignMatrix(X=rows() * np.float32(scale), y=rows(width=2))
    model = classifier(Linear(layer_name="y", dim=2, irange=0.1))
    with pytest.raises(TrainingDiverged) as diverged:
        train(data, model, monitoring_dataset=None).main_loop()
    message = str(diverged.value)
    assert "X of the training data set holds numbers as large as" in message
    assert "learning_rate" not in message and "divide" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_what_an_iterator_gives_is_finite(value):
    class Stream(DenseDesignMatrix):
        def iterator(self, *args, **named):
            for x, y in super().iterator(*args, **named):
                x = x.astype("float64")
                x[1, 2] = value
                yield x, y

    data = Stream(X=rows(), y=rows(width=3))
    with pytest.raises(ValueError, match="features that Stream.iterator gave .*row 1, column 2"):
        train(data, monitoring_dataset=None).main_loop()


def test_advice_of_a_refusal_keeps_its_line_in_a_yaml():
    text = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: [[1, 2], [.inf, 3]] }"""
    with pytest.raises(yaml_parse.YamlError) as refusal:
        yaml_parse.load(text, name="rows.yaml")
    first, advice = str(refusal.value).splitlines()
    assert first.endswith("row 1, column 0 is inf") and advice.startswith("Leave such rows out")


def test_infinite_and_overflowing_rows():
    X = rows().astype("float64")
    X[7, 2] = np.inf
    with pytest.raises(ValueError, match="not finite: row 7, column 2 is inf"):
        DenseDesignMatrix(X=X)
    X[7, 2] = 1e39
    with pytest.raises(ValueError, match=r"float32.*row 7, column 2 is 1e\+39"):
        DenseDesignMatrix(X=X)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e39])
def test_targets_that_are_not_finite(value):
    y = np.zeros((20, 3))
    y[4, 1] = value
    good = np.zeros((20, 3))
    data, bad = DenseDesignMatrix(X=rows(), y=good), DenseDesignMatrix(X=rows(), y=y)
    message = refused(train(data, monitoring_dataset={"train": data, "valid": bad}))
    assert "monitoring data set 'valid'" in message and "row 4, column 1" in message


def test_data_that_changes_later():
    class Spoil(TrainExtension):
        def on_monitor(self, model, dataset, algorithm):
            dataset.X[3, 1] = np.nan
            dataset.X = dataset.X

    with pytest.raises(ValueError, match="features .* row 3, column 1 is nan"):
        train(extensions=[Spoil()], monitoring_dataset=None).main_loop()


def test_targets_that_nothing_uses_may_be_missing():
    y = np.full((20, 3), np.nan)
    labelled = DenseDesignMatrix(X=rows(), y=y)
    preflight._check_values("the data", labelled, {"features"})


# Networks too deep for Python's stack


def layers(count, width=4):
    return [Sigmoid(layer_name=f"h{n}", dim=width, irange=0.1) for n in range(count)]


DEEP = """!obj:adversarial.train.Train {
    dataset: !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.ones { shape: [20, 4] }, y: !obj:numpy.ones { shape: [20, 4] } },
    model: !obj:adversarial.models.mlp.MLP { nvis: 4, layers: [
        %s
    ] },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD { learning_rate: .1, batch_size: 5 }
}"""
LAYER = "!obj:adversarial.models.mlp.Sigmoid { layer_name: h%d, dim: 4, irange: .1 }"


def test_three_hundred_layers_of_a_yaml_are_named():
    text = DEEP % ",\n        ".join(LAYER % n for n in range(300))
    with pytest.raises(ValueError, match=r"^MLP \(deep.yaml line 4\) has 300 layers, too many"):
        yaml_parse.load(text, name="deep.yaml").main_loop()


@pytest.mark.parametrize("deep", ["generator", "discriminator"])
def test_a_deep_player_is_named(deep):
    count = {"generator": 2, "discriminator": 2, deep: 200}
    pair = AdversaryPair(
        Generator(MLP(nvis=3, layers=layers(count["generator"]))),
        MLP(
            nvis=4,
            layers=[*layers(count["discriminator"]), Sigmoid(layer_name="y", dim=1, irange=0.1)],
        ),
    )
    message = refused(train(model=pair, cost=AdversaryCost2(scale_grads=0)))
    assert f"has {200 + (deep == 'discriminator')} layers, too many for a gradient" in message


def test_a_monitored_training_set_is_compared_with_the_model():
    """Also where the cost looks at no data."""
    data = DenseDesignMatrix(X=rows(width=5), y=np.zeros((20, 3), "float32"))
    message = refused(train(data, cost=WeightDecay(coeffs=[0.1])))
    assert "the training data set has rows of 5 numbers, and the model takes 4" in message
