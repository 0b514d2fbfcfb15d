"""YAML files with every class and argument that Pylearn2's own YAML files of 2014 use.

These are the files of its tutorials and of the maxout and dropout papers; each file here stands for
one kind of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.config.yaml_parse import load
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.utils import serial

SET = "!obj:pylearn2.datasets.mnist.MNIST { which_set: 'train', one_hot: 1, start: 0, stop: 9 }"
IMAGES = """!obj:pylearn2.datasets.zca_dataset.ZCA_Dataset {
    preprocessed_dataset: !pkl: "train.pkl", preprocessor: !pkl: "preprocessor.pkl", start: 0,
    stop: 40, axes: ['c', 0, 1, 'b'] }"""
BEST = """!obj:pylearn2.train_extensions.best_params.MonitorBasedSaveBest {
    channel_name: 'valid_y_misclass', save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_best.pkl" }"""
NOT_BETTER = """!obj:pylearn2.termination_criteria.MonitorBased {
    channel_name: "valid_y_misclass", prop_decrease: 0., N: 100 }"""
DROPOUT = """!obj:pylearn2.costs.mlp.dropout.Dropout {
    input_include_probs: { 'h0': .8 }, input_scales: { 'h0': 1. } }"""
SOFTMAX = """!obj:pylearn2.models.mlp.Softmax {
    layer_name: 'y', max_col_norm: 1.9365, n_classes: 10, irange: .005 }"""

SOFTMAX_REGRESSION = f"""
!obj:pylearn2.train.Train {{
    dataset: &train {SET},
    model: !obj:pylearn2.models.softmax_regression.SoftmaxRegression {{
        n_classes: 10, irange: 0., nvis: 784 }},
    algorithm: !obj:pylearn2.training_algorithms.bgd.BGD {{
        batch_size: 10000, line_search_mode: 'exhaustive', conjugate: 1,
        monitoring_dataset: {{ 'train': *train }}, termination_criterion: {NOT_BETTER} }},
    extensions: [ {BEST} ], save_path: "softmax_regression.pkl", save_freq: 1 }}
"""
PERCEPTRON = f"""
!obj:pylearn2.train.Train {{
    dataset: &train {SET},
    model: !obj:pylearn2.models.mlp.MLP {{ nvis: 784, layers: [
        !obj:pylearn2.models.mlp.RectifiedLinear {{ layer_name: 'h0', dim: 500, sparse_init: 15 }},
        !obj:pylearn2.models.mlp.Sigmoid {{ layer_name: 'h1', dim: 9, sparse_init: 4 }},
        {SOFTMAX} ] }},
    algorithm: !obj:pylearn2.training_algorithms.sgd.SGD {{
        batch_size: 100, learning_rate: .01, init_momentum: .5,
        monitoring_dataset: {{ 'train': *train }},
        cost: !obj:pylearn2.costs.cost.SumOfCosts {{ costs: [
            !obj:pylearn2.costs.cost.MethodCost {{ method: 'cost_from_X', supervised: 1 }},
            !obj:pylearn2.costs.mlp.WeightDecay {{ coeffs: [ .00005, .00005, .00005 ] }} ] }},
        termination_criterion: !obj:pylearn2.termination_criteria.Or {{ criteria: [ {NOT_BETTER},
            !obj:pylearn2.termination_criteria.EpochCounter {{ max_epochs: 1000 }} ] }} }},
    extensions: [ {BEST}, !obj:pylearn2.training_algorithms.sgd.MomentumAdjustor {{
        start: 1, saturate: 10, final_momentum: .99 }} ] }}
"""
NESTED = f"""
!obj:pylearn2.train.Train {{
    dataset: &train {SET},
    model: !obj:pylearn2.models.mlp.MLP {{ nvis: 784, layers: [
        !obj:pylearn2.models.mlp.MLP {{ layer_name: 'inner', layers: [
            !obj:pylearn2.models.mlp.Tanh {{ layer_name: 'h0', dim: 50, sparse_init: 15 }},
            {SOFTMAX} ] }} ] }},
    algorithm: !obj:pylearn2.training_algorithms.sgd.SGD {{
        batch_size: 100, learning_rate: .01, monitoring_dataset: {{ 'valid': *train }},
        cost: !obj:pylearn2.costs.cost.SumOfCosts {{ costs: [ !obj:pylearn2.costs.mlp.Default {{}},
            !obj:pylearn2.models.mlp.L1WeightDecay {{ coeffs: [ [ .0005, .0005 ] ] }},
            !obj:pylearn2.costs.mlp.WeightDecay {{ coeffs: {{ inner: {{ y: .1 }} }} }} ] }} }} }}
"""
CONVOLUTIONS = f"""
!obj:pylearn2.train.Train {{
    dataset: {SET},
    model: !obj:pylearn2.models.mlp.MLP {{ batch_size: 100,
        input_space: !obj:pylearn2.space.Conv2DSpace {{ shape: [28, 28], num_channels: 1 }},
        layers: [ !obj:pylearn2.models.mlp.ConvRectifiedLinear {{
            layer_name: 'h2', output_channels: 64, irange: .05, kernel_shape: [5, 5],
            pool_shape: [4, 4], pool_stride: [2, 2], max_kernel_norm: 1.9365 }}, {SOFTMAX} ] }},
    algorithm: !obj:pylearn2.training_algorithms.sgd.SGD {{
        batch_size: 100, learning_rate: .01,
        learning_rule: !obj:pylearn2.training_algorithms.learning_rule.Momentum {{
            init_momentum: .5 }} }} }}
"""
MAXOUT = f"""
!obj:pylearn2.train.Train {{
    dataset: &train {IMAGES},
    model: !obj:pylearn2.models.mlp.MLP {{ batch_size: 128, layers: [
        !obj:pylearn2.models.maxout.MaxoutConvC01B {{
            layer_name: 'h0', pad: 4, tied_b: 1, W_lr_scale: .05, b_lr_scale: .05, num_channels: 4,
            num_pieces: 2, kernel_shape: [8, 8], pool_shape: [4, 4], pool_stride: [2, 2],
            irange: .005, max_kernel_norm: .9, partial_sum: 33 }},
        !obj:pylearn2.models.maxout.Maxout {{ layer_name: 'h3', irange: .005, num_units: 5,
            num_pieces: 5, max_col_norm: 1.9 }}, {SOFTMAX} ],
        input_space: !obj:pylearn2.space.Conv2DSpace {{
            shape: &window_shape [28, 28], num_channels: 1, axes: ['c', 0, 1, 'b'] }} }},
    algorithm: !obj:pylearn2.training_algorithms.sgd.SGD {{
        learning_rate: .17, train_iteration_mode: 'even_shuffled_sequential',
        monitor_iteration_mode: 'even_sequential', monitoring_dataset: {{ 'valid': *train }},
        cost: {DROPOUT}, termination_criterion: {NOT_BETTER},
        update_callbacks: !obj:pylearn2.training_algorithms.sgd.ExponentialDecay {{
            decay_factor: 1.000004, min_lr: .000001 }} }},
    extensions: [ {BEST}, !obj:pylearn2.training_algorithms.sgd.LinearDecayOverEpoch {{
        start: 1, saturate: 500, decay_factor: .01 }},
        !obj:pylearn2.train_extensions.window_flip.WindowAndFlip {{
            pad_randomized: 8, window_shape: *window_shape, randomize: [ *train ] }} ] }}
"""
CONTINUED = f"""
!obj:pylearn2.train.Train {{
    dataset: {SET},
    model: !obj:pylearn2.monitor.push_monitor {{
        model: !pkl: "mnist_pi_best.pkl", name: "monitor_stage_0" }},
    algorithm: !obj:pylearn2.training_algorithms.sgd.SGD {{
        batch_size: 100, learning_rate: 0.06, init_momentum: 0.69, cost: {DROPOUT},
        termination_criterion: !obj:pylearn2.termination_criteria.MatchChannel {{
            channel_name: "valid_objective", prev_channel_name: "train_objective",
            prev_monitor_name: "monitor_stage_0" }} }} }}
"""
WITHIN_REACH = dict(
    softmax_regression=SOFTMAX_REGRESSION,
    perceptron=PERCEPTRON,
    nested=NESTED,
    convolutions=CONVOLUTIONS,
    maxout=MAXOUT,
    continued=CONTINUED,
)


@pytest.mark.parametrize("name", WITHIN_REACH)
def test_parses(name):
    environ = {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"}
    tree = load(WITHIN_REACH[name], environ, instantiate=False)
    assert {"dataset", "model", "algorithm"} <= set(tree.keywords)


@pytest.mark.parametrize("name", ["softmax_regression", "perceptron", "nested"])
def test_trains(name, tmp_path, fast_compile):
    """An epoch on noise instead of MNIST."""
    rng = np.random.RandomState(0)
    noise = DenseDesignMatrix(
        X=rng.uniform(size=(20, 784)), y=rng.randint(10, size=(20, 1)), y_labels=10
    )
    serial.save(tmp_path / "noise.pkl", noise)
    text = WITHIN_REACH[name].replace(SET, f'!pkl: "{tmp_path}/noise.pkl"')
    text = text.replace("'train': *train", "'train': *train, 'valid': *train")
    text = text.replace("10000", "20").replace("softmax_regression.pkl", str(tmp_path / "s.pkl"))
    train = load(text, {"PYLEARN2_TRAIN_FILE_FULL_STEM": str(tmp_path / "x")})
    train.main_loop(max_epochs=1)
    objective = train.model.monitor.channels["valid_objective"].val_record
    assert np.isfinite(objective).all() and objective[1] < objective[0]
