"""How well samples show the class asked for, their spread, and log-likelihoods class by class.

    python -m sandbox.conditional.measure MODEL.pkl [...] --classifier CLASSIFIER.pkl \\
        --baseline PLAIN.pkl [...]

Several models are replicates: their figures are averaged.
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
from sandbox.classifier import Classifier
from sandbox.conditional.sampling import load_generator, samples_by_class
from sandbox.replicates import mean_and_error, to_json

SIGMAS = np.logspace(-1, 0, 10)  # as in Table 1's procedure


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Of a conditional model of MNIST: the share of samples that a classifier "
        "assigns to the class asked for; and the Parzen log-likelihood, in nats, of the test "
        "digits of each class under the samples of it, beside that under all samples of a model "
        "that is told no class; and how widely samples of a class are spread about their mean, as "
        "a share of what test digits are. Figures of several models are averaged, with the "
        "standard error.",
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) of conditional models")
    add("--classifier", required=True, metavar="MODEL", help="model file of the classifier")
    add("--baseline", nargs="+", default=[], metavar="MODEL", help="models that take no class")
    add(
        "--samples",
        type=cli.positive_int,
        default=1000,
        help="of each class; of --baseline, as many as these together (1000)",
    )
    add("--seed", type=cli.natural, default=0, help="for the samples (0)")
    add("--no-parzen", action="store_true", help="the shares only, which take seconds")
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
    shares, spreads, told, untold = [], [], [], []
    for path, generator in zip(args.models, generators):
        with cli.blaming(path):
            samples = samples_by_class(generator, args.samples, args.seed)
        shares.append(shares_right(classifier, samples))
        if splits:
            if len(samples) != len(splits):
                raise ValueError(f"{path} has {len(samples)} classes, but MNIST {len(splits)}")
            spreads.append(
                [spread(mine) / spread(split.scored) for mine, split in zip(samples, splits)]
            )
            estimators = [ParzenEstimator(of_class) for of_class in samples]
            told.append(scores(estimators, splits))
    for path, generator in zip(args.baseline, plain):
        with cli.blaming(path):
            samples = draw_samples(generator, args.samples * len(splits), args.seed)
        untold.append(scores([ParzenEstimator(samples)] * len(splits), splits))
    result = {
        "models": args.models,
        "baseline": args.baseline,
        "samples_of_each": args.samples,
        "seed": args.seed,
        "share": summary(shares),
        "spread": summary(spreads),
        "parzen": summary(told),
        "parzen_baseline": summary(untold),
    }
    if args.json:
        print(to_json(result))
    else:
        show(result)


def shares_right(classifier: Classifier, samples: np.ndarray) -> list[float]:
    """Of `samples`, (classes, n, dimension), the share of each class that is taken for it."""
    return [float((classifier.classes(rows) == c).mean()) for c, rows in enumerate(samples)]


def spread(rows: np.ndarray) -> float:
    """Root mean square distance of `rows` from their mean."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).sum()))


def splits_by_class() -> list[Split]:
    """Of each digit, its examples to choose sigma by (of 50,000 to 60,000) and in the test set."""
    valid, test = MNIST(which_set="train", start=50000, stop=60000), MNIST(which_set="test")
    return [
        Split(valid.X[valid.y[:, 0] == c], test.X[test.y[:, 0] == c]) for c in range(test.y_labels)
    ]


def scores(estimators: Sequence[ParzenEstimator], splits: Sequence[Split]) -> list[float]:
    """Mean log-likelihood in nats of each class's test digits, each with a sigma of its own."""
    return [
        choose_and_score(estimator, split, SIGMAS).score.mean
        for estimator, split in zip(estimators, splits)
    ]


def summary(figures: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """Of the figures (classes) of each model: means over models with standard errors, in all and
    by class, where "all" weighs classes alike."""
    if not figures:
        return None
    by_model = np.asarray(figures)
    alike = by_model.mean(axis=1)
    return {
        "all": mean_and_error(alike),
        "by_class": [mean_and_error(of_class) for of_class in by_model.T],
        "by_model": alike.tolist(),
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
