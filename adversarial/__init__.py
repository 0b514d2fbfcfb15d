"""Generative adversarial networks, after Goodfellow et al. (2014).

The public names of the 2014 package, each found in the room where it now lives.
"""

from __future__ import annotations

import os
import sys

# `python -m adversarial.scripts.NAME` looks for modules in the current folder first, where a
# stranger's numpy.py or sandbox/ may lie: where this package is takes its place.
if sys.argv[:1] == ["-m"] and any(
    word.startswith(("adversarial", "sandbox"))
    for word in getattr(sys, "orig_argv", ["adversarial"])
):
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import importlib  # noqa: E402
from typing import Any  # noqa: E402

from adversarial.utils import errors  # noqa: E402

errors.watch_imports()

# Before all else: it configures Aesara, which must happen before anything imports it.
from adversarial import backend as backend  # noqa: E402

__version__ = "0.1.0"

_ROOMS = {
    "adversarial.models.adversary_pair": ("AdversaryPair", "recapitate_discriminator"),
    "adversarial.models.maxout": ("Maxout",),
    "adversarial.models.mlp": ("MLP",),
    "adversarial.models.generator": ("Generator", "IntrinsicDropoutGenerator", "add_layers"),
    "adversarial.models.initialization": ("init_sigmoid_bias_from_marginals", "marginals"),
    "adversarial.models.symbolic_parzen": ("aesara_parzen", "log_mean_exp", "theano_parzen"),
    "adversarial.models.centering": ("SubtractHalf", "SubtractRealMean"),
    "adversarial.models.mlp.activation": ("RectifierActivation", "SigmoidActivation"),
    "adversarial.models.mlp.composite": ("Sum",),
    "adversarial.models.mlp.linear": ("HardSigmoid",),
    "adversarial.models.noise": ("Clusterize", "NoiseCat"),
    "adversarial.costs.adversary": ("AdversaryCost", "AdversaryCost2"),
    "adversarial.costs.adversary_variants": (
        "InpaintingAdversaryCost",
        "LazyAdversaryCost",
        "ThresholdedAdversaryCost",
    ),
    "adversarial.training_algorithms.cycler": ("Cycler",),
    "adversarial.train_extensions.activate_generator": ("ActivateGenerator",),
    "adversarial.train_extensions.inline_samples": ("InlineSamples",),
    "adversarial.train_extensions.momentum": ("MomentumAdjustor",),
    "adversarial.train_extensions.progress": ("Progress",),
    "adversarial.train_extensions.report": ("EpochTable", "MonitorCSV"),
    "adversarial.train_extensions.samples": ("SampleGrid",),
    "adversarial.training_algorithms.learning_rule": ("Adam", "Momentum"),
    "adversarial.training_algorithms.schedules": ("ExponentialDecay",),
    "adversarial.training_algorithms.sgd": ("SGD",),
    "adversarial.termination_criteria": ("EpochCounter",),
    "adversarial.datasets.dense_design_matrix": ("DenseDesignMatrix",),
    "adversarial.datasets.cifar10": ("CIFAR10",),
    "adversarial.datasets.mnist": ("MNIST",),
    "adversarial.evaluation.metric": ("evaluate",),
    "adversarial.evaluation.sampling": ("draw_noise", "draw_samples", "samples_at"),
    "adversarial.evaluation.score": ("score",),
    "adversarial.modelfile": ("load", "save"),
    "adversarial.train": ("Train",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
# Names of 2014 for classes that have another name today: `mlp` has classes of these names, too.
_RENAMED = {"RectifiedLinear": "RectifierActivation", "Sigmoid": "SigmoidActivation"}

__all__ = sorted([*_ROOM_OF, *_RENAMED])


def __getattr__(name: str) -> Any:
    name = _RENAMED.get(name, name)
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'adversarial' has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
