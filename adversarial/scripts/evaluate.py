"""Compute metrics of trained models on samples and data.

python -m adversarial.scripts.evaluate yaml/mnist.pkl
python -m adversarial.scripts.evaluate yaml/mnist.pkl --metrics parzen_ll,nearest_distance --json
python -m adversarial.scripts.evaluate yaml/mnist.pkl yaml/mnist_quick.pkl --baselines --csv t.csv
python -m adversarial.scripts.evaluate yaml/mnist.pkl --metrics ais_ll --option ais_ll.sigma=0.1
python -m adversarial.scripts.evaluate mine.pkl --metrics my_metric --allow-module mine

`adversarial.evaluation.metric` says what a metric is; docs/EVALUATION.md what each measures, and
docs/EXTENDING.md has one as an example.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.embedding import some
from adversarial.evaluation.features import Features, features_of
from adversarial.evaluation.metric import (
    Inputs,
    Metric,
    Result,
    Unavailable,
    all_metrics,
    find_metrics,
)
from adversarial.evaluation.parzen_protocol import Split
from adversarial.evaluation.report import Report, notes_of, write_csv
from adversarial.evaluation.sampling import draw_samples
from adversarial.files import shipped
from adversarial.modelfile.loading import modules_beside_model
from adversarial.scripts import cli
from adversarial.scripts.inputs.evaluation_data import EvaluationData
from adversarial.utils import own_modules
from adversarial.utils.statistics import to_json
from adversarial.viewer.grid import is_picture
from adversarial.viewer.memorised import memorised_sheet
from adversarial.viewer.samples import view_of

# What is judged beside models with --baselines: the best and the worst that can be expected.
BASELINES = ("data", "noise")
# The first validation examples choose the width of Parzen windows, so they cannot be samples too.
CHOOSE_SIGMA = 1000


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    known = "\n".join(map(describe, all_metrics().values()))
    parser = cli.Parser(
        description="Compute metrics of trained models on their samples and a data set.",
        epilog=f"metrics:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="model", help="model files (.pkl)")
    add(
        "-m",
        "--metrics",
        metavar="A,B",
        help="the metrics to compute, listed below (those for which the data is known and that "
        "do not take minutes)",
    )
    add(
        "--option",
        action="append",
        default=[],
        type=option,
        metavar="METRIC.NAME=VALUE",
        help="an option of a metric, such as ais_ll.sigma=0.1; may be given several times",
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
    add("--seed", type=cli.seed, default=0, help="for the samples (0)")
    add(
        "--features",
        metavar="MODEL",
        help="a classifier's model file, for metrics of features (MNIST: one that comes with the "
        "package)",
    )
    add(
        "--baselines",
        action="store_true",
        help="also judge validation examples as if they were samples (`data`), and pixels of "
        "training examples that are mixed at random (`noise`)",
    )
    add(
        "--memorised",
        metavar="PICTURE",
        help="draw the samples that are nearest to training examples, in proportion to test "
        "examples: each beside its nearest training example, framed, and test example",
    )
    add("--json", action="store_true", help="print the results as JSON")
    add(
        "--csv",
        metavar="FILE",
        help="also write the results to this file, one row a metric",
    )
    cli.add_overwrite(parser)
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if len(args.models) > 1 and any(map(is_of_one_model, args.option)):
        parser.error("--option ais_ll.state names the file of a single model")
    if args.memorised and len(args.models) > 1:
        parser.error("--memorised draws the picture of a single model")
    if args.memorised and args.csv and same_path(args.memorised, args.csv):
        parser.error(f"--csv and --memorised would both write {args.csv}; name two files")
    if args.memorised and not is_picture(args.memorised):
        parser.error(f"--memorised draws a picture: end {args.memorised} in .png")
    if args.dataset not in (None, *parzen_protocol.DATASETS) and not os.path.exists(
        shipped.source_of(args.dataset)
    ):
        parser.error(f"--dataset is mnist, tfd or a YAML file; there is no file {args.dataset}")
    return args


def same_path(one: str, other: str) -> bool:
    """Whether two paths lead to one file, which need not exist."""
    return os.path.realpath(one) == os.path.realpath(other)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    reads = *args.models[1:], args.features, args.dataset
    if args.csv:
        cli.output_path(args.csv, args.models[0], ".csv", args.overwrite, reads)
    if args.memorised:
        cli.output_path(args.memorised, args.models[0], ".png", args.overwrite, reads)
    with contextlib.ExitStack() as stack:
        for path in reversed(args.models):  # what is entered last is searched first
            stack.enter_context(modules_beside_model(path, args.allow_module))
        for module in args.allow_module:
            import_metrics(module)
    if args.metrics is None:
        metrics = [metric for metric in all_metrics().values() if metric.by_default]
    else:
        metrics = find_metrics([name.strip() for name in args.metrics.split(",")])
    options = options_of(args.option, metrics)
    reports: list[Report] = []
    try:
        for path in args.models:
            judge(path, metrics, options, reports, args)
    finally:  # what was computed before an error may have taken minutes
        save([report for report in reports if report.results], args)


def judge(
    path: str,
    metrics: Sequence[Metric],
    options: dict[str, dict[str, Any]],
    reports: list[Report],
    args: argparse.Namespace,
) -> None:
    """Add the report of a model and, after the last one, those of the baselines; print them."""
    model = modelfile.load(path, allow_modules=args.allow_module)
    data = evaluation_data(model, path, args)
    inputs = sources(model, path, data, args)
    made = Inputs(**inputs)
    if args.memorised:  # its errors come before the metrics, which may take minutes
        try:
            view = view_of(model)
        except ValueError as error:
            raise ValueError(f"{path}: --memorised: {error}") from error
        training, test = made["training"], made["test"]
    first = len(reports)
    try:
        reports.append(Report(path, args.num_samples, args.seed))
        fill(reports[-1], metrics, options, made, data, args)
        if args.memorised:
            sheet = memorised_sheet(made["samples"], training, test, view)
            sheet.save(args.memorised, scale=2)
        del made  # the samples: those of the baselines take as much memory
        if args.baselines and path == args.models[-1]:
            compared = [metric for metric in metrics if metric.name in reports[first].results]
            for name in BASELINES:
                given = Inputs(**baseline_sources(name, inputs, data, args))
                reports.append(Report(name, args.num_samples, args.seed))
                fill(reports[-1], compared, options, given, data, args)
    finally:
        for line in notes_of(reports[first:]):
            print(line, file=sys.stderr)
        for report in reports[first:]:
            if report.results and not args.json:
                print("\n".join(report.lines()), flush=True)


def save(reports: Sequence[Report], args: argparse.Namespace) -> None:
    """Print the JSON, and write the table, of the reports that there are."""
    try:
        if args.json and reports:
            rows = [report.as_data() for report in reports]
            is_single = len(args.models) == 1 and not args.baselines
            print(to_json(rows[0] if is_single else rows), flush=True)
    finally:  # also if nobody reads what is printed
        if args.csv and reports:
            write_csv(args.csv, reports)


def fill(
    report: Report,
    metrics: Sequence[Metric],
    options: dict[str, dict[str, Any]],
    inputs: Inputs,
    data: Callable[[], EvaluationData],
    args: argparse.Namespace,
) -> None:
    """Compute metrics; those that lack an input are left out, unless they were asked for."""
    for metric in metrics:
        began = time.monotonic()
        try:
            result = computed(report.name, metric, options[metric.name], inputs)
        except Unavailable as error:
            if args.metrics is not None and report.name not in BASELINES:
                raise
            report.left_out.setdefault(error.reason, []).append(metric.name)
            continue
        report.seconds[metric.name] = time.monotonic() - began
        report.results[metric.name] = result
        if "samples" in metric.needs:
            report.num_samples = len(inputs["samples"])
        if {"test", "splits"} & set(metric.needs):
            report.data = name_of(data(), args)
    if not report.results and report.name not in BASELINES:
        raise ValueError(f"{report.name}: no metric could be computed")


def computed(name: str, metric: Metric, options: dict[str, Any], inputs: Inputs) -> Result:
    """The result of a metric; its errors name the model."""
    try:
        return metric.compute(inputs, **options)
    except ValueError as error:
        if type(error) is not ValueError or name in str(error).partition("\n")[0]:
            raise
        raise ValueError(f"{name}: {error}") from error


def describe(metric: Metric) -> str:
    """The lines of `--help` on a metric."""
    line = f"  {metric.name:21}{metric.description}"
    if not metric.by_default:
        line += " (only if --metrics names it)"
    if metric.options:
        line += "\n" + " " * 23 + "options: "
        line += ", ".join(f"{name}={json.dumps(value)}" for name, value in metric.options.items())
    return line


def option(text: str) -> tuple[str, str, Any]:
    """(metric, option, value) of METRIC.NAME=VALUE, for argparse; the value is JSON, or text."""
    name, equals, value = text.partition("=")
    metric, dot, key = name.partition(".")
    if not (equals and dot and metric and key):
        raise argparse.ArgumentTypeError(f"must be METRIC.NAME=VALUE, got {text!r}")
    try:
        return metric, key, json.loads(value)
    except ValueError:
        return metric, key, value


def is_of_one_model(given: tuple[str, str, Any]) -> bool:
    """Whether an option, as `option` returns it, names a file that several models cannot share."""
    return given[:2] == ("ais_ll", "state")


def options_of(
    options: Iterable[tuple[str, str, Any]], metrics: Sequence[Metric], by: str = "--metrics"
) -> dict[str, dict[str, Any]]:
    """The options that were given, by the names of the metrics that are computed."""
    found: dict[str, dict[str, Any]] = {metric.name: {} for metric in metrics}
    for name, key, value in options:
        if name not in found:
            find_metrics([name])
            raise ValueError(f"--option {name}.{key}: {by} does not name {name}")
        found[name][key] = value
    for metric in metrics:
        metric.check_options(found[metric.name])
    return found


def import_metrics(module: str) -> None:
    """Import a module of the user's own, which registers the metrics in it."""
    try:
        own_modules.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"--allow-module {module}: {error}") from error
        raise


def evaluation_data(
    model: Any, path: str, args: argparse.Namespace
) -> Callable[[], EvaluationData]:
    """A function that reads the data to judge by, when it is first called.

    It raises Unavailable where the data are unknown.
    """

    @cache
    def data() -> EvaluationData:
        try:
            found = EvaluationData(model, path, args.dataset, args.allow_module)
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
    model: Any, path: str, data: Callable[[], EvaluationData], args: argparse.Namespace
) -> dict[str, Callable[[], Any]]:
    """The inputs of metrics by name, each a function that makes it; see `metric.INPUTS`."""

    def samples() -> np.ndarray:
        with cli.progress_bar(args.num_samples, "drawing", "sample") as bar:
            with cli.blaming(path):
                return draw_samples(model, args.num_samples, args.seed, progress=bar.update)

    def training() -> np.ndarray:
        rows = data().own_rows
        if rows is None:
            raise Unavailable(data().own_missing)
        check_finite(rows, f"the training examples of {path}")
        return rows

    @cache  # so that its note is printed once for a model and the baselines
    def splits() -> list[Split]:
        all_folds = data().has_folds and args.fold is None
        folds = range(parzen_protocol.FOLDS) if all_folds else [args.fold or 0]
        return [checked(fold, limit_size=CHOOSE_SIGMA) for fold in folds]

    def checked(fold: int, limit_size: int) -> Split:
        split = data().split(fold, limit_size)
        for rows in (split.valid, split.scored):
            check_finite(rows, f"the examples of {data().name}")
        return split

    @cache
    def test() -> np.ndarray:
        return checked(args.fold or 0, limit_size=0).scored

    def features() -> Callable[[np.ndarray], np.ndarray]:
        if args.features is not None:
            return Features.load(args.features, args.allow_module)
        if not parzen_protocol.is_named("mnist", data().dataset):
            raise Unavailable(
                "give --features MODEL, the model file of a classifier of such data; "
                "docs/EVALUATION.md, Features, says how to train one"
            )
        return features_of("mnist", data=test())

    def shape() -> tuple[int, int, int]:
        try:
            return view_of(model, data().own).shape
        except ValueError as error:
            raise Unavailable(str(error)) from error

    return {
        "model": lambda: model,
        "shape": shape,
        "samples": samples,
        "training": training,
        "test": test,
        "splits": splits,
        "features": features,
        "progress": lambda: cli.progress_bar,
    }


def check_finite(rows: np.ndarray, what: str) -> None:
    """Raise ValueError if numbers in memory are not finite; files are checked as they are read."""
    if isinstance(rows, np.ndarray) and not np.isfinite(rows).all():
        raise ValueError(f"{what} contain NaN or infinite values")


def baseline_sources(
    name: str,
    inputs: dict[str, Callable[[], Any]],
    data: Callable[[], EvaluationData],
    args: argparse.Namespace,
) -> dict[str, Callable[[], Any]]:
    """The inputs of metrics where `name`, one of BASELINES, takes the place of samples."""

    def no_model() -> Any:
        raise Unavailable("this is no model")

    def samples() -> np.ndarray:
        rng = np.random.RandomState(args.seed)
        if name == "noise":
            rows = inputs["training"]()
            if not isinstance(rows, np.ndarray):
                # Each number would be read from its file with an example of its own.
                rows = some(rows, args.num_samples)
            # Each number is that of an example drawn for it alone: its distribution is kept.
            chosen = rng.randint(len(rows), size=(args.num_samples, rows.shape[1]))
            return np.take_along_axis(rows, chosen, axis=0)
        rows, first = examples()
        there = len(rows) - first
        if there < args.num_samples:
            note = f"note: data: there are {there} such examples, not {args.num_samples}"
            print(note, file=sys.stderr)
        # Rows in a file are read by index, and only those that are drawn.
        return rows[first + rng.permutation(there)[: args.num_samples]]

    def examples() -> tuple[Any, int]:
        """The rows that `data` is drawn from, and the first of them that may be."""
        given = data().dataset
        if isinstance(given, str) or hasattr(given, "get_valid_set"):
            valid = data().split(args.fold or 0, limit_size=0, score_valid=True).scored
            if len(valid) > 2 * CHOOSE_SIGMA:
                return valid, CHOOSE_SIGMA
        print("note: data: too few validation examples; these are of training", file=sys.stderr)
        return inputs["training"](), 0

    return {**inputs, "model": no_model, "samples": samples}


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
