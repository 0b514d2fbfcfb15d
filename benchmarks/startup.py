#!/usr/bin/env python
"""Time from the start of train.py to its first progress, and to the end of its first minibatch.

    python benchmarks/startup.py

A cold start has an empty folder of compiled modules; a warm start has the one that the cold start
filled. The first progress is the first batch of the first monitoring, at which the progress bar
appears. The whole monitoring comes before the first minibatch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MODULE = "benchmarks.startup"
MARK = "startup: "


class FirstMinibatch:
    """Update callback: ends the process at its first call.

    Prints the time of the first batch of a monitoring, and that of the call.
    """

    def __init__(self) -> None:
        from adversarial.monitor.measurement import Progress

        call = Progress.__call__

        def first(progress: Progress, *args: Any) -> None:
            print(f"{MARK}{time.time()!r}", flush=True)
            Progress.__call__ = call  # type: ignore[method-assign]
            progress(*args)

        Progress.__call__ = first  # type: ignore[assignment,method-assign]

    def __call__(self, algorithm: Any) -> None:
        print(f"{MARK}{time.time()!r}", flush=True)
        os._exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--yaml", default="yaml/mnist.yaml", help="experiment to start (yaml/mnist.yaml)"
    )
    parser.add_argument("--colds", type=int, default=1, help="cold starts (1)")
    parser.add_argument("--warms", type=int, default=5, help="warm starts (5)")
    args = parser.parse_args(argv)
    print(f"train.py {args.yaml}; load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "start.yaml"
        path.write_text(with_stop((ROOT / args.yaml).read_text()))
        colds = [seconds(path, Path(folder) / f"compiled{i}") for i in range(args.colds)]
        show("cold", colds)
        if colds:
            show("warm", [seconds(path, Path(folder) / "compiled0") for _ in range(args.warms)])


def with_stop(text: str) -> str:
    """The YAML `text` of a Train object, changed so that it ends after its first minibatch."""
    root = yaml.compose(text)
    assert root is not None  # the text is not empty
    algorithm = next(value for key, value in root.value if key.value == "algorithm")
    stop = yaml.MappingNode(f"!obj:{MODULE}.FirstMinibatch", [], flow_style=True)
    for i, (key, value) in enumerate(algorithm.value):
        if key.value == "update_callbacks":
            others = value.value if isinstance(value, yaml.SequenceNode) else [value]
            both = yaml.SequenceNode("tag:yaml.org,2002:seq", [*others, stop])
            algorithm.value[i] = (key, both)
            break
    else:
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "update_callbacks")
        algorithm.value.append((key, stop))
    return yaml.serialize(root)


def seconds(path: Path, compiled: Path) -> tuple[float, float]:
    """Seconds from the start of `train.py path` to its first progress, and first minibatch."""
    flags = f"base_compiledir={compiled}"
    own = os.environ.get("AESARA_FLAGS")
    environment = {**os.environ, "AESARA_FLAGS": f"{own},{flags}" if own else flags}
    began = time.time()
    done = subprocess.run(
        [sys.executable, "train.py", str(path), "--allow-module", MODULE],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if len(lines) == 2:
        progress, minibatch = (float(line[len(MARK) :]) - began for line in lines)
        return progress, minibatch
    sys.exit(f"train.py ended with status {done.returncode} before its first minibatch")


def show(kind: str, starts: list[tuple[float, float]]) -> None:
    for what, times in zip(("first progress", "first minibatch"), zip(*starts)):
        each = ", ".join(f"{t:.1f}" for t in times)
        print(f"{kind}: {median(times):.1f} s to the {what} (median of {each})")


if __name__ == "__main__":
    main()
