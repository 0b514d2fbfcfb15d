"""Accuracy and spread of samples by class, and log-likelihoods by class.

    python -m sandbox.conditional.measure MODEL.pkl [...] --classifier CLASSIFIER.pkl \\
        --baseline PLAIN.pkl [...]

Figures of several models (trained with different seeds) are averaged.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.datasets.mnist import MNIST
from adversarial.evaluation.parzen import ParzenEstimator
from adversarial.evaluation.parzen_protocol import Split, choose_and_score
from adversarial.evaluation.sampling import draw_samples, generator_of
from adversarial.scripts import cli
from adversarial.utils.statistics import mean_and_error, to_json
from sandbox.classifier import Classifier
from sandbox.conditional.sampling import load_generator, samples_by_class
from sandbox.data import labels_of
from sandbox.scoring import SIGMAS


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Measures conditional models of MNIST. Printed for each class: the share of "
        "samples that a classifier assigns to the requested class; the root mean square distance "
        "of samples from their mean, relative to that of test digits; and the Parzen "
        "log-likelihood of test digits, in nats, under samples of that class and under all samples "
        "of the models without classes (--baseline). Figures of several models are averaged, with "
        "standard errors.",
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) of conditional models")
    add("--classifier", required=True, metavar="MODEL", help="model file of the classifier")
    add(
        "--baseline",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="model files of models without classes",
    )
    add(
        "--samples",
        type=cli.positive_int,
        default=1000,
        help="samples of each class; models without classes make as many in total (1000)",
    )
    add("--seed", type=cli.seed, default=0, help="for the samples (0)")
    add(
        "--no-parzen",
        action="store_true",
        help="leave out the log-likelihoods, which take minutes, and the spread",
    )
    add("--json", action="store_true", help="print the result as JSON")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if args.no_parzen and args.baseline:
        parser.error("--no-parzen leaves nothing to measure on --baseline")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    classifier = Classifier.load(args.classifier, args.allow_module)
    generators = [load_generator(path, args.allow_module) for path in args.models]
    plain = [
        generator_of(modelfile.load(path, allow_modules=args.allow_module))
        for path in args.baseline
    ]
    splits = [] if args.no_parzen else splits_by_class()
    shares, spreads, likelihoods, baseline = [], [], [], []
    for path, generator in zip(args.models, generators):
        with cli.blaming(path):
            samples = samples_by_class(generator, args.samples, args.seed)
        shares.append(shares_right(classifier, samples))
        if splits:
            if len(samples) != len(splits):
                raise ValueError(f"{path} has {len(samples)} classes, but MNIST has {len(splits)}")
            spreads.append(
                [spread(mine) / spread(split.scored) for mine, split in zip(samples, splits)]
            )
            estimators = [ParzenEstimator(of_class) for of_class in samples]
            likelihoods.append(scores(estimators, splits))
    for path, unconditional in zip(args.baseline, plain):
        with cli.blaming(path):
            samples = draw_samples(unconditional, args.samples * len(splits), args.seed)
        baseline.append(scores([ParzenEstimator(samples)] * len(splits), splits))
    result = {
        "models": args.models,
        "baseline": args.baseline,
        "samples_of_each": args.samples,
        "seed": args.seed,
        "share": summary(shares),
        "spread": summary(spreads),
        "parzen": summary(likelihoods),
        "parzen_baseline": summary(baseline),
    }
    if args.json:
        print(to_json(result))
    else:
        show(result)


def shares_right(classifier: Classifier, samples: np.ndarray) -> list[float]:
    """Of `samples`, (classes, n, dimension), the share of each class that is classified as it."""
    return [float((classifier.classes(rows) == c).mean()) for c, rows in enumerate(samples)]


def spread(rows: np.ndarray) -> float:
    """Root mean square distance of `rows` from their mean."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).sum()))


def splits_by_class() -> list[Split]:
    """For each class, its validation examples, which choose sigma, and its test examples."""
    valid, test = MNIST(which_set="train", start=50000, stop=60000), MNIST(which_set="test")
    known, classes = labels_of(valid), labels_of(test)
    return [Split(valid.X[known == c], test.X[classes == c]) for c in range(int(classes.max()) + 1)]


def scores(estimators: Sequence[ParzenEstimator], splits: Sequence[Split]) -> list[float]:
    """Mean log-likelihood, in nats, of the test digits of each class, each with its own sigma."""
    return [
        choose_and_score(estimator, split, SIGMAS).score.mean
        for estimator, split in zip(estimators, splits)
    ]


def summary(figures: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """Means and standard errors over models of `figures`, (models, classes), by class and in total.

    The total gives all classes the same weight.
    """
    if not figures:
        return None
    by_model = np.asarray(figures)
    totals = by_model.mean(axis=1)
    return {
        "all": mean_and_error(totals),
        "by_class": [mean_and_error(of_class) for of_class in by_model.T],
        "by_model": totals.tolist(),
    }


def show(result: dict[str, Any]) -> None:
    columns = [
        (title, scale, result[key])
        for title, key, scale in (
            ("% right", "share", 100),
            ("% spread", "spread", 100),
            ("Parzen, nats", "parzen", 1),
            ("without class", "parzen_baseline", 1),
        )
        if result[key] is not None
    ]
    print(
        f"{len(result['models'])} models, {result['samples_of_each']} samples of each class, "
        f"seed {result['seed']}"
    )
    print("class" + "".join(f"{title:>18}" for title, _, _ in columns))
    rows = [*range(len(columns[0][2]["by_class"])), "all"]
    for row in rows:
        cells = [
            found["all"] if row == "all" else found["by_class"][row] for _, _, found in columns
        ]
        print(
            f"{row:>5}"
            + "".join(
                f"{scale * mean:>10.1f} {'' if math.isnan(error) else f'+- {scale * error:.1f}':7}"
                for (mean, error), (_, scale, _) in zip(cells, columns)
            ).rstrip()
        )


if __name__ == "__main__":
    sys.exit(cli.run(main))
