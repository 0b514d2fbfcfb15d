"""Score a trained generator by the log-likelihood of test data under its samples (Table 1).

python parzen_ll.py mnist.pkl                  # on the test set of its training data
python parzen_ll.py old.pkl --dataset mnist    # a model file that does not name its data
python parzen_ll.py model.pkl --dataset test.yaml
python parzen_ll.py mnist.pkl --sigma 0.2 --running  # until Ctrl-C

`evaluation.parzen_protocol` has the protocol, `evaluation.parzen` the estimator.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.parzen import (
    ParzenEstimator,
    ParzenScore,
    cross_validate_sigma,
    running_estimate,
)
from adversarial.evaluation.parzen_protocol import Outcome, Split, outcomes_of, total_of
from adversarial.evaluation.sampling import draw_samples, sampler_of
from adversarial.files import shipped
from adversarial.scripts import cli
from adversarial.scripts.inputs.evaluation_data import EvaluationData
from adversarial.signals import StopRequest
from adversarial.utils.statistics import to_json


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Log-likelihood of a data set under a Parzen window density on a model's "
        "samples, in nats (Table 1 of the paper). Sigma is chosen on validation examples.",
    )
    add = parser.add_argument
    add("model", nargs="?", help="model file (.pkl)")
    add("-p", "--path", metavar="MODEL", help="the same, as in 2014")
    add(
        "-d",
        "--dataset",
        metavar="DATA",
        help="data to score on, in place of the data set that the model was trained on: mnist, tfd "
        "(in [0, 1], unless the model was trained on them otherwise), or a YAML file: the test set "
        "of the data set in it, or that data set itself if it has no test set",
    )
    add(
        "-s",
        "--sigma",
        type=cli.positive_number,
        help="use this sigma (chosen on validation examples)",
    )
    add("-f", "--fold", type=int, choices=range(parzen_protocol.FOLDS), help="TFD: this fold only")
    add("-v", "--valid", action="store_true", help="score the validation set, not the test set")
    add("-n", "--num_samples", type=cli.positive_int, default=10000, help="samples to draw (10000)")
    add(
        "-l",
        "--limit_size",
        type=cli.positive_int,
        default=1000,
        help="validation examples to choose sigma by (1000)",
    )
    add(
        "-b",
        "--batch_size",
        type=cli.positive_int,
        help="samples drawn at a time (100; with --running, 1)",
    )
    add("-c", "--cross_val", type=cli.positive_int, default=10, help="how many sigmas to try (10)")
    add("--sigma_start", type=float, default=-1.0, help="log10 of the first sigma tried (-1)")
    add("--sigma_end", type=float, default=0.0, help="log10 of the last sigma tried (0)")
    add("--seed", type=cli.seed, default=0, help="for the samples (0)")
    add(
        "--running",
        action="store_true",
        help="as ll.py in 2014: draw one sample after the other until Ctrl-C, and after each print "
        "the score by all samples so far; sigma is --sigma, or chosen as usual with --num_samples "
        "other samples",
    )
    add("--json", action="store_true", help="print the result as JSON")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if (args.model is None) == (args.path is None):
        parser.error("give one model file, as MODEL or with -p")
    args.model = args.model or args.path
    args.batch_size = args.batch_size or (1 if args.running else 100)
    if args.dataset not in (None, *parzen_protocol.DATASETS) and not os.path.exists(
        shipped.source_of(args.dataset)
    ):
        parser.error(f"--dataset is mnist, tfd or a YAML file; there is no file {args.dataset}")
    if args.dataset == "mnist" and args.fold is not None:
        parser.error(f"MNIST has no folds, but --fold {args.fold} was given")
    if args.running and args.dataset == "tfd" and args.fold is None:
        parser.error("--running scores one fold: give --fold")
    if not all(-30 <= exponent <= 30 for exponent in (args.sigma_start, args.sigma_end)):
        parser.error("--sigma_start and --sigma_end are powers of ten, from -30 to 30")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    # Data before samples, which take time: missing data is reported at once.
    data = EvaluationData(model, args.model, args.dataset, args.allow_module)
    if args.fold is not None and not data.has_folds:
        raise ValueError(f"{data.name} has no folds, but --fold {args.fold} was given")
    if args.running and data.has_folds and args.fold is None:
        raise ValueError("--running scores one fold: give --fold")
    all_folds = data.has_folds and args.fold is None
    folds = range(parzen_protocol.FOLDS) if all_folds else [args.fold or 0]
    if args.sigma is None:
        sigmas = np.logspace(args.sigma_start, args.sigma_end, args.cross_val)
        limit_size = args.limit_size
    else:
        sigmas, limit_size = np.array([args.sigma]), 0
    split = data.split(folds[0], limit_size, args.valid)
    if args.running:
        print_running_score(args, data, model, split, sigmas)
        return
    estimator = ParzenEstimator(draw(args, model))
    more = (data.split(fold, limit_size, args.valid) for fold in folds[1:])
    outcomes = []
    for outcome in outcomes_of(estimator, itertools.chain([split], more), sigmas, cli.progress_bar):
        outcomes.append(outcome)
        if outcomes[-1].at_edge:
            sigma = outcomes[-1].score.sigma
            print(
                f"note: sigma {sigma:.4g} is the outermost one tried; a better one may lie "
                "beyond (--sigma_start, --sigma_end)",
                file=sys.stderr,
            )
    if args.json:
        print(to_json(as_data(args, data, folds, outcomes)))
    else:
        show(args, data, folds, outcomes)


def draw(args: argparse.Namespace, model: Any) -> np.ndarray:
    """The samples of the model, (num_samples, dimension)."""
    with cli.progress_bar(args.num_samples, "drawing", "sample") as bar, cli.blaming(args.model):
        return draw_samples(model, args.num_samples, args.seed, args.batch_size, bar.update)


def print_running_score(
    args: argparse.Namespace,
    data: EvaluationData,
    model: Any,
    split: Split,
    sigmas: Sequence[float] | np.ndarray,
) -> None:
    """Print the score by all samples so far after each batch, until Ctrl-C."""
    sigma = float(sigmas[0])
    if len(sigmas) > 1:
        # In batches of 100, not one by one, which would take long.
        chosen_by = draw_samples(model, args.num_samples, args.seed)
        sigma, _ = cross_validate_sigma(chosen_by, split.valid, sigmas)
    # Other samples than those that chose sigma.
    sampler = sampler_of(model, args.batch_size, args.seed + 1)
    batches = (sampler() for _ in itertools.count())
    with StopRequest("this score") as stop:
        for seen, score in running_estimate(batches, split.scored, sigma):
            if args.json:
                print(json.dumps({"num_samples": seen, **asdict(score)}), flush=True)
            else:
                print(f"{seen} samples: {score.mean:.2f} nats", flush=True)
            if stop.signum is not None:
                break
    if not args.json:
        where = f"{data.name} {set_name(args)} set{of_fold(data, args.fold)}"
        print(f"{where}, {seen} samples: {describe(score)}")


def show(
    args: argparse.Namespace,
    data: EvaluationData,
    folds: Sequence[int],
    outcomes: Sequence[Outcome],
) -> None:
    """Print the scores for people."""
    print(f"{args.model}: {args.num_samples} samples, seed {args.seed}")
    for fold, outcome in zip(folds, outcomes):
        if outcome.tried:
            print(f"mean log-likelihood of validation examples{of_fold(data, fold)}, in nats")
            for sigma, mean in outcome.tried:
                mark = "  <- chosen" if sigma == outcome.score.sigma else ""
                print(f"  sigma {sigma:8.4f} {mean:12.2f}{mark}")
        where = f"{data.name} {set_name(args)} set{of_fold(data, fold)}"
        print(f"{where}: {describe(outcome.score)}")
    if len(outcomes) > 1:
        total = total_of(outcomes)
        print(
            f"{data.name} {set_name(args)} set, mean of {len(outcomes)} folds: "
            f"{total.mean:.2f} +- {total.standard_error:.2f} nats (standard error across folds)"
        )


def as_data(
    args: argparse.Namespace,
    data: EvaluationData,
    folds: Sequence[int],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """The scores as JSON has them."""
    result: dict[str, Any] = {
        "model": args.model,
        "dataset": data.name,
        "set": set_name(args),
        "num_samples": args.num_samples,
        "seed": args.seed,
    }
    scores = [{**asdict(outcome.score), "cross_validation": outcome.tried} for outcome in outcomes]
    if not data.has_folds:
        return {**result, **scores[0]}
    result["folds"] = [{"fold": fold, **score} for fold, score in zip(folds, scores)]
    if len(outcomes) > 1:
        total = total_of(outcomes)
        result.update(mean=total.mean, standard_error=total.standard_error)
    return result


def describe(score: ParzenScore) -> str:
    """A score in words."""
    return (
        f"{score.mean:.2f} +- {score.standard_error:.2f} nats "
        f"(sigma {score.sigma:.4f}, {score.n} examples)"
    )


def set_name(args: argparse.Namespace) -> str:
    """Which set of the data is scored."""
    return "validation" if args.valid else "test"


def of_fold(data: EvaluationData, fold: int) -> str:
    """' of fold N', if the data has folds."""
    return f" of fold {fold}" if data.has_folds else ""


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
