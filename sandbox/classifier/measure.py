"""Accuracy of a classifier on the test digits.

python -m sandbox.classifier.measure sandbox/classifier/experiment.pkl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from adversarial.datasets.mnist import MNIST
from adversarial.scripts import cli
from adversarial.utils.statistics import to_json
from sandbox.classifier import Classifier
from sandbox.data import labels_of


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Accuracy of a classifier on MNIST's test digits.")
    add = parser.add_argument
    add("model", help="model file (.pkl) of a classifier")
    add("--json", action="store_true", help="print the result as JSON")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    classifier = Classifier.load(args.model, args.allow_module)
    test = MNIST(which_set="test")
    labels = labels_of(test)
    right = classifier.classes(test.X) == labels
    by_class = [float(right[labels == c].mean()) for c in range(classifier.n_classes)]
    if args.json:
        result = {
            "model": args.model,
            "accuracy": float(right.mean()),
            "by_class": by_class,
            "n": len(right),
        }
        print(to_json(result))
        return
    print(
        f"{args.model}: {right.mean():.2%} of {len(right):,} test digits right "
        f"({np.count_nonzero(~right)} wrong)"
    )
    print("by class: " + ", ".join(f"{c} {share:.1%}" for c, share in enumerate(by_class)))


if __name__ == "__main__":
    sys.exit(cli.run(main))
