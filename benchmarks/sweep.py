"""How well a sweep uses the processors: the same runs with one worker and with two, by turns.

    python -m benchmarks.sweep yaml/mnist_quick.yaml --runs 4 --max-epochs 2

Each line has the seconds of the whole command, start included, and the processor seconds of all its
processes. The efficiency is the time with one worker divided by twice that with two, from the least
times. Only on a machine that does nothing else do the seconds say anything.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from adversarial.scripts import cli


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Time the runs of a sweep with one worker and with two.")
    add = parser.add_argument
    add("config", help="YAML file of an experiment")
    add("--runs", type=cli.positive_int, default=4, metavar="N", help="seeds (4)")
    add("--max-epochs", type=cli.positive_int, default=2, metavar="N", help="of each run (2)")
    add("--repeat", type=cli.positive_int, default=3, metavar="N", help="times, by turns (3)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    load = os.getloadavg()[0]
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(args.repeat):
        for workers, found in times.items():
            before = _processor_seconds()
            found.append(timed(args, workers))
            spent = _processor_seconds() - before
            print(f"{workers} at once: {found[-1]:.1f} s, {spent:.1f} processor s", flush=True)
    one, two = (min(found) for found in times.values())
    print(f"load before: {load:.1f}; efficiency {one / (2 * two):.2f}")


def timed(args: argparse.Namespace, workers: int) -> float:
    """The seconds of a sweep with so many workers, each with one thread."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "adversarial.scripts.sweep", args.config, "--quiet"]
        command += ["--seeds", f"0-{args.runs - 1}", "--max-epochs", str(args.max_epochs)]
        command += ["--workers", str(workers), "--threads", "1", "--out", f"{folder}/sweep"]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(cli.run(main))
