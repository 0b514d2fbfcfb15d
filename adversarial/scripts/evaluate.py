"""Compute metrics of a trained model on samples and data.

python -m adversarial.scripts.evaluate yaml/mnist.pkl
python -m adversarial.scripts.evaluate yaml/mnist.pkl --metrics parzen_ll,nearest_distance --json
python -m adversarial.scripts.evaluate mine.pkl --metrics my_metric --allow-module mine

`adversarial.evaluation.metric` says what a metric is; docs/EXTENDING.md has one as an example.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.features import Features, digit_features
from adversarial.evaluation.metric import (
    Inputs,
    Result,
    Unavailable,
    all_metrics,
    find_metrics,
)
from adversarial.evaluation.parzen_protocol import Split
from adversarial.evaluation.sampling import draw_samples
from adversarial.files import shipped
from adversarial.files.atomic_write import atomic_write
from adversarial.modelfile.loading import modules_beside_model
from adversarial.scripts import cli
from adversarial.scripts.inputs.evaluation_data import EvaluationData
from adversarial.utils import own_modules


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    known = "\n".join(
        f"  {metric.name:18}{metric.description}" for metric in all_metrics().values()
    )
    parser = cli.Parser(
        description="Compute metrics of a trained model on its samples and a data set.",
        epilog=f"metrics:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add(
        "-m",
        "--metrics",
        metavar="A,B",
        help="the metrics to compute, listed below (all for which the data is known)",
    )
    add(
        "-d",
        "--dataset",
        metavar="DATA",
        help="what to judge by, in place of the test set of the data that the model was trained "
        "on: mnist, tfd or a YAML file",
    )
    add("-f", "--fold", type=int, choices=range(parzen_protocol.FOLDS), help="TFD: this fold only")
    add(
        "-n",
        "--num-samples",
        "--num_samples",
        type=cli.positive_int,
        default=10000,
        help="samples to draw (10000)",
    )
    add("--seed", type=cli.natural, default=0, help="for the samples (0)")
    add(
        "--features",
        metavar="MODEL",
        help="a classifier's model file, for metrics of features (MNIST: one that comes with the "
        "package)",
    )
    add("--json", action="store_true", help="print the results as JSON")
    add("--csv", metavar="FILE", help="also write the results to this file, one row a metric")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if args.dataset not in (None, *parzen_protocol.DATASETS) and not os.path.exists(
        shipped.source_of(args.dataset)
    ):
        parser.error(f"--dataset is mnist, tfd or a YAML file; there is no file {args.dataset}")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    if args.csv:
        cli.output_path(args.csv, args.model, ".csv")
    with modules_beside_model(args.model, args.allow_module):
        for module in args.allow_module:
            import_metrics(module)
    if args.metrics is None:
        metrics = list(all_metrics().values())
    else:
        metrics = find_metrics([name.strip() for name in args.metrics.split(",")])
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    data = evaluation_data(model, args)
    inputs = Inputs(**sources(model, data, args))
    results: dict[str, Result] = {}
    for metric in metrics:
        try:
            results[metric.name] = metric.compute(inputs)
        except Unavailable as error:
            if args.metrics is not None:
                raise
            print(f"note: left out: {error}", file=sys.stderr)
        else:
            for note in results[metric.name].notes:
                print(f"note: {metric.name}: {note}", file=sys.stderr)
    if not results:
        raise ValueError(f"{args.model}: no metric could be computed")
    judged = any({"test", "splits"} & set(all_metrics()[name].needs) for name in results)
    data_name = name_of(data(), args) if judged else None
    if args.csv:
        write_csv(args.csv, args, data_name, results)
    if args.json:
        print(json.dumps(as_data(args, data_name, results), indent=1))
        return
    by = f"; judged by the test examples of {data_name}" if judged else ""
    print(f"{args.model}: {args.num_samples} samples, seed {args.seed}{by}")
    width = max(map(len, results))
    for name, result in results.items():
        print(f"{name:<{width}}  {result}")


def import_metrics(module: str) -> None:
    """Import a module of the user's own, which registers the metrics in it."""
    try:
        own_modules.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"--allow-module {module}: {error}") from error
        raise


def evaluation_data(model: Any, args: argparse.Namespace) -> Callable[[], EvaluationData]:
    """A function that reads the data to judge by, when it is first called.

    It raises Unavailable where the data are unknown.
    """

    @cache
    def data() -> EvaluationData:
        try:
            found = EvaluationData(model, args.model, args.dataset, args.allow_module)
        except ValueError as error:
            if args.dataset is not None:  # the user's choice does not fit
                raise
            raise Unavailable(str(error)) from error
        if args.fold is not None and not found.has_folds:
            raise ValueError(f"{found.name} has no folds, but --fold {args.fold} was given")
        return found

    return data


def name_of(data: EvaluationData, args: argparse.Namespace) -> str:
    """What a report calls the data: mnist, a class or a file, and the folds."""
    if not data.has_folds:
        return data.name
    return f"{data.name}, {'all folds' if args.fold is None else f'fold {args.fold}'}"


def sources(
    model: Any, data: Callable[[], EvaluationData], args: argparse.Namespace
) -> dict[str, Callable[[], Any]]:
    """The inputs of metrics by name, each a function that makes it; see `metric.INPUTS`."""

    def samples() -> np.ndarray:
        with cli.progress_bar(args.num_samples, "drawing", "sample") as bar:
            with cli.blaming(args.model):
                return draw_samples(model, args.num_samples, args.seed, progress=bar.update)

    def training() -> np.ndarray:
        rows = data().own_rows
        if rows is None:
            raise Unavailable(f"{args.model} does not say which data set the model was trained on")
        return rows

    def splits() -> list[Split]:
        all_folds = data().has_folds and args.fold is None
        folds = range(parzen_protocol.FOLDS) if all_folds else [args.fold or 0]
        return [data().split(fold) for fold in folds]

    def features() -> Features:
        if args.features is not None:
            return Features.load(args.features, args.allow_module)
        if data().name != "mnist":
            raise Unavailable("give --features MODEL, a classifier's model file")
        return digit_features()

    return {
        "model": lambda: model,
        "samples": samples,
        "training": training,
        "test": lambda: data().split(args.fold or 0, limit_size=0).scored,
        "splits": splits,
        "features": features,
        "progress": lambda: cli.progress_bar,
    }


def as_data(
    args: argparse.Namespace, data_name: str | None, results: dict[str, Result]
) -> dict[str, Any]:
    """The results as JSON has them; an unknown uncertainty, and data that none used, are null."""
    return {
        "model": args.model,
        "data": data_name,
        "num_samples": args.num_samples,
        "seed": args.seed,
        "metrics": {
            name: {
                "value": result.value,
                "uncertainty": None if math.isnan(result.uncertainty) else result.uncertainty,
                "unit": result.unit,
                "details": dict(result.details),
            }
            for name, result in results.items()
        },
    }


def write_csv(
    path: str, args: argparse.Namespace, data_name: str | None, results: dict[str, Result]
) -> None:
    """Write a table with one row a metric; an unknown uncertainty is an empty cell."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    titles = ["model", "metric", "value", "uncertainty", "unit", "num_samples", "seed", "data"]
    table.writerow(titles)
    for name, result in results.items():
        error = "" if math.isnan(result.uncertainty) else repr(result.uncertainty)
        row = [args.model, name, repr(result.value), error, result.unit]
        table.writerow([*row, args.num_samples, args.seed, data_name or ""])
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode("utf-8"))


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
