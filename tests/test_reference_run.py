"""yaml/mnist.yaml before its first epoch, against the original code.

The names and numbers are those of the first line of its monitor on the original 2014 code (Theano
0.9, float32), run unchanged.  There, channels named dis_on_samp_ were of data and those named
dis_on_data_ of samples; here the names say what they hold.
"""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path

import pytest

from adversarial.config.yaml_parse import load_train_file
from adversarial.datasets.data_path import DataUnavailable
from adversarial.monitor import Monitor

YAML = Path(__file__).parents[1] / "yaml" / "mnist.yaml"


def names_of_2014():
    """The channels in the header of the original's records."""
    names = {
        "learning_rate",
        "momentum",
        "total_seconds_last_epoch",
        "training_seconds_this_epoch",
    }
    names |= {
        "valid_" + name
        for name in (
            "false_negatives",
            "false_positives",
            "gen_ll",
            "gen_nll",
            "objective",
            "now_train_generator",
            "objective_d",
            "objective_g",
            "sample_grad_norm",
        )
    }
    extremes = ("max", "mean", "min")
    for player, layer in product(("gen", "dis_on_data", "dis_on_samp"), ("h0", "h1", "y")):
        stem = f"valid_{player}_{layer}"
        names |= {f"{stem}_{side}_norms_{of}" for side, of in product(("col", "row"), extremes)}
        maxout = player != "gen" and layer != "y"
        style = "_p_{}_x.{}_u" if maxout else "_{}_x_{}_u"
        names |= {stem + style.format(*pair) for pair in product((*extremes, "range"), extremes)}
    return names


# Those that depend on no random draw after the first weights.
FIRST_ROW = {
    "learning_rate": 0.1,
    "momentum": 0.5,
    "valid_now_train_generator": 1.0,
    "valid_gen_h0_col_norms_max": 0.3265908,
    "valid_gen_h0_col_norms_mean": 0.2890765,
    "valid_gen_h0_row_norms_min": 0.97088784,
    "valid_gen_h1_col_norms_min": 0.9620857,
    "valid_gen_h1_row_norms_mean": 1.0006428,
    "valid_gen_y_col_norms_max": 1.0377927,
    "valid_gen_y_row_norms_mean": 0.80780387,
    "valid_dis_on_data_h0_row_norms_mean": 0.10016108,
    "valid_dis_on_samp_h0_col_norms_min": 0.075934105,
    "valid_dis_on_data_h1_col_norms_max": 0.0486138,
    "valid_dis_on_samp_y_row_norms_max": 0.0049287165,
    # D on data, under the other name in 2014.
    "valid_dis_on_data_h0_p_max_x.max_u": 0.1376101,
    "valid_dis_on_data_h0_p_mean_x.mean_u": 0.030851176,
    "valid_dis_on_data_h0_p_min_x.min_u": -0.033373274,
    "valid_dis_on_data_h0_p_range_x.mean_u": 0.07970202,
    "valid_dis_on_data_h1_p_max_x.mean_u": 0.0036691332,
    "valid_dis_on_data_h1_p_mean_x.min_u": -0.00039315323,
    "valid_dis_on_data_h1_p_range_x.max_u": 0.0059992075,
    "valid_dis_on_data_y_max_x_mean_u": 0.50002104,
    "valid_dis_on_data_y_min_x_mean_u": 0.49998975,
}


@pytest.fixture(scope="module")
def experiment():
    """yaml/mnist.yaml with its data; nothing compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return load_train_file(str(YAML))
        except DataUnavailable as error:
            pytest.skip(f"no MNIST, and no way to fetch it: {error}")


def test_the_first_row(experiment, fast_compile, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "redo_theano", lambda self: None)  # not all of it is wanted
        experiment.save_path = None
        experiment.setup()
    channels = experiment.model.monitor.channels
    assert names_of_2014() <= set(channels)
    assert len(names_of_2014()) == 175
    for name in set(channels) - set(FIRST_ROW):
        del channels[name]
    experiment.model.monitor()
    for name, value in FIRST_ROW.items():
        assert list(channels[name].val_record) == [pytest.approx(value, rel=1e-4)], name
