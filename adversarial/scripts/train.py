"""Train the experiment that a YAML file describes.

    python train.py yaml/mnist.yaml
    python train.py --resume yaml/mnist.pkl    # continues where that training stopped

It writes the model (.pkl), every channel of every epoch (.monitor.csv) and a grid of samples (.png)
to the save_path of the YAML file, usually beside it, or into the folder of --out. Ctrl-C saves and
stops.

`run.Run` makes the trainings, `run_files.Reservation` checks and locks their files, and
`train.Train.main_loop` is the training loop. This module adds what a user sees: the progress bar,
the table of epochs, and the files beside the model. `run_training` is the command as a function.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.metadata
import logging
import os
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Optional

from tqdm import tqdm

import adversarial
from adversarial import backend, modelfile
from adversarial.config import settings
from adversarial.datasets.feed import num_examples
from adversarial.files import opening, outputs, placement, uploads
from adversarial.recovery import MOST_ROLLBACKS, ROLLBACK_FACTOR
from adversarial.run import Run
from adversarial.run_files import Reservation
from adversarial.scripts import cli
from adversarial.signals import Interrupted
from adversarial.train import NAN_POLICIES, Train
from adversarial.train_extensions import dispatch
from adversarial.train_extensions.progress import Progress
from adversarial.train_extensions.report import EpochTable, MonitorCSV
from adversarial.train_extensions.samples import SampleGrid
from adversarial.train_extensions.tracking import TOOLS, Tracker, tracker
from adversarial.training_algorithms.training_algorithm import DataOverflow, TrainingDiverged
from adversarial.utils import errors

AESARA = f"Aesara {importlib.metadata.version('aesara')}"
log = logging.getLogger("train")
# The loggers whose messages are shown; Aesara's own are not.
OUR_LOGS = ("train", "adversarial")
# The status after --time-budget: "temporary failure" in sysexits.h, by which batch queues start a
# job again.
OUT_OF_TIME = 75
# Why a training, mostly a resumed one, trains nothing.
FINISHED = (
    "nothing to train: the model has %d epochs, and its termination criterion or an extension "
    "ended it; to train longer, change that (--max-epochs can only lower it): --set "
    "algorithm.termination_criterion.max_epochs=N, or --config COPY.yaml with an edited copy"
)


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(description="Train what a YAML file describes.")
    add = parser.add_argument
    add(
        "config",
        nargs="?",
        help="YAML file: a Train object, or a list of them to run one after another",
    )
    add(
        "--resume",
        metavar="MODEL",
        help="continue the training that saved this model file, exactly as if it had not stopped",
    )
    add(
        "--config",
        metavar="YAML",
        dest="edited",
        help="with --resume: continue with this edited YAML file; all but the model may change",
    )
    add(
        "--out",
        metavar="FOLDER",
        help="write all files of the run into this folder, which is made if it is missing",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="settings",
        type=setting,
        help="change the experiment: --set algorithm.learning_rate=.05 (docs/RUNS.md)",
    )
    add("--overwrite", action="store_true", help="replace files that are there already")
    add(
        "--time-budget",
        type=cli.positive_number,
        metavar="SECONDS",
        help=f"begin no epoch after so many seconds, and end with status {OUT_OF_TIME}",
    )
    add(
        "--max-epochs",
        type=cli.natural,
        metavar="N",
        help="train for at most N epochs, those before --resume included; 0 is a dry run: compile "
        "and measure, write nothing",
    )
    add(
        "--nan-policy",
        choices=NAN_POLICIES,
        default="stop",
        help="when the training diverges: stop, keeping the last good model; or go back to it, "
        f"multiply the learning rate by {ROLLBACK_FACTOR:g} and continue, {MOST_ROLLBACKS} times "
        "at most (stop)",
    )
    add(
        "--seed",
        type=cli.natural,
        metavar="N",
        help="run another replicate of the experiment; its files have _seedN in their names",
    )
    add(
        "--all-channels",
        action="store_true",
        help="print every monitor channel, not only the important ones",
    )
    add("--quiet", action="store_true", help="print warnings and errors only")
    cli.add_allow_module(parser)
    add(
        "--allow-outside",
        action="store_true",
        help="let the YAML write files outside its own folder, and of any kind",
    )
    add(
        "--track",
        action="append",
        default=[],
        choices=TOOLS,
        help="log the training to this tool, too: TensorBoard (a folder beside the model), Weights "
        "& Biases or MLflow (as your environment says: WANDB_MODE, MLFLOW_TRACKING_URI, ...)",
    )
    add(
        "--allow-upload",
        action="store_true",
        help="let the YAML name extensions that send data to a server",
    )
    cli.add_engine_option(parser)
    cli.add_device_options(parser)
    cli.add_precision_option(parser)
    add(
        "--version",
        action="version",
        version=f"adversarial-nets {adversarial.__version__}, {AESARA}, "
        f"Python {sys.version.split()[0]}",
    )
    args = parser.parse_args(argv)
    if (args.config is None) == (args.resume is None):
        parser.error("give either a YAML file or --resume with a model file")
    if args.edited and not args.resume:
        parser.error("--config is for --resume; a new training takes the YAML file alone")
    if args.resume and args.seed is not None:
        parser.error("--seed is the run's own when it is resumed")
    if args.resume and args.out is not None:
        parser.error("--out is for a new training; a resumed one goes on in the folder of its file")
    return args


def setting(text: str) -> str:
    """For argparse: `text`, if it has the form PATH=VALUE."""
    try:
        return settings.parse(text).text
    except settings.YamlError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(argv: Optional[Sequence[str]] = None) -> int:
    began = time.monotonic()
    args = parse(argv)
    with logs_above_bar():
        cli.choose_engine(args)
        # The first of several processes speaks for all.
        args.quiet = args.quiet or not backend.is_first_process()
        for name in OUR_LOGS:
            logging.getLogger(name).setLevel(logging.WARNING if args.quiet else logging.INFO)
        if args.resume:
            run = Run.of_model(args.resume, args.allow_module, args.edited, args.settings)
        else:
            run = Run.of_yaml(args.config, args.seed, args.allow_module, args.settings, args.out)
        names = [field.name for field in dataclasses.fields(Options)]
        return run_training(run, Options(**{name: getattr(args, name) for name in names}), began)


@dataclasses.dataclass(frozen=True)
class Options:
    """How a run is trained; see the command's options of these names."""

    overwrite: bool = False
    time_budget: Optional[float] = None
    max_epochs: Optional[int] = None
    nan_policy: str = "stop"
    all_channels: bool = False
    quiet: bool = False
    allow_outside: bool = False
    track: Sequence[str] = ()
    allow_upload: bool = False


def run_training(run: Run, args: Options = Options(), began: Optional[float] = None) -> int:
    """Run the trainings of a YAML file one after another, and return the exit status.

    Parameters
    ----------
    run : Run
        From `Run.of_yaml` or `Run.of_model`.
    args : Options
    began : float, optional
        When the time budget began (`time.monotonic`); None: now.

    Raises
    ------
    ValueError, OSError
        If the experiment cannot be made or a file cannot be written.
    TrainingDiverged
        See `Train.main_loop`.
    """
    began = time.monotonic() if began is None else began
    with contextlib.ExitStack() as stack:
        stack.enter_context(run.confining(args.allow_outside))
        stack.enter_context(uploads.allowed(args.allow_upload))
        phases = run.phases()
        files = None
        if backend.is_first_process():  # of several processes, only the first writes
            files = Reservation(run, phases, args.overwrite)
            if args.max_epochs == 0:  # a dry run, which writes nothing
                files.check()
                files = None
            else:
                stack.enter_context(files)
        run.restore_shared_phases(phases)
        for number in range(run.first, len(phases)):
            if len(phases) > 1:
                log.info("phase %d of %d", number + 1, len(phases))
            if run.resume_from is not None and run.is_done(number):
                log.info(FINISHED, run.resume_from.epochs)
                # All processes draw a picture together, so all must agree to.
                if backend.agree(int(files is not None and files.is_behind(number))):
                    with outputs.marked(run.mark(number)):
                        phase = run.finished_phase(phases, number)
                        added = add_output_extensions(phase)
                        if files is not None:
                            files.add(phase, number)
                        phase.call_observers_again(added)
                continue
            left = None
            if args.time_budget is not None:
                left = max(0.0, args.time_budget - (time.monotonic() - began))
            with outputs.marked(run.mark(number)):
                phase = run.make(phases, number)
                if backend.processes() > 1:
                    backend.compare(_in_common(run, args, phase))
                progress = add_extensions(phase, args)
                if files is not None:
                    files.add(phase, number)
                with modelfile.noting_failures() as unsaved:
                    status = train(phase, args, left, progress, unsaved)
            if status:
                return status  # the next phase needs a model whose training has ended
    return 0


def _in_common(run: Run, args: Options, phase: Train) -> dict[str, str]:
    """What must be the same in all processes that train together, by the words for it."""
    about = phase.experiment or {}
    found = {
        "the YAML file": about["yaml"],
        "--set": about["settings"],
        "--seed": about["seed"],
        "the data": about["data"],
        "--max-epochs": args.max_epochs,
        "--time-budget": args.time_budget,
        "--nan-policy": args.nan_policy,
        "the number of devices, or JAX's version": backend.describe(),
        "the package's version": adversarial.__version__,
    }
    if run.resume_from is not None:
        with open(run.resume_from.name, "rb") as stream:
            found["the model file"] = opening.digest_of(stream)
    return {name: hashlib.sha256(repr(value).encode()).hexdigest() for name, value in found.items()}


def add_extensions(phase: Train, args: Options) -> Progress:
    """Add the extensions that show a training to the user and write files beside the model."""
    progress = Progress()
    if not args.quiet:
        phase.extensions += [progress, EpochTable(args.all_channels)]
    if args.max_epochs != 0:
        add_output_extensions(phase)
        phase.extensions += [tracker(name, phase.save_path) for name in dict.fromkeys(args.track)]
        for each in phase.extensions:
            if isinstance(each, Tracker):
                each.note_experiment(phase.experiment or {})
    return progress


def add_output_extensions(phase: Train) -> list:
    """Add and return the extensions that write the table and the picture."""
    if phase.save_path is None:
        return []
    watchers: list = []
    if backend.is_first_process():
        watchers.append(MonitorCSV(outputs.beside(phase.save_path, placement.TABLE)))
    if hasattr(phase.model, "generator"):
        watchers.append(SampleGrid(outputs.beside(phase.save_path, placement.PICTURE)))
    # Extensions of the YAML file may write the same files; then they alone do.
    taken = {
        os.path.realpath(file.path)
        for each in phase.extensions
        for file in outputs.declared(type(each), getattr(each, "__dict__", {}))
    }
    added = [each for each in watchers if os.path.realpath(each.path) not in taken]
    phase.extensions += added
    return added


def train(
    phase: Train,
    args: Options,
    time_budget: Optional[float],
    progress: Progress,
    unsaved: Collection[str],
) -> int:
    """Run one phase to its end, and return the exit status.

    `unsaved` collects the files that could not be saved.
    """
    log.info("%s, %s; %s", AESARA, backend.floatX, backend.describe())
    describe(phase)
    try:
        phase.main_loop(time_budget, args.max_epochs, args.nan_policy)
    except Interrupted as stop:
        progress.close()
        print(f"{cli.program_name()}: {stop}; {outcome(phase)}", file=sys.stderr)
        return 128 + stop.signum
    except TrainingDiverged as error:
        can_lower = args.nan_policy == "stop" and not isinstance(error, DataOverflow)
        hint = " (--nan-policy rollback lowers it)" if can_lower else ""
        raise TrainingDiverged(f"{error}{hint}; {kept_models(phase)}") from error
    finally:
        progress.close()
    if args.max_epochs == 0:
        if not args.quiet:
            dispatch.call_observers(
                [EpochTable(args.all_channels)],
                "on_monitor",
                phase.model,
                phase.dataset,
                phase.algorithm,
            )
        log.info("dry run: all was compiled and measured; nothing was trained or written")
        return 0
    if phase.is_out_of_time:
        log.info("stopped, not done: the time budget is spent; %s", outcome(phase))
    else:
        epochs = phase.model.monitor.get_epochs_seen()
        limited = args.max_epochs is not None and epochs >= args.max_epochs
        if phase.epochs_before == epochs and not limited:
            log.info(FINISHED, epochs)
        log.info("done; %s", outcome(phase))
    if phase.save_freq and not phase.is_saved:
        raise OSError(f"training is done, but {phase.save_path} could not be saved")
    if unsaved:
        raise OSError(f"training is done, but {', '.join(unsaved)} could not be saved")
    return OUT_OF_TIME if phase.is_out_of_time else 0


def describe(phase: Train) -> None:
    """Log the model's size and the data set."""
    count = sum(param.get_value(borrow=True).size for param in phase.model.get_params())
    examples = num_examples(phase.dataset)
    log.info(
        "%s of %s parameters on %s, %s examples",
        type(phase.model).__name__,
        f"{count:,}",
        type(phase.dataset).__name__,
        "a stream of" if examples is None else f"{examples:,}",
    )


def outcome(phase: Train) -> str:
    """How long the model has been trained, and where it is saved."""
    monitor = phase.model.monitor
    done = f"epochs: {monitor.get_epochs_seen()}, minibatches: {monitor.get_batches_seen()}"
    return done + (f"; saved {phase.save_path}" if phase.is_saved else "; not saved")


def kept_models(phase: Train) -> str:
    """Which models are kept after a divergence."""
    bad = "" if phase.diverged_path is None else f"; {phase.diverged_path} has that state"
    if phase.last_save is None:
        return f"no good model had been saved{bad}"
    return f"{phase.save_path} is the model after {phase.last_save[0]} epochs{bad}"


@contextlib.contextmanager
def logs_above_bar() -> Iterator[None]:
    """Within this block, `LogAboveBar` shows log messages and warnings."""
    handler, show = LogAboveBar(), warnings.showwarning
    levels = {name: logging.getLogger(name).level for name in OUR_LOGS}
    logging.getLogger().addHandler(handler)
    warnings.showwarning = lambda message, *rest, **named: log.warning("%s", message)
    try:
        yield
    finally:
        warnings.showwarning = show
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        logging.getLogger().removeHandler(handler)


class LogAboveBar(logging.Handler):
    """Writes log messages to stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        with contextlib.suppress(OSError):  # a closed terminal must not end the training
            tqdm.write(mark + errors.printable(record.getMessage()), file=sys.stderr)


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main, output_is_the_result=False)


if __name__ == "__main__":
    sys.exit(command())
