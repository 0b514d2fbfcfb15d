"""Train every setting with every seed, on this machine or a cluster, and compare them.

    python -m adversarial.scripts.sweep yaml/mnist.yaml --seeds 0-9
    python -m adversarial.scripts.sweep yaml/mnist.yaml --set algorithm.learning_rate=.05,.1,.2

docs/SWEEPS.md describes the command. Each run has a folder of its own in the folder of the sweep;
tables of all runs and of means over seeds, and a plot, are beside these. The same command continues
a sweep that was stopped. The parts are in `adversarial/sweep/`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from adversarial.config.nodes import SEED, read_text
from adversarial.evaluation.features import Features
from adversarial.evaluation.metric import find_metrics
from adversarial.files import lock, shipped
from adversarial.files.atomic_write import check_out
from adversarial.files.opening import open_regular, trusts_paths
from adversarial.run import Run
from adversarial.scripts import cli, evaluate
from adversarial.scripts.train import OUT_OF_TIME
from adversarial.signals import StopRequest
from adversarial.sweep import cluster, plot, results, schedule, worker
from adversarial.sweep.plan import Group, RunPlan, groups_of, runs_of, some_of, split_seeds
from adversarial.sweep.records import SCORES, SWEEP, Heart, Progress, read_sweep, write_json
from adversarial.sweep.results import Best
from adversarial.sweep.view import LiveView
from adversarial.sweep.worker import Task
from adversarial.train import NAN_POLICIES
from adversarial.utils import string_utils
from adversarial.utils.modules_beside import beside
from adversarial.utils.processors import available_processors


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Train every setting of an experiment with every seed, and compare them. "
        "The same command continues a sweep that was stopped."
    )
    add = parser.add_argument
    add("configs", nargs="+", metavar="YAML", help="experiment; several are compared")
    add(
        "--set",
        action="append",
        default=[],
        metavar="PATH=A,B",
        dest="settings",
        help="the values of a setting, as a YAML list; several --set: all combinations",
    )
    add(
        "--random",
        type=cli.positive_int,
        metavar="N",
        help="train N of the combinations, drawn at random; more of them if N grows",
    )
    add("--seeds", default="0", metavar="LIST", help="seeds and ranges: 0-9 or 0,3,10-19 (0)")
    add("--out", metavar="FOLDER", help="folder of the sweep (beside the first YAML: STEM_sweep)")
    add("--max-epochs", type=cli.positive_int, metavar="N", help="train each for N epochs at most")
    add("--nan-policy", choices=NAN_POLICIES, default="stop", help="as for train.py (stop)")
    add(
        "-c",
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="channel of the table and the plot; * matches any text (the validation objectives)",
    )
    add(
        "--best-by",
        type=_best,
        metavar="NAME:max",
        help="also show the values at the epoch at which this channel is greatest (or NAME:min); "
        "by default a validation channel gen_ll or misclass, if there is one",
    )
    add(
        "--score",
        metavar="A,B",
        help="metrics of each trained model, as of the command evaluate, such as parzen_ll",
    )
    add(
        "--score-model",
        metavar="FILE",
        help="name of the model file to score, where a run saves several; * matches any text",
    )
    add("--num-samples", type=cli.positive_int, metavar="N", help="samples for --score (10000)")
    add("--features", metavar="MODEL", help="a classifier's model file for --score, as of evaluate")
    add(
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="METRIC.NAME=VALUE",
        help="an option of a metric of --score, as of evaluate; may be given several times",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler")
    where.add_argument(
        "--slurm",
        action="append",
        nargs="?",
        const="",
        metavar="KEY=VALUE",
        help="workers are jobs of SLURM; KEY: queue, account, walltime, memory, ...",
    )
    add("--workers", type=cli.positive_int, metavar="N", help="runs at once (one per processor)")
    add("--threads", type=cli.positive_int, metavar="N", help="of each run (its share)")
    add(
        "--time-budget",
        type=cli.positive_number,
        metavar="SECONDS",
        help=f"then save all runs and stop, with status {OUT_OF_TIME}",
    )
    add("--quiet", action="store_true", help="print the table, warnings and errors only")
    cli.add_allow_module(parser)
    add("--allow-outside", action="store_true", help="as for train.py")
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    for text in args.slurm or ():
        if text and "=" not in text:
            parser.error(f"--slurm {text}: must be KEY=VALUE, such as walltime=04:00:00")
    if args.scheduler and args.workers:
        parser.error("--workers is not for --scheduler, whose workers are there already")
    if not args.score:
        for name in ("score_model", "num_samples", "features", "option"):
            if getattr(args, name):
                parser.error(f"--{name.replace('_', '-')} is for --score, which is not given")
    return args


def _best(text: str) -> Best:
    """For argparse: NAME:max or NAME:min."""
    name, colon, which = text.rpartition(":")
    if not colon or not name or which not in ("max", "min"):
        raise argparse.ArgumentTypeError(
            f"must end in :max or :min, as in valid_gen_ll:max: {text}"
        )
    return Best(name, {"max": max, "min": min}[which])


def _option(text: str) -> str:
    """For argparse: an option of a metric, as it stands."""
    evaluate.option(text)
    return text


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    began = time.monotonic()
    plans = plans_of(args)
    if args.out is not None:
        check_out(args.out)
    if args.score:
        check_score(args, len(plans))
    root = args.out or f"{os.path.splitext(args.configs[0])[0]}_sweep"
    cluster.distributed()  # reports a missing Dask before anything is read
    tasks = tasks_of(plans, root, args)
    with contextlib.ExitStack() as stack:
        os.makedirs(root, exist_ok=True)
        stack.enter_context(lock.exclusive(os.path.join(root, SWEEP), tidy=True))
        tasks = agree(root, plans, tasks, args)
        with StopRequest("saving all runs") as stop:
            status = train_all(tasks, root, args, stop, began)
        groups = report(root, plans, tasks, args)
    say(args, f"{root}: {results.TABLE}, {results.RUNS}, {results.RESULTS}, {results.PLOT}")
    return status or int(any(result.is_faulty for group in groups for result in group.runs))


def check_score(args: argparse.Namespace, runs: int) -> None:
    """Refuse metrics, options or a classifier that cannot score the trained models."""
    options = [evaluate.option(text) for text in args.option]
    if runs > 1 and any(map(evaluate.is_of_one_model, options)):
        raise ValueError(
            f"--option ais_ll.state names the file of a single model, and these are {runs} runs: "
            "leave it out"
        )
    with contextlib.ExitStack() as stack:
        for config in args.configs:
            folder = os.path.dirname(os.path.abspath(config))
            stack.enter_context(beside(folder, allowed=args.allow_module))
        for module in args.allow_module:  # which may have more metrics
            evaluate.import_metrics(module)
    metrics = find_metrics([name.strip() for name in args.score.split(",")])
    evaluate.options_of(options, metrics, "--score")
    if args.features is not None:
        Features.load(args.features, args.allow_module)


def plans_of(args: argparse.Namespace) -> list[RunPlan]:
    """The runs that the arguments ask for."""
    groups = groups_of(args.configs, args.settings)
    if args.random is not None:
        groups = some_of(groups, args.random)
    return runs_of(groups, split_seeds(args.seeds), several=len(args.configs) > 1)


def say(args: argparse.Namespace, line: str) -> None:
    """Print a line to stderr, unless --quiet."""
    if not args.quiet:
        print(line, file=sys.stderr, flush=True)


def tasks_of(plans: Sequence[RunPlan], root: str, args: argparse.Namespace) -> list[Task]:
    """What the workers do for each run. All YAML files and settings are checked here, once.

    Raises
    ------
    ValueError
        If a YAML file, or a setting, is wrong; if a run would save no model.
    """
    texts = {config: _read(config) for config in args.configs}
    models: dict[Group, list[str]] = {}
    tasks = []
    for plan in plans:
        config = plan.group.config
        text, digest = texts[config]
        folder = os.path.join(root, plan.name)
        written = (text, *(value for _, value in plan.group.settings))
        if plan.group not in models or any(SEED in each for each in written):
            models[plan.group] = _models(plan, folder, args)
        common = ["--nan-policy", args.nan_policy, *_permissions(args)]
        if args.max_epochs:
            common += ["--max-epochs", str(args.max_epochs)]
        if args.backend:
            common += ["--backend", args.backend]
        if args.allow_outside:
            common.append("--allow-outside")
        settings = [word for pair in plan.group.settings for word in ("--set", "=".join(pair))]
        metrics = ["--metrics", args.score, *_permissions(args)] if args.score else []
        if args.score and args.num_samples:
            metrics += ["--num-samples", str(args.num_samples)]
        if args.score and args.features is not None:
            metrics += ["--features", args.features]
        metrics += [word for text in args.option for word in ("--option", text)]
        tasks.append(
            Task(
                sweep="",
                root=os.path.abspath(root),
                name=plan.name,
                cwd=os.getcwd(),
                config=config,
                digest=digest,
                begin=(config, "--out", folder, "--seed", str(plan.seed), *settings, *common),
                go_on=tuple(common),
                models=tuple(os.path.join(folder, name) for name in models[plan.group]),
                metrics=tuple(metrics),
                scored=args.score_model or "",
            )
        )
    return tasks


def _permissions(args: argparse.Namespace) -> list[str]:
    words = [word for name in args.allow_module for word in ("--allow-module", name)]
    words += [word for name in string_utils.allowed() for word in ("--allow-env", name)]
    return [*words, *(["--trust-paths"] if trusts_paths() else [])]


def _read(config: str) -> tuple[str, str]:
    """The text of a YAML file, and the SHA-256 of its bytes."""
    with open_regular(shipped.source_of(config)) as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
        stream.seek(0)
        return read_text(stream, config), digest


def _models(plan: RunPlan, folder: str, args: argparse.Namespace) -> list[str]:
    """The names of the model files that the phases of a run save, in order, within its folder."""
    settings = ["=".join(pair) for pair in plan.group.settings]
    run = Run.of_yaml(plan.group.config, plan.seed, args.allow_module, settings, folder)
    with run.confining(args.allow_outside):
        phases = run.phases()
        found = [run.save_path(phases, number) for number in range(len(phases))]
    names = [_within(folder, path) for path in found if path is not None]
    if not names:
        raise ValueError(
            f"{plan.group.config}: saves no model, so its runs leave nothing to compare\n"
            'Give Train a save_path and a save_freq: save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}'
            '.pkl", save_freq: 1'
        )
    return names


def _within(folder: str, path: str) -> str:
    """`path`, relative to `folder` if it is in there: through a link, .. may lead elsewhere."""
    name = os.path.relpath(path, folder)
    return os.path.abspath(path) if name.split(os.sep)[0] == os.pardir else name


def agree(
    root: str, plans: Sequence[RunPlan], tasks: Sequence[Task], args: argparse.Namespace
) -> list[Task]:
    """The tasks of this start, once sweep.json says that the folder is this sweep's.

    A sweep may be continued with more runs than it had, not with fewer or other ones: their folders
    would be left out of the tables.

    Raises
    ------
    FileExistsError
        If the folder holds another sweep, or files of something else.
    """
    path = os.path.join(root, SWEEP)
    fixed = {"max_epochs": args.max_epochs, "nan_policy": args.nan_policy, "backend": args.backend}
    asked: dict[str, Any] = {
        "experiments": {task.config: task.digest for task in tasks},
        "options": fixed,
        "runs": {
            plan.name: {
                "experiment": plan.group.config,
                "settings": dict(plan.group.settings),
                "seed": plan.seed,
                "models": [_within(os.path.join(root, plan.name), model) for model in task.models],
            }
            for plan, task in zip(plans, tasks)
        },
    }
    kept = read_sweep(root) or {}
    if kept:
        began = _refuse_other(root, kept, asked)
    else:
        began = False
        others = [name for name in sorted(os.listdir(root)) if not name.startswith(".")]
        if others:
            raise FileExistsError(
                f"{root} is not the folder of a sweep: it has {others[0]}\n"
                "Give another folder by --out; it is made if it is missing"
            )
    _, threads = cluster.shares(available_processors(), len(plans), args.workers)
    if args.scheduler or args.slurm is not None:
        threads = 1
    if began:
        # With another number the results may differ in the last bit.
        before = kept["threads"]
        if args.threads not in (None, before):
            raise ValueError(
                f"{root}: its runs have --threads {before}, on which the last bits of the results "
                "depend\nGo on with that, or give another folder by --out"
            )
        threads = before
    threads = args.threads or threads
    if args.workers is None and not args.scheduler:
        most = len(plans) if args.slurm is not None else available_processors() // threads
        args.workers = max(1, min(most, len(plans)))
    score = [*tasks[0].metrics, *(["--score-model", args.score_model] if args.score_model else [])]
    if began and args.score and kept.get("score", score) != score:
        for task in tasks:  # by other metrics or options, or of another model file
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(task.folder, SCORES))
    elif began and not args.score:
        score = kept.get("score", score)
    write_json(path, {**asked, "threads": threads, "score": score})
    sweep = uuid.uuid4().hex
    return [dataclasses.replace(task, sweep=sweep, threads=threads) for task in tasks]


def _refuse_other(root: str, kept: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether the sweep in a folder, `kept`, has begun; FileExistsError if `asked` is another."""
    runs = kept["runs"]
    if not any(Progress.read(os.path.join(root, name)).starts for name in runs):
        return False
    advice = f"\nGive another folder by --out, or remove {root}"
    for config, digest in kept["experiments"].items():
        now = [d for path, d in asked["experiments"].items() if evaluate.same_path(path, config)]
        if not now:
            raise FileExistsError(f"{root} holds a sweep of {config}{advice}")
        if digest not in now:
            raise FileExistsError(
                f"{config} was changed after the sweep in {root} had begun{advice}"
            )
    for name, value in kept["options"].items():
        given = asked["options"].get(name)
        if value != given:
            option = f"--{name.replace('_', '-')}"
            had = "without" if value is None else f"with {option} {value}, not"
            what = f"{had} {option if value is None else given or 'without'}"
            raise FileExistsError(f"{root} holds a sweep {what}{advice}")
    left_out = [name for name in runs if name not in asked["runs"]]
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        raise FileExistsError(
            f"{root} holds another sweep: its run {left_out[0]}{more} is not asked for\n"
            "A sweep may be continued with more seeds and values than it had, not with fewer or "
            f"others{advice}"
        )
    return True


def train_all(
    tasks: Sequence[Task],
    root: str,
    args: argparse.Namespace,
    stop: StopRequest,
    began: float,
) -> int:
    """Train and score all runs that are not over; the exit status of a sweep that was stopped."""
    to_do = [task for task in tasks if not worker.is_over(task)]
    if len(to_do) < len(tasks):
        say(args, f"{root}: {len(tasks) - len(to_do)} of {len(tasks)} runs are done already")
    if not to_do:
        return 0
    deadline = None if args.time_budget is None else began + args.time_budget
    with contextlib.ExitStack() as stack:
        heart = stack.enter_context(Heart(root, to_do[0].sweep))
        left = 1  # a dry run needs one worker; `show` counts the runs
        client = stack.enter_context(_workers(args, to_do[0].threads, lambda: left))
        _introduce(client, args, to_do)
        is_stopping = False

        def stopping() -> bool:
            nonlocal is_stopping
            late = deadline is not None and time.monotonic() >= deadline
            if not is_stopping and (stop.signum is not None or late):
                is_stopping = True
                heart.stop()
            return is_stopping

        view = LiveView(to_do, args.channel)

        def show(ended: Mapping[str, Progress]) -> None:
            nonlocal left
            left = len(to_do) - len(ended)
            if not args.quiet:
                view(ended)

        first = _firsts(tasks)
        if not any(worker.last_save(task) for task in tasks):
            say(args, "checking the experiment: a dry run")
            for task in first:
                names = schedule.check(client, task, stopping)
                if names and len(task.models) == 1:
                    results.check_names(names, args.channel, args.best_by, task.config)
        if not stopping():
            try:
                schedule.run_all(client, to_do, stopping, show)
            finally:
                view.close()
        if not is_stopping:
            return 0
    again = "the same command continues the sweep"
    if stop.signum is not None:
        print(f"{cli.program_name()}: stopped; {again}", file=sys.stderr)
        return 128 + stop.signum
    say(args, f"stopped, not done: the time budget is spent; {again}")
    return OUT_OF_TIME


def _firsts(tasks: Sequence[Task]) -> list[Task]:
    """The first run of each YAML file."""
    firsts: dict[str, Task] = {}
    for task in tasks:
        firsts.setdefault(task.config, task)
    return list(firsts.values())


def _workers(
    args: argparse.Namespace, threads: int, runs: Callable[[], int]
) -> contextlib.AbstractContextManager[Any]:
    """The Dask client of the chosen workers; `runs` counts the runs to do."""
    if args.scheduler:
        return cluster.at_address(args.scheduler)
    if args.slurm is not None:
        options = dict(text.split("=", 1) for text in args.slurm if text)
        return cluster.slurm(args.workers, threads, options, runs)
    return cluster.local(args.workers)


def _introduce(client: Any, args: argparse.Namespace, tasks: Sequence[Task]) -> None:
    threads = "1 thread" if tasks[0].threads == 1 else f"{tasks[0].threads} threads"
    where = f"{args.workers} at once" if args.workers else f"on {args.scheduler}"
    runs = "1 run" if len(tasks) == 1 else f"{len(tasks)} runs"
    say(args, f"{runs}, {where}, each with {threads}{cluster.dashboard(client)}")


def report(
    root: str, plans: Sequence[RunPlan], tasks: Sequence[Task], args: argparse.Namespace
) -> list[results.Summary]:
    """Write the tables and the plot, and print the table."""
    found = [results.read_run(root, plan, task.models) for plan, task in zip(plans, tasks)]
    measures = results.measure(root, found, args.channel, args.best_by, bool(args.score))
    groups = results.write(root, found, measures.all)
    for line in results.as_text(groups, measures.shown):
        print(line)
    try:
        plot.draw(os.path.join(root, results.PLOT), groups, measures.shown)
    except ImportError as error:
        print(f"note: no plot: {error}", file=sys.stderr)
    for group in groups:
        for result in group.runs:
            if result.is_faulty:
                print(f"{result.plan.name}: {result.state}: {result.why}", file=sys.stderr)
    return groups


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
