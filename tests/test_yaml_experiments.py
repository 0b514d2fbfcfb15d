"""The values of the experiments, read from their YAML without making anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from adversarial.config import yaml_parse
from adversarial.models.initialization import init_sigmoid_bias_from_marginals

YAML = Path(__file__).parents[1] / "yaml"


def plain(value):
    """Proxies as (name of what is called, its arguments)."""
    if isinstance(value, yaml_parse.Proxy):
        return value.callable.__name__, {k: plain(v) for k, v in value.keywords.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def read(name):
    return yaml_parse.load_path(YAML / f"{name}.yaml", instantiate=False)


MNIST_TRAIN = ("MNIST", {"which_set": "train", "start": 0, "stop": 50000})
MNIST_VALID = ("MNIST", {"which_set": "train", "start": 50000, "stop": 60000})


def test_mnist_has_the_networks_and_the_cost_of_the_paper():
    arguments = plain(read("mnist"))[1]
    assert arguments["dataset"] == MNIST_TRAIN
    pair = arguments["model"][1]
    marginals = ("init_sigmoid_bias_from_marginals", {"dataset": MNIST_TRAIN})
    assert pair["generator"] == (
        "Generator",
        {
            "noise": "uniform",
            "monitor_ll": 1,
            "mlp": (
                "MLP",
                {
                    "nvis": 100,
                    "layers": [
                        ("RectifiedLinear", {"layer_name": "h0", "dim": 1200, "irange": 0.05}),
                        ("RectifiedLinear", {"layer_name": "h1", "dim": 1200, "irange": 0.05}),
                        (
                            "Sigmoid",
                            {"layer_name": "y", "dim": 784, "irange": 0.05, "init_bias": marginals},
                        ),
                    ],
                },
            ),
        },
    )
    assert pair["discriminator"] == (
        "MLP",
        {
            "nvis": 784,
            "layers": [
                (
                    "Maxout",
                    {"layer_name": "h0", "num_units": 240, "num_pieces": 5, "irange": 0.005},
                ),
                (
                    "Maxout",
                    {"layer_name": "h1", "num_units": 240, "num_pieces": 5, "irange": 0.005},
                ),
                ("Sigmoid", {"layer_name": "y", "dim": 1, "irange": 0.005}),
            ],
        },
    )
    algorithm = arguments["algorithm"][1]
    assert algorithm["batch_size"] == 100
    assert algorithm["monitoring_dataset"] == {"valid": MNIST_VALID}
    assert algorithm["cost"] == (
        "AdversaryCost2",
        {
            "scale_grads": 0,
            "discriminator_default_input_include_prob": 0.5,
            "discriminator_input_include_probs": {"h0": 0.8},
            "discriminator_default_input_scale": 2.0,
            "discriminator_input_scales": {"h0": 1.25},
        },
    )
    assert arguments["save_path"] == str(YAML / "mnist.pkl")
    assert arguments["save_freq"] == 1


def test_mnist_has_the_schedule_of_the_paper():
    arguments = plain(read("mnist"))[1]
    algorithm = arguments["algorithm"][1]
    assert algorithm["learning_rate"] == 0.1
    assert algorithm["learning_rule"] == ("Momentum", {"init_momentum": 0.5})
    assert algorithm["update_callbacks"] == (
        "ExponentialDecay",
        {"decay_factor": 1.000004, "min_lr": 1e-6},
    )
    assert "termination_criterion" not in algorithm
    assert arguments["extensions"] == [
        ("MomentumAdjustor", {"start": 1, "saturate": 250, "final_momentum": 0.7})
    ]


def test_table_1_is_the_papers_training_at_twice_the_rate_with_an_average_beside_it():
    paper, table1 = plain(read("mnist"))[1], plain(read("mnist_table1"))[1]
    *extensions, (name, average) = table1.pop("extensions")
    assert extensions == paper.pop("extensions")
    assert name == "PolyakAveraging" and average["start"] == 0
    assert average["save_path"].endswith("_averaged.pkl")
    rates = [arguments["algorithm"][1].pop("learning_rate") for arguments in (table1, paper)]
    assert rates == [0.2, 0.1]
    # Each is named for its own file.
    for arguments in (paper, table1):
        arguments.pop("save_path")
    assert table1 == paper


def test_the_quick_experiment_is_the_papers_with_narrow_networks_and_ends_by_itself():
    paper, quick = plain(read("mnist"))[1], plain(read("mnist_quick"))[1]
    players = [pair["model"][1] for pair in (paper, quick)]
    for hidden in ("generator", "discriminator"):
        wide, narrow = (
            (pair[hidden][1]["mlp"] if hidden == "generator" else pair[hidden])[1]["layers"][:-1]
            for pair in players
        )
        for (_, of_paper), (_, of_quick) in zip(wide, narrow):
            size = "dim" if hidden == "generator" else "num_units"
            assert 3 * of_quick.pop(size) < 2 * of_paper.pop(size)
    name, arguments = quick["algorithm"][1].pop("termination_criterion")
    assert name == "EpochCounter" and 0 < arguments["max_epochs"] <= 50
    ((_, adjustor),) = paper.pop("extensions")
    rules = [part["algorithm"][1].pop("learning_rule") for part in (paper, quick)]
    assert rules[1] == ("Momentum", {"init_momentum": adjustor["final_momentum"]})
    for part in (paper, quick):
        part.pop("save_path")
    assert quick == paper


@pytest.mark.parametrize("name", ["mnist", "mnist_quick"])
def test_the_training_set_is_loaded_once(name):
    train = read(name).keywords
    bias = (
        train["model"]
        .keywords["generator"]
        .keywords["mlp"]
        .keywords["layers"][-1]
        .keywords["init_bias"]
    )
    assert bias.callable is init_sigmoid_bias_from_marginals
    assert bias.keywords["dataset"] is train["dataset"]


def test_figure_1_keeps_moments_of_a_game_on_the_line():
    arguments = plain(read("figure1"))[1]
    pair, algorithm = arguments["model"][1], arguments["algorithm"]
    assert arguments["dataset"][0] == "GaussianMixture"
    assert pair["generator"][1]["mlp"][1]["nvis"] == pair["discriminator"][1]["nvis"] == 1
    assert algorithm[0] == "SGD" and algorithm[1]["discriminator_steps"] > 1
    assert algorithm[1]["cost"] == ("AdversaryCost2", {"scale_grads": 0})
    ((name, snapshots),) = arguments["extensions"]
    last = algorithm[1]["termination_criterion"][1]["max_epochs"]
    assert name == "Snapshots" and {0, last} < set(snapshots["epochs"])


def test_the_panels_of_figure_1_continue_its_game_with_one_player_each():
    data = plain(read("figure1"))[1]["dataset"]
    b, c = (plain(phase)[1] for phase in read("figure1_panels"))
    assert data == b["dataset"] == c["dataset"]
    for phase, resting in ((b, "generator"), (c, "discriminator")):
        assert phase["algorithm"][1]["cost"][1][f"ever_train_{resting}"] == 0
    assert c["algorithm"][1]["batches_per_iter"] == 1
    assert c["algorithm"][1]["termination_criterion"][1]["max_epochs"] == 1


def test_inpainting_paints_the_half_that_d_judges():
    arguments = plain(read("mnist_inpainting"))[1]
    cost = arguments["algorithm"][1]["cost"]
    assert cost[0] == "InpaintingAdversaryCost" and cost[1]["side"] == "right"
    pair = arguments["model"][1]
    networks = [pair["generator"][1]["mlp"][1], pair["discriminator"][1]]
    images = ("Conv2DSpace", {"shape": [28, 28], "num_channels": 1})
    assert [network["input_space"] for network in networks] == [images, images]
    top = networks[0]["layers"][-1][1]
    assert top["dim"] == 28 * 14
    assert top["init_bias"] == (
        "init_sigmoid_bias_from_marginals",
        {"dataset": MNIST_TRAIN, "side": "right"},
    )
