#!/usr/bin/env python
"""Time of a training step when its minibatch is split over several devices or processes.

    python benchmarks/devices.py

Devices are virtual: XLA makes as many of this machine's processors as it is told to. All use the
same processors, so no step gets faster; the table shows what splitting costs. The efficiency is the
time of one device divided by that of N, in the same round: 1 means that splitting costs nothing.
Two processes on this machine stand for two hosts; they exchange gradients over loopback.
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 600  # seconds of a training


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--yaml", default="yaml/mnist.yaml", help="experiment (yaml/mnist.yaml)")
    add("--devices", nargs="+", type=int, default=[1, 2, 4, 8], metavar="N", help="(1 2 4 8)")
    add("--processes", nargs="*", type=int, default=[2], metavar="N", help="of 1 device each (2)")
    add("--rounds", type=int, default=3, help="trainings with each number (3)")
    add("--batch", type=int, default=96, help="batch size, which each N should divide (96)")
    add("--batches", type=int, default=20, help="minibatches of an epoch (20)")
    args = parser.parse_args(argv)
    processors = len(os.sched_getaffinity(0))
    load = f"load average before: {os.getloadavg()[0]:.1f}"
    print(f"{args.yaml}, batch {args.batch}; {processors} processors; {load}\n")
    kinds = [(1, n) for n in args.devices] + [(n, 1) for n in args.processes]
    rounds = [{kind: step_ms(args, *kind) for kind in kinds} for _ in range(args.rounds)]
    print("| processes | devices of each | ms a step | efficiency |\n|---|---|---|---|")
    for kind in kinds:
        ratios = [times[kinds[0]] / times[kind] for times in rounds]
        time = median(times[kind] for times in rounds)
        print(f"| {kind[0]} | {kind[1]} | {time:.1f} | {median(ratios):.2f} |")


def step_ms(args: argparse.Namespace, processes: int, devices: int) -> float:
    """Milliseconds of a step, in the last of three epochs: the first one compiles."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = {
            "algorithm.batch_size": args.batch,
            "dataset.stop": args.batch * args.batches,
            # Little to monitor: only steps are timed.
            "algorithm.monitoring_dataset.valid.stop": 50000 + args.batch,
        }
        command = [sys.executable, str(ROOT / "train.py"), str(ROOT / args.yaml), "--quiet"]
        command += ["--backend", "jax", "--devices", str(devices), "--max-epochs", "3"]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        address = f"127.0.0.1:{free_port()}"
        flags = f"--xla_force_host_platform_device_count={devices}"
        started = []
        try:
            for i in range(processes):
                several = ["--coordinator", address, "--num-processes", str(processes)]
                several = [*several, "--process-id", str(i)] if processes > 1 else []
                started.append(
                    subprocess.Popen(
                        [*command, "--out", str(folder / str(i)), *several],
                        env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags},
                    )
                )
            for process in started:
                if process.wait(LONGEST):
                    sys.exit(f"devices.py: a training ended with status {process.returncode}")
        finally:
            for process in started:
                process.kill()
                process.wait()
        (table,) = (folder / "0").glob("*.monitor.csv")
        with open(table, newline="") as stream:
            rows = list(csv.DictReader(stream))
        return 1000 * float(rows[-1]["training_seconds_this_epoch"]) / args.batches


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    main()
