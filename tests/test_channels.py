"""docs/CHANNELS.md lists the channels that trainings have, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from adversarial import AdversaryPair, Generator, backend
from adversarial.costs.adversary import AdversaryCost2
from adversarial.costs.cost import SumOfCosts
from adversarial.costs.default import Default, WeightDecay
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.deconv import Deconv
from adversarial.models.maxout import Maxout
from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.mlp import (
    MLP,
    ConvElemwise,
    Linear,
    RectifiedLinear,
    Sigmoid,
    Softmax,
    SpaceConverter,
)
from adversarial.models.mlp.conv_nonlinearity import (
    IdentityConvNonlinearity,
    SigmoidConvNonlinearity,
)
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.train import Train
from adversarial.train_extensions import ChannelSmoother, SharedSetter
from adversarial.train_extensions.metrics import Metrics
from adversarial.training_algorithms.bgd import BGD
from adversarial.training_algorithms.learning_rule import Momentum, RMSProp
from adversarial.training_algorithms.sgd import SGD
from sandbox.classifier import Classifier
from sandbox.helvetica import CollapseChannels
from sandbox.saturation import GradientNorms

PAGE = (Path(__file__).parents[1] / "docs" / "CHANNELS.md").read_text(encoding="utf-8")
# What stands for a part of a name; of the last four, the names in the trainings below.
PARTS = {
    "SET": "valid",
    "NET_": "(?:gen_|dis_on_data_|dis_on_samp_|inf_|)",
    "LAYER": "(?:h0|h1|y)",
    "R": "(?:max|mean|min|range)",
    "S": "(?:min|mean|max)",
    "N": r"\d+(?:_\w+)?",
    "PARAM": r"(?:h0|y)_[Wb]",
    "METRIC": "nearest_distance",
    "CHANNEL_TO_PUBLISH": "smooth",
    "VARIABLE": "flag",
}


def patterns():
    """The regular expression of each pattern in the first column of the page's tables."""
    found = {}
    for cell in re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            if name in ("gen_", "dis_on_data_", "dis_on_samp_", "inf_"):
                continue
            words = re.split(rf"(NET_|(?<![A-Za-z])(?:{'|'.join(PARTS)})(?![A-Za-z]))", name)
            found[name] = "".join(PARTS.get(word, re.escape(word)) for word in words)
    return found


def data(labels=None):
    rng = np.random.RandomState(0)
    return DenseDesignMatrix(
        X=rng.uniform(size=(12, 4)),
        y=rng.randint(2, size=(12, 1)) if labels else None,
        y_labels=labels,
    )


def names(model, dataset, cost=None, extensions=(), **options):
    """The channels of a training of one epoch."""
    if options.pop("bgd", False):
        algorithm = BGD(cost=cost, batch_size=6, monitoring_dataset={"valid": dataset})
    else:
        monitored = {"valid": dataset}
        algorithm = SGD(0.1, cost, batch_size=6, monitoring_dataset=monitored, **options)
    Train(dataset, model, algorithm, extensions=list(extensions)).main_loop(max_epochs=1)
    return set(model.monitor.channels)


def pair():
    generator = MLP(
        [
            RectifiedLinear(dim=3, layer_name="h0", irange=1.0),
            Linear(dim=4, layer_name="y", irange=1.0),
        ],
        nvis=2,
    )
    layers = [Maxout("h0", 3, 2, irange=1.0), Maxout("h1", 3, 1, irange=1.0)]
    discriminator = MLP([*layers, Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=4)
    inferer = MLP([Linear(2, "y", irange=1.0)], nvis=4)
    return AdversaryPair(Generator(generator, monitor_ll=True), discriminator, inferer)


def of_a_game():
    classes = MLP([Softmax(3, "y", irange=1.0)], nvis=4)
    watch = [
        ChannelSmoother("valid_objective_d", "smooth"),
        SharedSetter([(1, backend.shared(0.0, "flag"), 1.0)]),
        Metrics(["nearest_distance"], test=data(), num_samples=4),
        CollapseChannels(Classifier(classes), num_samples=4),
        GradientNorms(num_samples=4),
    ]
    return names(pair(), data(), AdversaryCost2(scale_grads=0), watch, learning_rule=Momentum())


def of_networks_alone():
    classes = MLP(
        [RectifiedLinear(dim=3, layer_name="h0", irange=1.0), Softmax(2, "y", irange=1.0)], nvis=4
    )
    decay = SumOfCosts([Default(), WeightDecay([0.1, 0.1])])
    found = names(classes, data(2), decay, learning_rule=RMSProp())
    bits = MLP([Sigmoid(dim=2, layer_name="y", irange=1.0)], nvis=4)
    targets = data()
    targets = DenseDesignMatrix(X=targets.X, y=np.eye(2)[[0, 1] * 6])
    return found | names(bits, targets, Default(), bgd=True)


def of_images():
    """Names only, as the monitor has them: nothing is compiled."""
    space = Conv2DSpace((4, 4), num_channels=1, axes=("b", 0, 1, "c"))
    found = set()
    for layer in (
        ConvElemwise(2, (3, 3), "y", IdentityConvNonlinearity(), irange=1.0),
        ConvElemwise(2, (3, 3), "y", SigmoidConvNonlinearity("detection"), irange=1.0),
        MaxoutConvC01B(2, 2, (3, 3), (1, 1), (1, 1), "h0", irange=1.0),
    ):
        model = MLP([layer], input_space=space)
        batches = model.get_input_space().make_theano_batch(), None
        if layer.layer_name == "y":
            batches = batches[0], model.get_output_space().make_theano_batch()
        found |= {f"valid_{name}" for name in model.get_monitoring_channels(batches)}
    image = Conv2DSpace((2, 2), num_channels=16, axes=("c", 0, 1, "b"))
    top = Deconv(1, (3, 3), "y", irange=1.0, output_stride=(1, 1))
    model = MLP([SpaceConverter("h0", image), top], input_space=VectorSpace(64))
    batch = model.get_input_space().make_theano_batch()
    return found | {f"valid_{name}" for name in model.get_monitoring_channels(batch)}


@pytest.mark.usefixtures("fast_compile")
def test_the_page_lists_the_channels_that_there_are():
    made = of_a_game() | of_networks_alone() | of_images()
    listed = patterns()
    assert len(listed) > 40
    unknown = [name for name in made if not any(re.fullmatch(p, name) for p in listed.values())]
    assert not unknown, "channels that docs/CHANNELS.md does not list"
    unused = [n for n, p in listed.items() if not any(re.fullmatch(p, name) for name in made)]
    assert not unused, "docs/CHANNELS.md lists what no training has"
