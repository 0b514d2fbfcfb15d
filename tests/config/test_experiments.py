"""The experiments of this repository and of 2014 name existing classes and arguments.

No object is made, so no data is needed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from adversarial.config import yaml_parse
from adversarial.train import Train

ROOT = Path(__file__).parents[2]
OF_2014 = """
!obj:pylearn2.train.Train {
    dataset: &train !obj:pylearn2.datasets.mnist.MNIST {which_set: "train", start: 0, stop: 50000},
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: "uniform", monitor_ll: 1,
            mlp: !obj:pylearn2.models.mlp.MLP {
                nvis: 100,
                layers: [
                    !obj:pylearn2.models.mlp.RectifiedLinear {
                        layer_name: "h0", dim: 12, irange: .05
                    },
                    !obj:pylearn2.models.mlp.Sigmoid {
                        layer_name: 'y', dim: 784, irange: .05, max_col_norm: 1.9365,
                        init_bias: !obj:pylearn2.models.dbm.init_sigmoid_bias_from_marginals {
                            dataset: *train
                        },
                    },
                ],
            },
        },
        discriminator: !obj:pylearn2.models.mlp.MLP {
            nvis: 784,
            layers: [
                !obj:pylearn2.models.maxout.Maxout {
                    layer_name: 'h0', num_units: 24, num_pieces: 5, irange: .005
                },
                !obj:pylearn2.models.mlp.Sigmoid {layer_name: 'y', dim: 1, irange: .005},
            ],
        },
    },
    algorithm: !obj:adversarial.sgd.SGD {
        discriminator_steps: 2,
        batch_size: 100,
        learning_rate: .1,
        learning_rule: !obj:pylearn2.training_algorithms.learning_rule.Momentum {init_momentum: .5},
        monitoring_dataset: {'train': *train},
        cost: !obj:pylearn2.costs.cost.SumOfCosts {
            costs: [!obj:adversarial.AdversaryCost2 {scale_grads: 0}]
        },
        termination_criterion: !obj:pylearn2.termination_criteria.EpochCounter {max_epochs: 50},
        update_callbacks: !obj:pylearn2.training_algorithms.sgd.ExponentialDecay {
            decay_factor: 1.000004, min_lr: 1e-6
        },
    },
    extensions: [
        !obj:pylearn2.training_algorithms.learning_rule.MomentumAdjustor {
            start: 1, saturate: 250, final_momentum: .7
        },
        !obj:pylearn2.train_extensions.best_params.MonitorBasedSaveBest {
            channel_name: "train_objective_d",
            save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_best.pkl"
        },
    ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""


@pytest.mark.parametrize("path", sorted((ROOT / "yaml").glob("**/*.yaml")), ids=lambda p: p.stem)
def test_experiments_of_this_repository(path):
    tree = yaml_parse.load_path(path, instantiate=False)
    for phase in tree if isinstance(tree, list) else [tree]:
        assert phase.callable is Train


def test_a_file_of_2014(tmp_path):
    path = tmp_path / "mnist.yaml"
    path.write_text(OF_2014)
    tree = yaml_parse.load_path(path, instantiate=False)
    keywords = tree.keywords
    assert keywords["save_path"] == str(tmp_path / "mnist.pkl")
    layers = keywords["model"].keywords["generator"].keywords["mlp"].keywords["layers"]
    assert layers[1].keywords["init_bias"].keywords["dataset"] is keywords["dataset"]
    assert keywords["algorithm"].keywords["update_callbacks"].keywords["min_lr"] == 1e-6
    assert keywords["algorithm"].callable.__module__ == "adversarial.training_algorithms.k_steps"
