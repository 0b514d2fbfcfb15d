"""Score the mean of the parameters of several model files, on validation examples.

python -m sandbox.table1.mean mnist_5.pkl mnist_10.pkl mnist_15.pkl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from adversarial import modelfile
from adversarial.datasets.mnist import MNIST
from adversarial.evaluation.parzen import ParzenScore
from adversarial.evaluation.sampling import generator_of
from adversarial.scripts import cli
from sandbox.scoring import Scorer
from sandbox.table1 import CHOOSERS, SAMPLES, SCORED


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Score the mean of the parameters of several models of MNIST.")
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) saved during one training")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    score = score_of_mean(args.models, args.allow_module)
    print(
        f"mean of {len(args.models)} models: {score.mean:.1f} +- {score.standard_error:.1f} nats "
        f"on validation examples (sigma {score.sigma:.4f})"
    )


def score_of_mean(paths: Sequence[str], allow_modules: Sequence[str] = ()) -> ParzenScore:
    """The score of the mean of the generators' parameters.

    Raises
    ------
    ValueError
        If the generators differ in size.
    """
    sums: list[np.ndarray] = []
    for path in paths:
        model = modelfile.load(path, allow_modules=allow_modules)
        with cli.blaming(path):
            params = list(generator_of(model).get_params())
        values = [param.get_value(borrow=True).astype(np.float64) for param in params]
        sums = sums or [np.zeros_like(value) for value in values]
        if [v.shape for v in values] != [s.shape for s in sums]:
            raise ValueError(f"{path} holds a generator of other sizes than {paths[0]}")
        sums = [s + v for s, v in zip(sums, values)]
    for param, total in zip(params, sums):
        param.set_value((total / len(paths)).astype(param.dtype))
    valid = MNIST(which_set="train", start=50000, stop=60000).X
    return Scorer(model, valid, SAMPLES, CHOOSERS, SCORED)()


if __name__ == "__main__":
    sys.exit(cli.run(main))
