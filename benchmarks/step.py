#!/usr/bin/env python
"""Time one training step of this project, of other libraries, and of the matrix products alone.

python benchmarks/step.py --model mnist
python benchmarks/step.py --model mnist --profile
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

# Import `benchmarks` as a package from the root, not its modules from this folder.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.data import prepare  # noqa: E402
from benchmarks.experiments import EXPERIMENTS, ROOT, Experiment  # noqa: E402
from benchmarks.implementations import IMPLEMENTATIONS  # noqa: E402
from benchmarks.interleaved import (  # noqa: E402
    DEVICES,
    PRECISIONS,
    STEPS_BEFORE_TIMING,
    Unavailable,
    Worker,
    cpus,
    use_cpus,
)

CPU_ONLY = ("ours", "ours_bf16", "floor")
PEERS = ("torch", "torch_compile", "jax")
BUSY = 0.3  # load average above which the heading warns of other programs


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--model", choices=EXPERIMENTS, default="mnist")
    add(
        "--implementations",
        "--contestants",  # its old name
        nargs="+",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=f"of {', '.join(IMPLEMENTATIONS)} (all that the device has)",
    )
    add("--rounds", type=int, default=15, help="turns of each implementation (15)")
    add("--steps", type=int, help="steps per turn (10 for mnist, else 2)")
    add("--batch", type=int, help="batch size (the experiment's own)")
    add("--width", type=float, default=1.0, help="factor on the number of hidden units (1)")
    add(
        "--trained",
        metavar="MODEL",
        help="start this project's step from the parameters of a model file (the time of the "
        "other implementations does not depend on the parameters)",
    )
    add("--cpus", type=int, default=cpus(), help="processors that each may use (all)")
    add(
        "--device",
        choices=DEVICES,
        default="cpu",
        help="where to compute (cpu); with gpu, implementations that cannot use one are left out",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of matrix products on a GPU, in all implementations (float32)",
    )
    add("--json", metavar="FILE", help="also write all measurements to this file")
    add(
        "--profile",
        action="store_true",
        help="print the most expensive nodes of this project's step, in C",
    )
    args = parser.parse_args(argv)
    if args.profile and (args.json or args.device != "cpu" or args.precision != "float32"):
        parser.error("--profile is of the C engine: it takes no --json, --device or --precision")
    numbers = (args.rounds, args.cpus, args.batch, args.steps)
    if min(number for number in numbers if number is not None) < 1 or not args.width > 0:
        parser.error("rounds, steps, batch, cpus and width must be positive")
    if args.implementations is None:
        args.implementations = [
            name for name in IMPLEMENTATIONS if args.device == "cpu" or name not in CPU_ONLY
        ]
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    experiment = EXPERIMENTS[args.model].resized(args.batch, args.width, args.trained)
    steps = args.steps or experiment.steps
    if args.profile:
        from benchmarks.profile_step import report

        use_cpus(args.cpus)
        report(experiment, steps * args.rounds)
        return
    load = os.getloadavg()[0]
    # SIGTERM raises SystemExit, so that the temporary folder and the workers are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with tempfile.TemporaryDirectory() as folder:
        data, data_in_words, environment = prepare(experiment, Path(folder))
        workers, unavailable = start(args, experiment, data, environment)
        try:
            for turn in range(args.rounds):
                # Each round starts with another worker, since the order affects the caches.
                for i in range(len(workers)):
                    workers[(turn + i) % len(workers)].turn(steps)
        except Unavailable as error:
            sys.exit(f"step.py: {error}")
        finally:
            for worker in workers:
                worker.close()
    print(heading(args, experiment, steps, data_in_words, load))
    print(table(workers, experiment))
    for worker in workers:
        print(
            f"{worker.name}: {worker.facts['versions']}, "
            f"ready after {worker.seconds_to_ready:.1f} s"
        )
    for name, reason in unavailable.items():
        print(f"{name}: left out, {reason}")
    if args.json:
        Path(args.json).write_text(json.dumps(as_data(args, experiment, workers), indent=1))


def start(
    args: argparse.Namespace, experiment: Experiment, data: Path, environment: dict[str, str]
) -> tuple[list[Worker], dict[str, str]]:
    """Start the workers: (workers, ready and stopped; reason by name of those left out)."""
    workers: list[Worker] = []
    unavailable: dict[str, str] = {}
    for name in args.implementations:
        print(f"starting {name} ...", file=sys.stderr, flush=True)
        command = [
            sys.executable,
            "-m",
            "benchmarks.implementations",
            name,
            "--model",
            experiment.name,
            "--batch",
            str(experiment.batch),
            "--width",
            str(experiment.width),
            "--cpus",
            str(args.cpus),
            "--data",
            str(data),
            "--device",
            args.device,
            "--precision",
            args.precision,
            *(["--trained", experiment.trained] if experiment.trained else []),
        ]
        try:
            workers.append(Worker(name, command, environment, ROOT))
        except Unavailable as reason:
            unavailable[name] = str(reason)
        except BaseException:
            for worker in workers:
                worker.close()
            raise
    return workers, unavailable


def heading(
    args: argparse.Namespace, experiment: Experiment, steps: int, data: str, load: float
) -> str:
    lines = [
        f"{experiment.name}: batch {experiment.batch}, width {experiment.width:g}, {data}; "
        f"{experiment.operations / 1e9:.2f} GFLOP of matrix products per step",
        f"{processor()}, {args.cpus} of its processors; products in {args.precision} "
        f"where nothing else is said; medians of "
        f"{args.rounds} interleaved turns of {steps} steps (after {STEPS_BEFORE_TIMING} untimed)",
    ]
    if load > BUSY:
        lines.append(f"NOT QUIET: the load average was {load:.1f} before this began")
    return "\n".join(lines)


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as about:
            return next(
                line.partition(":")[2].strip() for line in about if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


# What the tables call the implementations.
TITLES = {
    "ours": "ours, C",
    "ours_bf16": "ours, C, --precision bf16",
    "ours_on_jax": "ours, JAX",
    "torch": "PyTorch eager",
    "torch_compile": "torch.compile",
    "torch_bf16": "PyTorch, bfloat16 autocast",
    "jax": "JAX, jit",
    "floor": "matrix products alone",
}


def table(workers: Sequence[Worker], experiment: Experiment) -> str:
    """The results as a Markdown table. A ratio is the median of the ratios within each round.

    The best peer is the fastest of the other libraries in float32.
    """
    by_name = {worker.name: worker for worker in workers}
    peers = [by_name[name] for name in PEERS if name in by_name]
    best = min(peers, key=lambda worker: median(worker.times), default=None)
    floor = by_name.get("floor")
    header = "", "ms", "quartiles", "/ best peer", "/ products", "GFLOP/s", "CPU ms", "peak MiB"
    rows: list[tuple[str, ...]] = [(*header, "GPU MiB")]
    for worker in workers:
        middle = median(worker.times)
        # Doubled, since quantiles() refuses a single value.
        low, _, high = quantiles(worker.times * 2, n=4, method="inclusive")
        rows.append(
            (
                TITLES[worker.name],
                f"{middle * 1e3:.2f}",
                f"{low * 1e3:.2f}-{high * 1e3:.2f}",
                ratio(worker, best),
                ratio(worker, floor),
                f"{experiment.operations / middle / 1e9:.0f}",
                f"{median(worker.cpu) * 1e3:.1f}",
                f"{worker.peak_mib:.0f}",
                f"{worker.gpu_mib:.0f}",
            )
        )
    if not any(worker.gpu_mib for worker in workers):
        rows = [row[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)) + " |"
        for row in rows
    )


def ratio(worker: Worker, other: Worker | None) -> str:
    if other is None:
        return "-"
    return f"{median(ours / theirs for ours, theirs in zip(worker.times, other.times)):.3f}"


def as_data(args: argparse.Namespace, experiment: Experiment, workers: Sequence[Worker]) -> dict:
    return {
        "model": experiment.name,
        "batch": experiment.batch,
        "width": experiment.width,
        "cpus": args.cpus,
        "precision": args.precision,
        "operations": experiment.operations,
        "implementations": {
            worker.name: {
                "seconds_a_step": worker.times,
                "cpu_seconds_a_step": worker.cpu,
                "peak_mib": worker.peak_mib,
                "gpu_mib": worker.gpu_mib,
                "seconds_to_ready": worker.seconds_to_ready,
                **worker.facts,
            }
            for worker in workers
        },
    }


if __name__ == "__main__":
    main()
