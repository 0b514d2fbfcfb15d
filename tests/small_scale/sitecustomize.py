"""Commands of the documentation on small data: Python imports this file first, by its name.

`tests/test_guide.py` puts this folder on PYTHONPATH of the commands that it runs. Data sets then
have a hundredth of their examples, the networks of the paper a fiftieth of their hidden units, an
epoch two small minibatches, and a training at most two epochs more than before it was resumed.
Nothing needs a C compiler, and what would take minutes without one is computed by NumPy.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys

MOST_EPOCHS = int(os.environ.get("MOST_EPOCHS", 2))


def small_mnist(module):
    """Random digits, a hundredth of MNIST, with the names of its parts."""

    def load_arrays(which_set):
        import numpy as np

        rng = np.random.RandomState(which_set == "test")
        n = {"train": 600, "test": 100}[which_set]
        pixels = rng.randint(256, size=(n, 28, 28)) * (rng.uniform(size=(n, 28, 28)) < 0.2)
        pixels[:2] = 0
        pixels[0, 0, 0] = 255
        return pixels.astype("u1"), np.arange(n) % 10

    module.load_arrays = load_arrays
    module.check_range = hundredth


def small_cifar10(module):
    """Random colours, a hundredth of CIFAR-10."""

    def load_arrays(which_set):
        import numpy as np

        rng = np.random.RandomState(which_set == "test")
        n = {"train": 500, "test": 100}[which_set]
        return rng.randint(256, size=(n, 3072)).astype("u1"), (np.arange(n) % 10).astype("u1")

    module.load_arrays = load_arrays
    module.check_range = hundredth


def hundredth(start, stop, size):
    return slice((start or 0) // 100, (stop or size) // 100)


def small_networks(module):
    """A fiftieth of the hidden units of the paper's networks."""
    positive_size = module.positive_size
    units = {8000: 160, 1600: 32, 1200: 24, 500: 10, 240: 5}

    def smaller(where, name, value):
        return positive_size(where, name, units.get(value, value))

    module.positive_size = smaller


def short_epochs(module):
    """Two minibatches of ten examples an epoch, and one of the monitored data."""
    init = module.SGD.__init__

    @functools.wraps(init)
    def short(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.batch_size = self.monitoring_batch_size = 10
        self.batches_per_iter, self.monitoring_batches = 2, 1

    module.SGD.__init__ = short


def few_epochs(module):
    main_loop = module.Train.main_loop

    @functools.wraps(main_loop)
    def short(self, time_budget=None, max_epochs=None, nan_policy="stop"):
        if self._resume_from is not None or not self._is_set_up():
            self.setup()
        most = self.model.monitor.get_epochs_seen() + MOST_EPOCHS
        return main_loop(self, time_budget, min(most, max_epochs or most), nan_policy)

    module.Train.main_loop = short


def no_compiler(module):
    module._check_machine = lambda: None


def short_chains(module):
    init = module.ChainModel.__init__

    @functools.wraps(init)
    def short(self, burn_in, thinning, seed=None):
        init(self, min(burn_in, 2), min(thinning, 2), seed)

    module.ChainModel.__init__ = short


def few_labels(module):
    init = module.FewLabels.__init__

    @functools.wraps(init)
    def fewer(self, count, *args, **kwargs):
        init(self, min(count, 100), *args, **kwargs)

    module.FewLabels.__init__ = fewer


def few_scored(module):
    init = module.Scorer.__init__

    @functools.wraps(init)
    def short(self, model, examples, samples, choosers, scored):
        init(self, model, examples, min(samples, 100), min(choosers, 20), scored)

    module.Scorer.__init__ = short


def fast_without_c(module):
    """By NumPy, what Aesara computes number by number in Python if it does not compile C."""
    import numpy as np

    in_numpy = {
        "Add": lambda *terms: functools.reduce(np.add, terms),
        "Mul": lambda *factors: functools.reduce(np.multiply, factors),
        "Cast": np.copy,  # the caller converts it
        "Softplus": lambda x: np.logaddexp(0, x),
    }
    prepare_node = module.Elemwise.prepare_node

    def prepare(self, node, *args, **kwargs):
        prepare_node(self, node, *args, **kwargs)
        function = in_numpy.get(type(self.scalar_op).__name__)
        for place in (self, node.tag) if function else ():
            if getattr(place, "ufunc", None) is not None:
                place.ufunc = OneResult(function)

    module.Elemwise.prepare_node = prepare


class OneResult:
    """A function, called like a ufunc."""

    nout = 1

    def __init__(self, function):
        self.function = function

    def __call__(self, *arrays):
        return self.function(*arrays)


CHANGES = {
    "adversarial.datasets.mnist": small_mnist,
    "adversarial.datasets.cifar10": small_cifar10,
    "adversarial.models.mlp.sizes": small_networks,
    "adversarial.training_algorithms.sgd": short_epochs,
    "adversarial.train": few_epochs,
    "adversarial.backend.engines.c": no_compiler,
    "aesara.tensor.elemwise": fast_without_c,
    "sandbox.scoring": few_scored,
    "sandbox.semi_supervised": few_labels,
    "sandbox.table1.rivals.chains": short_chains,
}


class Changer(importlib.abc.MetaPathFinder):
    """Changes the modules above when they have been imported."""

    def find_spec(self, name, path, target=None):
        if name not in CHANGES:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            CHANGES[name](module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Changer())
