#!/usr/bin/env python
"""Train what a YAML file describes.

    python train.py yaml/mnist.yaml

Leaves the model (.pkl), every channel of every epoch (.monitor.csv) and a grid of samples (.png)
where the YAML's save_path says: beside the YAML, usually. Ctrl-C saves and stops.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any, Optional

try:
    from tqdm import tqdm

    import adversarial
    from adversarial import backend
    from adversarial.config.yaml_parse import load_phases
    from adversarial.termination_criteria import And, EpochCounter
    from adversarial.train import Train
    from adversarial.train_extensions.progress import Progress
    from adversarial.train_extensions.report import EpochTable, MonitorCSV
    from adversarial.train_extensions.samples import SampleGrid
    from adversarial.utils import cli, seeding
    from adversarial.utils.signals import Interrupted
except KeyboardInterrupt:  # importing takes a second
    print("train.py: interrupted", file=sys.stderr)
    sys.exit(130)

AESARA = f"Aesara {importlib.metadata.version('aesara')}"
log = logging.getLogger("train")


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train what a YAML file describes.")
    add = parser.add_argument
    add("config", help="YAML file: a Train object, or a list of them to run one after another")
    add("--time-budget", type=cli.positive_number, metavar="SECONDS",
        help="begin no epoch after so many seconds")
    add("--max-epochs", type=cli.positive_int, metavar="N",
        help="train for at most N epochs, or fewer where the YAML says so")
    add("--seed", type=cli.natural, metavar="N", help="run another replicate of the experiment")
    add("--all-channels", action="store_true",
        help="print every monitor channel, not only the important ones")
    add("--quiet", action="store_true", help="print warnings and errors only")
    add("--allow-module", action="append", default=[], metavar="NAME",
        help="let the YAML use what this module defines")
    add("--version", action="version",
        version=f"adversarial-nets {adversarial.__version__}, {AESARA}, "
        f"Python {sys.version.split()[0]}")
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> int:
    began = time.monotonic()
    args = parse(argv)
    signal.signal(signal.SIGTERM, terminate)
    logging.getLogger().addHandler(BesideBar())
    for name in ("train", "adversarial"):  # Aesara's own remarks help nobody here
        logging.getLogger(name).setLevel(logging.WARNING if args.quiet else logging.INFO)
    warnings.showwarning = lambda message, *rest: log.warning("%s", message)
    seeding.set_base_seed(args.seed)
    log.info("%s, %s; %s", AESARA, backend.floatX, backend.describe())
    phases = load_phases(args.config, allow_modules=args.allow_module)
    for number, make in enumerate(phases, start=1):
        if len(phases) > 1:
            log.info("phase %d of %d", number, len(phases))
        phase = make()
        if not isinstance(phase, Train):
            raise TypeError(f"{args.config} describes a {type(phase).__name__}, not a Train object")
        left = None
        if args.time_budget is not None:
            left = max(0.0, args.time_budget - (time.monotonic() - began))
        status = train(phase, args, left)
        if status:
            return status
    return 0


def train(phase: Train, args: argparse.Namespace, time_budget: Optional[float]) -> int:
    """Run one phase to its end; the status for the shell."""
    describe(phase)
    if args.max_epochs is not None:
        limit_epochs(phase.algorithm, args.max_epochs)
    progress = Progress()
    if not args.quiet:
        phase.extensions += [progress, EpochTable(args.all_channels)]
    if phase.save_path is not None:
        stem = os.path.splitext(phase.save_path)[0]
        phase.extensions.append(MonitorCSV(stem + ".monitor.csv"))
        if hasattr(phase.model, "generator"):
            phase.extensions.append(SampleGrid(stem + ".png"))
    try:
        phase.main_loop(time_budget)
    except Interrupted as stop:
        progress.close()
        print(f"{cli.program_name()}: {stop}; {outcome(phase)}", file=sys.stderr)
        return 128 + stop.signum
    finally:
        progress.close()
    log.info("done; %s", outcome(phase))
    if phase.save_freq and not phase.is_saved:
        raise OSError(f"training is done, but {phase.save_path} could not be saved")
    return 0


def describe(phase: Train) -> None:
    """Say what is about to be trained on what."""
    count = sum(param.get_value(borrow=True).size for param in phase.model.get_params())
    log.info(
        "%s of %s parameters on %s, %s examples", type(phase.model).__name__, f"{count:,}",
        type(phase.dataset).__name__, f"{phase.dataset.get_num_examples():,}",
    )


def outcome(phase: Train) -> str:
    """How far the training came and where that is saved."""
    monitor = phase.model.monitor
    done = f"epochs: {monitor.get_epochs_seen()}, minibatches: {monitor.get_batches_seen()}"
    return done + (f"; saved {phase.save_path}" if phase.is_saved else "; not saved")


def limit_epochs(algorithm: Any, epochs: int) -> None:
    """Stop after so many epochs, or earlier where the algorithm's own criterion says so."""
    if not hasattr(algorithm, "termination_criterion"):
        raise ValueError("--max-epochs needs an experiment whose algorithm can be told to stop")
    own, limit = algorithm.termination_criterion, EpochCounter(epochs)
    algorithm.termination_criterion = limit if own is None else And([own, limit])


def terminate(signum: int, frame: Optional[FrameType]) -> None:
    """SIGTERM before training has begun, or after it."""
    print(f"{cli.program_name()}: terminated", file=sys.stderr)
    sys.exit(128 + signum)


class BesideBar(logging.Handler):
    """Log lines on stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        tqdm.write(mark + record.getMessage(), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(cli.run(main))
