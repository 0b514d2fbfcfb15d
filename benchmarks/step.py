#!/usr/bin/env python
"""How long one training step takes: this project, its peers, and the matrix products alone.

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

# Not this folder, whose modules are no top-level ones.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.contestants import CONTESTANTS  # noqa: E402
from benchmarks.data import prepare  # noqa: E402
from benchmarks.experiments import EXPERIMENTS, ROOT, Experiment  # noqa: E402
from benchmarks.turns import (  # noqa: E402
    DEVICES,
    STEPS_BEFORE_TIMING,
    Dropped,
    Player,
    cpus,
    use_cpus,
)

CPU_ONLY = ("ours", "floor")
PEERS = ("torch", "torch_compile", "jax")
BUSY = 0.3  # load average above which other programs disturb the measurement


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--model", choices=EXPERIMENTS, default="mnist")
    add(
        "--contestants",
        nargs="+",
        choices=CONTESTANTS,
        metavar="NAME",
        help=f"of {', '.join(CONTESTANTS)} (all that the device has)",
    )
    add("--rounds", type=int, default=15, help="turns of each contestant (15)")
    add("--steps", type=int, help="steps a turn (10 for mnist, else 2)")
    add("--batch", type=int, help="examples a step (the experiment's own)")
    add("--width", type=float, default=1.0, help="factor on the number of hidden units (1)")
    add(
        "--trained",
        metavar="MODEL",
        help="begin our step with the parameters of a model file "
        "(the time of the others does not depend on them)",
    )
    add("--cpus", type=int, default=cpus(), help="processors each may use (all)")
    add(
        "--device",
        choices=DEVICES,
        default="cpu",
        help="where contestants compute (cpu); gpu: those who can",
    )
    add("--json", metavar="FILE", help="write every measurement there too")
    add("--profile", action="store_true", help="the costliest nodes of this project's step")
    args = parser.parse_args(argv)
    if min(args.rounds, args.cpus, args.batch or 1, args.steps or 1) < 1 or not args.width > 0:
        parser.error("rounds, steps, batch, cpus and width must be positive")
    if args.contestants is None:
        args.contestants = [
            name for name in CONTESTANTS if args.device == "cpu" or name not in CPU_ONLY
        ]
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    experiment = EXPERIMENTS[args.model].resized(args.batch, args.width, args.trained)
    steps = args.steps or experiment.steps
    if args.profile:
        from benchmarks.costliest import report

        use_cpus(args.cpus)
        report(experiment, steps * args.rounds)
        return
    load = os.getloadavg()[0]
    # Even when told to end, put away what was laid aside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with tempfile.TemporaryDirectory() as folder:
        data, data_in_words, environment = prepare(experiment, Path(folder))
        players, dropped = start(args, experiment, data, environment)
        try:
            for turn in range(args.rounds):
                # Another first in each round, since the one before leaves the caches to the next.
                for i in range(len(players)):
                    players[(turn + i) % len(players)].turn(steps)
        finally:
            for player in players:
                player.close()
    print(heading(args, experiment, steps, data_in_words, load))
    print(table(players, experiment))
    for player in players:
        print(
            f"{player.name}: {player.facts['versions']}, "
            f"ready after {player.seconds_to_ready:.1f} s"
        )
    for name, reason in dropped.items():
        print(f"{name}: left out, {reason}")
    if args.json:
        Path(args.json).write_text(json.dumps(as_data(args, experiment, players), indent=1))


def start(
    args: argparse.Namespace, experiment: Experiment, data: Path, environment: dict[str, str]
) -> tuple[list[Player], dict[str, str]]:
    """The contestants, ready and stopped; and those left out, with the reasons."""
    players: list[Player] = []
    dropped: dict[str, str] = {}
    for name in args.contestants:
        print(f"starting {name} ...", file=sys.stderr, flush=True)
        command = [
            sys.executable,
            "-m",
            "benchmarks.contestants",
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
            *(["--trained", experiment.trained] if experiment.trained else []),
        ]
        try:
            players.append(Player(name, command, environment, ROOT))
        except Dropped as reason:
            dropped[name] = str(reason)
        except BaseException:
            for player in players:
                player.close()
            raise
    return players, dropped


def heading(
    args: argparse.Namespace, experiment: Experiment, steps: int, data: str, load: float
) -> str:
    lines = [
        f"{experiment.name}: batch {experiment.batch}, width {experiment.width:g}, {data}; "
        f"{experiment.operations / 1e9:.2f} GFLOP of matrix products a step",
        f"{processor()}, {args.cpus} of its processors; medians of {args.rounds} interleaved "
        f"turns of {steps} steps (after {STEPS_BEFORE_TIMING} untimed)",
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


def table(players: Sequence[Player], experiment: Experiment) -> str:
    """Ratios are medians of each round's own, since both of a round had the same conditions."""
    by_name = {player.name: player for player in players}
    peers = [by_name[name] for name in PEERS if name in by_name]
    best = min(peers, key=lambda player: median(player.times), default=None)
    floor = by_name.get("floor")
    rows = [("", "ms", "middle half", "/ best peer", "/ floor", "GFLOP/s", "CPU ms", "peak MiB")]
    for player in players:
        middle = median(player.times)
        # Twice, since quantiles() refuses a single one.
        low, _, high = quantiles(player.times * 2, n=4, method="inclusive")
        rows.append(
            (
                player.name,
                f"{middle * 1e3:.2f}",
                f"{low * 1e3:.2f}-{high * 1e3:.2f}",
                ratio(player, best),
                ratio(player, floor),
                f"{experiment.operations / middle / 1e9:.0f}",
                f"{median(player.cpu) * 1e3:.1f}",
                f"{player.peak_mib:.0f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    widths[0] *= -1  # to the left
    return "\n".join(
        "  ".join(f"{cell:{'<' if n < 0 else '>'}{abs(n)}}" for cell, n in zip(row, widths))
        for row in rows
    )


def ratio(player: Player, other: Player | None) -> str:
    if other is None:
        return "-"
    return f"{median(ours / theirs for ours, theirs in zip(player.times, other.times)):.3f}"


def as_data(args: argparse.Namespace, experiment: Experiment, players: Sequence[Player]) -> dict:
    return {
        "model": experiment.name,
        "batch": experiment.batch,
        "width": experiment.width,
        "cpus": args.cpus,
        "operations": experiment.operations,
        "contestants": {
            player.name: {
                "seconds_a_step": player.times,
                "cpu_seconds_a_step": player.cpu,
                "peak_mib": player.peak_mib,
                "seconds_to_ready": player.seconds_to_ready,
                **player.facts,
            }
            for player in players
        },
    }


if __name__ == "__main__":
    main()
