#!/usr/bin/env python
"""Train what a YAML file describes: python train.py yaml/mnist.yaml"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from typing import Any, Optional

from adversarial.utils import cli, seeding
from adversarial.utils.signals import Interrupted


def parse(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train what a YAML file describes.")
    add = parser.add_argument
    add("config", help="YAML file: a Train object, or a list of them to run one after another")
    add("--time-budget", type=cli.positive_number, metavar="SECONDS",
        help="begin no epoch after so many seconds")
    add("--max-epochs", type=cli.positive_int, metavar="N",
        help="train for at most N epochs, or fewer if the YAML says so")
    add("--seed", type=cli.natural, metavar="N", help="another replicate of the same experiment")
    add("--allow-module", action="append", default=[], metavar="NAME",
        help="let the YAML use what this module defines")
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began = time.monotonic()
    seeding.set_base_seed(args.seed)
    from adversarial.config.yaml_parse import load_train_file

    loaded = load_train_file(args.config, allow_modules=args.allow_module)
    for phase in loaded if isinstance(loaded, list) else [loaded]:
        if args.max_epochs is not None:
            limit_epochs(phase.algorithm, args.max_epochs)
        left = None
        if args.time_budget is not None:
            left = max(0.0, args.time_budget - (time.monotonic() - began))
        try:
            phase.main_loop(time_budget=left)
        except Interrupted as stop:
            print(f"{stop}; saved {phase.save_path}", file=sys.stderr)
            return 128 + stop.signum
    return 0


def limit_epochs(algorithm: Any, epochs: int) -> None:
    """Stop after so many epochs, or earlier where the algorithm's own criterion says so."""
    from adversarial.termination_criteria import And, EpochCounter

    limit = EpochCounter(epochs)
    own = algorithm.termination_criterion
    algorithm.termination_criterion = limit if own is None else And([own, limit])


if __name__ == "__main__":
    sys.exit(cli.run(main))
