"""Metrics of damaged digits: what each metric notices, and what it is blind to.

python benchmarks/metric_damage.py
python benchmarks/metric_damage.py -n 1000 --markdown

Held-out training digits play the samples, undamaged and damaged in five ways. The table goes into
docs/EVALUATION.md; `tests/evaluation/metrics/test_damage.py` asserts its directions.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from adversarial.datasets.mnist import MNIST
from adversarial.evaluation.features import Features, digit_features
from adversarial.evaluation.metric import Inputs, all_metrics
from adversarial.evaluation.parzen_protocol import Split


class Digits:
    """Digits in [0, 1]: `number` each of samples, training and test examples, all different.

    `number` is at most 6,000, so that enough digits are left where classes are dropped. Samples
    are of the training digits from 50,000 on, which no model of this package has seen.
    """

    def __init__(self, number: int) -> None:
        # At random, since the first half of the test set is easier than the second.
        rng = np.random.RandomState(0)
        held_out = MNIST("train", start=50000, stop=60000)
        order = rng.permutation(len(held_out.X))
        self.held_out, self.number = held_out.X[order], number
        self.labels = np.asarray(held_out.y).ravel()[order]
        self.samples = self.held_out[:number]
        training, test = MNIST("train", start=0, stop=50000).X, MNIST("test").X
        self.training = training[rng.permutation(len(training))[:number]]
        self.test = test[rng.permutation(len(test))[:number]]


def dropped(digits: Digits) -> np.ndarray:
    """Without the classes 0, 1 and 2: other digits in their place."""
    return digits.held_out[digits.labels > 2][: digits.number]


def blurred(digits: Digits) -> np.ndarray:
    """A Gaussian filter of deviation 1 pixel."""
    images = digits.samples.reshape(-1, 28, 28)
    return gaussian_filter(images, (0, 1, 1)).reshape(len(images), -1)


def noisy(digits: Digits) -> np.ndarray:
    """Normal noise of deviation 0.2, cut to [0, 1]."""
    rng = np.random.RandomState(0)
    noise = 0.2 * rng.randn(*digits.samples.shape)
    return np.clip(digits.samples + noise, 0, 1).astype(digits.samples.dtype)


def memorised(digits: Digits) -> np.ndarray:
    """The training digits themselves."""
    return digits.training


def shrunk(digits: Digits) -> np.ndarray:
    """Reduced variance: a quarter of the way to the mean digit."""
    return 0.75 * digits.samples + 0.25 * digits.samples.mean(axis=0)


DAMAGES: dict[str, Callable[[Digits], np.ndarray]] = {
    function.__name__: function for function in (dropped, blurred, noisy, memorised, shrunk)
}


def inputs_of(
    digits: Digits, features: Features, samples: np.ndarray
) -> dict[str, Callable[[], Any]]:
    """The inputs of metrics, as `Inputs` takes them; there is no model."""
    valid = max(1, min(1000, len(digits.test) // 2))
    return {
        "samples": lambda: samples,
        "training": lambda: digits.training,
        "test": lambda: digits.test,
        "splits": lambda: [Split(digits.test[:valid], digits.test[valid:])],
        "features": lambda: features,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Metrics of damaged digits.")
    parser.add_argument(
        "-n", type=int, default=5000, help="samples, and examples of each kind; at most 6000 (5000)"
    )
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    args = parser.parse_args()
    digits, features = Digits(args.n), digit_features()
    columns = {"none": lambda digits: digits.samples, **DAMAGES}
    metrics = all_metrics().items()
    names = [name for name, each in metrics if each.by_default and "model" not in each.needs]
    table: dict[str, list[str]] = {name: [] for name in names}
    for column, damage in columns.items():
        began = time.monotonic()
        inputs = Inputs(**inputs_of(digits, features, damage(digits)))
        for name in names:
            found = all_metrics()[name].compute(inputs)
            table[name].append(f"{found.value:.4g} +- {found.uncertainty:.2g}")
        print(f"{column}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if args.markdown:
        print(f"| metric | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for name, cells in table.items():
            print(f"| `{name}` | {' | '.join(cells)} |")
        return
    width = max(map(len, names))
    print(" " * width + "".join(f"  {column:>18}" for column in columns))
    for name, cells in table.items():
        print(f"{name:<{width}}" + "".join(f"  {cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
