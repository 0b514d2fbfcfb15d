"""Where the names of 2014 live now.

`pylearn2.X.Y` and `adversarial.X.Y` are the same name. What moved within the package has a row
below, for a whole module or for one name; of several rows that fit, the longest counts.
"""

from __future__ import annotations

PREFIXES = {"pylearn2": "adversarial"}

MOVED = {
    "adversarial.deconv": "adversarial.models.deconv",
    "adversarial.sgd": "adversarial.training_algorithms.k_steps",
    "adversarial.sgd_alt": "adversarial.training_algorithms.sgd_alt",
    "adversarial.costs.mlp": "adversarial.costs.default",
    "adversarial.costs.mlp.dropout": "adversarial.costs.dropout",
    "adversarial.datasets.dense_design_matrix.DenseDesignMatrixPyTables": (
        "adversarial.datasets.pytables.DenseDesignMatrixPyTables"
    ),
    "adversarial.datasets.dense_design_matrix.ensure_tables": (
        "adversarial.datasets.pytables.ensure_tables"
    ),
    "adversarial.gui.patch_viewer": "adversarial.viewer.patch_viewer",
    "adversarial.models.dbm.init_sigmoid_bias_from_marginals": (
        "adversarial.models.initialization.init_sigmoid_bias_from_marginals"
    ),
    "adversarial.models.maxout.MaxoutConvC01B": "adversarial.models.maxout_conv.MaxoutConvC01B",
    "adversarial.models.maxout.MaxoutLocalC01B": "adversarial.models.maxout_local.MaxoutLocalC01B",
    "adversarial.training_algorithms.learning_rule.MomentumAdjustor": (
        "adversarial.train_extensions.momentum.MomentumAdjustor"
    ),
}

# The three sgd modules of old held schedules, extensions and a criterion as well.
_ONCE_IN_SGD = {
    "_PolyakWorker": "adversarial.train_extensions.polyak",
    "AnnealedLearningRate": "adversarial.training_algorithms.schedules",
    "EpochMonitor": "adversarial.training_algorithms.epoch_monitor",
    "ExponentialDecay": "adversarial.training_algorithms.schedules",
    "LinearDecay": "adversarial.training_algorithms.schedules",
    "LinearDecayOverEpoch": "adversarial.train_extensions.learning_rate",
    "MomentumAdjustor": "adversarial.train_extensions.momentum",
    "MonitorBasedLRAdjuster": "adversarial.train_extensions.learning_rate",
    "OneOverEpoch": "adversarial.train_extensions.learning_rate",
    "PatienceBasedTermCrit": "adversarial.termination_criteria",
    "PolyakAveraging": "adversarial.train_extensions.polyak",
}
for _module in ("adversarial.sgd", "adversarial.sgd_alt", "adversarial.training_algorithms.sgd"):
    MOVED.update({f"{_module}.{name}": f"{home}.{name}" for name, home in _ONCE_IN_SGD.items()})


def current_path(path: str) -> str:
    """The dotted path under which `path` is found today; unchanged if it did not move."""
    first, dot, rest = path.partition(".")
    path = PREFIXES.get(first, first) + dot + rest
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in MOVED:
            return ".".join([MOVED[head], *parts[length:]])
    return path
