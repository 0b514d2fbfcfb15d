from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.backend import shared
from adversarial.train_extensions.momentum import MomentumAdjustor
from adversarial.utils import serial


def a_training(init_momentum=0.5, epochs_seen=0):
    monitor = SimpleNamespace(epochs=epochs_seen)
    monitor.get_epochs_seen = lambda: monitor.epochs
    rule = SimpleNamespace(momentum=shared(init_momentum, name="momentum"))
    return SimpleNamespace(monitor=monitor), SimpleNamespace(learning_rule=rule)


def monitored(extension, model, algorithm, epochs):
    """Momentum as monitored before training and after each epoch."""
    values = []
    extension.setup(model, None, algorithm)
    for epoch in range(epochs + 1):
        if epoch:
            model.monitor.epochs += 1
        values.append(float(algorithm.learning_rule.momentum.get_value()))
        extension.on_monitor(model, None, algorithm)
    return values


def test_reproduces_the_reference_run():
    # The column `momentum` that the original recorded for mnist.yaml.
    reference = {
        0: 0.49999967,
        1: 0.49999967,
        2: 0.5008036,
        3: 0.50160605,
        28: 0.52168685,
        98: 0.5779113,
        150: 0.6196792,
    }
    values = monitored(MomentumAdjustor(0.7, start=1, saturate=250), *a_training(), 260)
    for epoch, momentum in reference.items():
        np.testing.assert_allclose(values[epoch], momentum, rtol=2e-6)
    np.testing.assert_allclose(values[250:], 0.7, rtol=1e-6)
    assert values[249] < 0.6999


def test_jumps_where_start_is_saturate():
    values = monitored(MomentumAdjustor(0.9, start=3, saturate=3), *a_training(), 5)
    np.testing.assert_allclose(values, [0.5, 0.5, 0.5, 0.9, 0.9, 0.9], rtol=1e-6)


def test_a_model_that_was_trained_before_enters_the_schedule_where_it_is():
    extension = MomentumAdjustor(0.9, start=0, saturate=10)
    values = monitored(extension, *a_training(epochs_seen=4), 3)
    np.testing.assert_allclose(values, [0.66, 0.7, 0.74, 0.78], rtol=1e-6)


@pytest.mark.parametrize("monitor_again", [False, True])
def test_restored_schedule_goes_on(tmp_path, monitor_again):
    model, algorithm = a_training()
    extension = MomentumAdjustor(0.9, start=0, saturate=10)
    monitored(extension, model, algorithm, 3)
    running = algorithm.learning_rule.momentum.get_value()
    serial.save(str(tmp_path / "extension.pkl"), extension)
    restored = serial.load(str(tmp_path / "extension.pkl"))
    restored.setup(model, None, algorithm)
    if monitor_again:
        restored.on_monitor(model, None, algorithm)
    assert algorithm.learning_rule.momentum.get_value() == running
    model.monitor.epochs += 1
    restored.on_monitor(model, None, algorithm)
    np.testing.assert_allclose(algorithm.learning_rule.momentum.get_value(), 0.7, rtol=1e-6)


def test_mistakes():
    with pytest.raises(TypeError, match=r"saturate \(epoch 2\) before it starts \(epoch 5\)"):
        MomentumAdjustor(0.7, start=5, saturate=2)
    for momentum in (7, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=f"at least 0 and less than 1, not {momentum}"):
            MomentumAdjustor(momentum, start=1, saturate=250)
    model, _ = a_training()
    extension = MomentumAdjustor(0.7, 1, 250)
    with pytest.raises(ValueError, match="not none at all"):
        extension.setup(model, None, SimpleNamespace(learning_rule=None))
    with pytest.raises(ValueError, match="not dict"):
        extension.setup(model, None, SimpleNamespace(learning_rule={}))
