"""Table of names that have moved since 2014, and of names that this package leaves out.

`pylearn2.X.Y` and `adversarial.X.Y` are the same name. A module, class or function that has moved
has a row in MOVED; if several rows match a name, the longest one is used. YAML files
(`config.admission`), model files (`modelfile.classes`) and Python imports (`compat`) use this
table, so a class that moves needs one new row.
"""

from __future__ import annotations

PREFIXES = {"pylearn2": "adversarial"}

MOVED = {
    "adversarial.deconv": "adversarial.models.deconv",
    "adversarial.sgd": "adversarial.training_algorithms.k_steps",
    "adversarial.sgd_alt": "adversarial.training_algorithms.sgd_alt",
    "adversarial.costs.adversary.InpaintingAdversaryCost": (
        "adversarial.costs.adversary_variants.InpaintingAdversaryCost"
    ),
    "adversarial.costs.adversary.LazyAdversaryCost": (
        "adversarial.costs.adversary_variants.LazyAdversaryCost"
    ),
    "adversarial.costs.adversary.ThresholdedAdversaryCost": (
        "adversarial.costs.adversary_variants.ThresholdedAdversaryCost"
    ),
    "adversarial.costs.mlp": "adversarial.costs.default",
    "adversarial.costs.mlp.dropout": "adversarial.costs.dropout",
    "adversarial.datasets.dense_design_matrix.DenseDesignMatrixPyTables": (
        "adversarial.datasets.pytables.DenseDesignMatrixPyTables"
    ),
    "adversarial.datasets.dense_design_matrix.ensure_tables": (
        "adversarial.datasets.pytables.ensure_tables"
    ),
    "adversarial.monitor.Monitor": "adversarial.monitor.monitor.Monitor",
    "adversarial.monitor.MonitorChannel": "adversarial.monitor.channel.MonitorChannel",
    "adversarial.gui.patch_viewer": "adversarial.viewer.patch_viewer",
    "adversarial.models.dbm.init_sigmoid_bias_from_marginals": (
        "adversarial.models.initialization.init_sigmoid_bias_from_marginals"
    ),
    "adversarial.models.maxout.MaxoutConvC01B": "adversarial.models.maxout_conv.MaxoutConvC01B",
    "adversarial.models.maxout.MaxoutLocalC01B": "adversarial.models.maxout_local.MaxoutLocalC01B",
    "adversarial.utils.data_specs": "adversarial.space.data_specs",
    "adversarial.models.mlp.WeightDecay": "adversarial.costs.default.WeightDecay",
    "adversarial.models.mlp.L1WeightDecay": "adversarial.costs.default.L1WeightDecay",
    "adversarial.models.Model": "adversarial.models.model.Model",
    "adversarial.train_extensions.window_flip.WindowAndFlipC01B": (
        "adversarial.train_extensions.window_flip.WindowAndFlip"
    ),
    "adversarial.training_algorithms.learning_rule.MomentumAdjustor": (
        "adversarial.train_extensions.momentum.MomentumAdjustor"
    ),
}

# What Pylearn2 has and this package leaves out, by module, in words for the error message. A module
# stands for everything in it.
LEFT_OUT = {
    "adversarial.models.autoencoder": "autoencoders",
    "adversarial.costs.autoencoder": "autoencoders",
    "adversarial.costs.gated_autoencoder": "autoencoders",
    "adversarial.models.gated_autoencoder": "autoencoders",
    "adversarial.corruption": "autoencoders",
    "adversarial.datasets.transformer_dataset": "layer-wise pretraining",
    "adversarial.models.rbm": "Boltzmann machines",
    "adversarial.models.dbm": "Boltzmann machines",
    "adversarial.models.gsn": "generative stochastic networks",
    "adversarial.models.vae": "variational autoencoders",
    "adversarial.models.mlp.LinearGaussian": "LinearGaussian (Linear has the squared error)",
    "adversarial.models.mlp.mean_of_targets": "initial biases from targets (give numbers)",
    "adversarial.models.mlp.beta_from_targets": "LinearGaussian (Linear has the squared error)",
    "adversarial.costs.dbm": "Boltzmann machines",
    "adversarial.costs.ebm_estimation": "Boltzmann machines",
    "adversarial.energy_functions": "Boltzmann machines",
    "adversarial.distributions": "Boltzmann machines",
    "adversarial.models.kmeans": "k-means",
    "adversarial.models.s3c": "spike-and-slab sparse coding",
    "adversarial.models.svm": "support vector machines",
    "adversarial.linear": "transformers of their own, which layers here have built in",
    "adversarial.optimization": "optimisers of their own; BGD has its line search built in",
    "adversarial.sandbox": "Pylearn2's sandbox",
    "adversarial.scripts": "Pylearn2's scripts as modules",
    "adversarial.cross_validation": "cross-validations (split_dataset_nfolds of a data set splits)",
    "adversarial.gui.get_weights_report": "reports of weights (show_weights draws weights)",
    "adversarial.testing": "the helpers of Pylearn2's own tests",
    "adversarial.expr": "expressions (losses find the logit in the graph; NumPy has the others)",
    "adversarial.blocks": "layer-wise pretraining",
    "adversarial.base": "layer-wise pretraining",
    "adversarial.format": "formatters of targets (VectorSpace and IndexSpace convert them)",
    "adversarial.utils.one_hot": "formatters of targets (VectorSpace and IndexSpace convert them)",
    "adversarial.utils.image": "image helpers (PatchViewer draws)",
    "adversarial.utils.exc": "exceptions of Pylearn2's own (here they are Python's)",
    "adversarial.datasets.exc": "exceptions of Pylearn2's own (here they are Python's)",
    "adversarial.datasets.control": "switches that keep a data set from loading",
    "adversarial.datasets.binarizer": "Binarizer (round the design matrix)",
    "adversarial.datasets.sparse_dataset": "sparse data",
    "adversarial.training_algorithms.default": "models that train themselves",
    "adversarial.datasets.cifar100": "CIFAR-100",
    "adversarial.datasets.norb": "NORB",
    "adversarial.datasets.stl10": "STL-10",
    "adversarial.datasets.svhn": "SVHN",
    "adversarial.datasets.icml07": "the data sets of ICML 2007",
    "adversarial.datasets.hdf5": "HDF5Dataset (DenseDesignMatrixPyTables reads HDF5)",
    "adversarial.datasets.csv_dataset": "CSVDataset (CSVFile reads such files)",
    "adversarial.train_extensions.live_monitoring": "live monitoring (the table is renewed)",
    "adversarial.train_extensions.roc_auc": "the area under the ROC curve",
    "adversarial.train_extensions.plots": "plots while training (plot_monitor draws them)",
}


def left_out(path: str) -> str | None:
    """The text in LEFT_OUT for the dotted path `path`, a result of `current_path`; else None.

    Examples
    --------
    >>> left_out("adversarial.models.rbm.RBM")
    'Boltzmann machines'
    """
    parts = path.split(".")
    heads = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((LEFT_OUT[head] for head in heads if head in LEFT_OUT), None)


# In 2014 the three sgd modules also held schedules, extensions and a criterion.
_ONCE_IN_SGD = {
    "_PolyakWorker": "adversarial.train_extensions.polyak",
    "EpochCounter": "adversarial.termination_criteria",
    "MonitorBased": "adversarial.termination_criteria",
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
# The module of layers without weights that earlier versions of this package had.
_ONCE_IN_WEIGHTLESS = {
    "Clusterize": "noise.Clusterize",
    "HardSigmoid": "mlp.linear.HardSigmoid",
    "NoiseCat": "noise.NoiseCat",
    "RectifiedLinear": "mlp.activation.RectifierActivation",
    "Sigmoid": "mlp.activation.SigmoidActivation",
    "SubtractHalf": "centering.SubtractHalf",
    "SubtractRealMean": "centering.SubtractRealMean",
    "Sum": "mlp.composite.Sum",
}
for _name, _home in _ONCE_IN_WEIGHTLESS.items():
    MOVED[f"adversarial.models.weightless.{_name}"] = f"adversarial.models.{_home}"


def current_path(path: str) -> str:
    """The current dotted path of the name `path`; unchanged if it has not moved.

    Examples
    --------
    >>> current_path("pylearn2.models.maxout.MaxoutConvC01B")
    'adversarial.models.maxout_conv.MaxoutConvC01B'
    >>> current_path("pylearn2.models.maxout.Maxout")
    'adversarial.models.maxout.Maxout'
    """
    first, dot, rest = path.partition(".")
    path = PREFIXES.get(first, first) + dot + rest
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in MOVED:
            return ".".join([MOVED[head], *parts[length:]])
    return path
