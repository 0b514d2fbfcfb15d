"""Commands of the documentation on small data: Python imports this file first, by its name.

`tests/test_guide.py` puts this folder on PYTHONPATH of the commands that it runs. Data sets then
have a hundredth of their examples, the networks of the paper a fiftieth of their hidden units, an
epoch two small minibatches, and a training at most two epochs more than before it was resumed.
Nothing needs a C compiler.
"""

import functools
import importlib.abc
import importlib.util
import sys

MOST_EPOCHS = 2


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
    module.check_range = lambda start, stop, size: slice((start or 0) // 100, (stop or size) // 100)


def small_networks(module):
    """A fiftieth of the hidden units of MNIST's generator, and of the discriminator's."""
    positive_size = module.positive_size

    def smaller(where, name, value):
        return positive_size(where, name, {1200: 24, 500: 10, 240: 5}.get(value, value))

    module.positive_size = smaller


def short_epochs(module):
    """Two minibatches of ten examples an epoch, and one of the monitored data."""
    setup = module.SGD.setup

    @functools.wraps(setup)
    def short(self, *args, **kwargs):
        self.batch_size = self.monitoring_batch_size = 10
        self.batches_per_iter, self.monitoring_batches = 2, 1
        return setup(self, *args, **kwargs)

    module.SGD.setup = short


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


CHANGES = {
    "adversarial.datasets.mnist": small_mnist,
    "adversarial.models.mlp.sizes": small_networks,
    "adversarial.training_algorithms.sgd": short_epochs,
    "adversarial.train": few_epochs,
    "adversarial.backend.engines.c": no_compiler,
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
