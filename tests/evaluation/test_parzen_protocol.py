from __future__ import annotations

import numpy as np
import pytest

from adversarial.datasets import mnist, tfd
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.parzen import ParzenEstimator, ParzenScore, parzen_log_likelihood
from adversarial.evaluation.parzen_protocol import (
    Outcome,
    Split,
    check_dimension,
    choose_and_score,
    load_split,
    rows_of,
)


class Data:
    """Replaces a data set; each row has the name of its set and its number."""

    asked: list[dict] = []

    def __init__(self, **kwargs):
        self.asked.append(kwargs)
        start, stop = kwargs.get("start", 0), kwargs.get("stop", 30)
        name = f"{kwargs['which_set']}{kwargs.get('fold', '')}"
        self.X = np.array([[name, str(i)] for i in range(start, stop)])


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    monkeypatch.setattr(mnist, "MNIST", Data)
    monkeypatch.setattr(tfd, "TFD", Data)
    monkeypatch.setattr(Data, "asked", [])


def test_mnist_is_validated_on_the_last_ten_thousand_training_examples():
    split = load_split("mnist", 784)
    assert split.valid[0].tolist() == ["train", "50000"]
    assert split.valid[-1].tolist() == ["train", "50999"]
    assert len(split.scored) == 30 and set(split.scored[:, 0]) == {"test"}
    split = load_split("mnist", 784, limit_size=7, score_valid=True)
    assert (len(split.valid), len(split.scored)) == (7, 10000)
    assert split.scored[-1].tolist() == ["train", "59999"]


def test_tfd_takes_both_sets_from_one_fold_scaled():
    split = load_split("tfd", 48 * 48, fold=3, limit_size=10)
    assert set(split.valid[:, 0]) == {"valid3"} and len(split.valid) == 10
    assert set(split.scored[:, 0]) == {"test3"}
    assert set(load_split("tfd", 96 * 96, fold=1, score_valid=True).scored[:, 0]) == {"valid1"}
    assert all(asked["scale"] is True for asked in Data.asked)
    assert [asked["image_size"] for asked in Data.asked] == [48, 48, 96]


def test_wrong_data_set():
    with pytest.raises(ValueError, match="dataset must be one of mnist, tfd, not 'svhn'"):
        load_split("svhn", 784)
    check_dimension("tfd", 2304, "m.pkl")
    with pytest.raises(ValueError, match="m.pkl makes samples of 784 numbers, but tfd has 2304"):
        check_dimension("tfd", 784, "m.pkl")


def test_sigma_is_chosen_on_the_validation_set_alone():
    rng = np.random.RandomState(0)
    samples = rng.randn(300, 2)
    split = Split(valid=rng.randn(100, 2), scored=samples[:50] + 1e-3)
    sigmas = np.logspace(-2, 1, 7)
    done = []
    outcome = choose_and_score(ParzenEstimator(samples), split, sigmas, done.append)
    means = [parzen_log_likelihood(split.valid, samples, sigma).mean() for sigma in sigmas]
    best = sigmas[int(np.argmax(means))]
    assert outcome.score.sigma == best
    # The scored points lie next to samples, and would have chosen the smallest sigma.
    assert best > sigmas[0]
    scores = parzen_log_likelihood(split.scored, samples, best)
    assert outcome.score.mean == pytest.approx(scores.mean(), abs=1e-6)
    assert outcome.score.standard_error == pytest.approx(scores.std() / np.sqrt(50), abs=1e-6)
    assert [sigma for sigma, _ in outcome.tried] == sigmas.tolist()
    assert sum(done) == rows_of(split, sigmas) == 150


def test_a_fixed_sigma_needs_no_validation():
    split = Split(valid=np.zeros((0, 2)), scored=np.zeros((4, 2)))
    outcome = choose_and_score(ParzenEstimator(np.zeros((3, 2))), split, [0.7])
    assert outcome.score.sigma == 0.7 and outcome.tried == ()
    assert rows_of(split, [0.7]) == 4
    assert not outcome.at_edge


@pytest.mark.parametrize("sigma, at_edge", [(0.1, True), (0.2, False), (0.3, True)])
def test_edge_of_the_sigmas(sigma, at_edge):
    tried = tuple((s, 0.0) for s in (0.1, 0.2, 0.3))
    assert Outcome(ParzenScore(sigma, 0.0, 0.0, 1), tried).at_edge is at_edge


def test_dimensions_cover_the_data_sets():
    assert set(parzen_protocol.DIMENSIONS) == set(parzen_protocol.DATASETS)
