#!/usr/bin/env python
"""What benchmarks/gpu.sh measures on a GPU; it makes the environment and calls this.

1. Steps of the three models: this project, plain JAX, and PyTorch eager, compiled and under
   bfloat16 autocast, with their peaks of the GPU's memory; with matrix products in float32 and in
   TF32.
2. Epochs of the three models, with and without monitoring.
3. A training of yaml/cifar10_convolutional.yaml until no metric gets better, evaluated every few
   epochs, with a picture of samples each time.

Each part leaves a file in FOLDER/parts, and is not repeated if that is there, so the same command
continues where it was interrupted. After each part, FOLDER/gpu.md holds all that there are, as a
section for docs/PERFORMANCE.md. A part that fails is named there, and tried again the next time.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("mnist", "cifar10_fully_connected", "cifar10_convolutional")


class Sizes(NamedTuple):
    """How much is measured."""

    models: Sequence[str]
    step: Sequence[str]  # options of step.py
    epochs: int
    trained: str  # the model that is trained to its end
    every: int  # epochs from one evaluation to the next
    patience: int  # evaluations without a better metric that end the training
    most: int  # epochs at most
    evaluate: Sequence[str]  # options of the command `evaluate`


# Whole programs of 32 steps, as training has them.
FULL = Sizes(
    MODELS, ("--device", "gpu", "--rounds", "15", "--steps", "64"), 4,
    "cifar10_convolutional", 20, 5, 1000, ("--backend", "jax"),
)  # fmt: skip
# The smallest of each, on a CPU: whether all works.
TINY = Sizes(
    ("mnist",),
    ("--rounds", "1", "--steps", "1", "--batch", "10", "--width", "0.02",
     "--implementations", "ours_on_jax", "jax"),
    4, "mnist", 1, 1, 2, ("--backend", "jax", "--num-samples", "100", "--metrics", "fid_pixels"),
)  # fmt: skip
# Metrics that end the training when none of them gets better; of all, less is better.
WATCHED = ("fid_pixels", "kid_pixels", "two_sample_pixels")
# A change by less is no improvement: metrics of 10,000 samples move so much by chance.
LEAST = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, in tiny steps")
    args = parser.parse_args(argv)
    sizes = TINY if args.rehearse else FULL
    folder = args.folder.resolve()
    parts: dict[str, Callable[[], str]] = {"heading": lambda: heading(args.rehearse)}
    for model in sizes.models:
        for precision in ("float32", "tf32"):
            parts[f"steps_{model}_{precision}"] = lambda m=model, p=precision: (  # type: ignore[misc]
                steps(folder, sizes, m, p)
            )
    for model in sizes.models:
        parts[f"epochs_{model}"] = lambda m=model: epochs(folder, sizes, m)  # type: ignore[misc]
    parts["training"] = lambda: training(folder, sizes)
    failed = []
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        path = folder / "parts" / f"{name}.md"
        if not path.exists():
            print(f"gpu.py: {name}", file=sys.stderr, flush=True)
            try:
                write(path, part())
            except (subprocess.CalledProcessError, OSError, ValueError) as error:
                print(f"gpu.py: {name} failed: {error}", file=sys.stderr)
                failed.append(name)
        texts = [(folder / "parts" / f"{done}.md") for done in parts]
        lines = [text.read_text() for text in texts if text.exists()]
        lines += [f"Missing: {name}, which failed.\n" for name in failed]
        write(folder / "gpu.md", "\n".join(lines))
    print((folder / "gpu.md").read_text())
    return 1 if failed else 0


def write(path: Path, text: str) -> None:
    """Write a file as a whole, so that an interruption leaves none."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def run(*command: str) -> str:
    """What a command of this repository prints."""
    print(f"gpu.py: python {' '.join(command)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def heading(is_rehearsal: bool) -> str:
    def said(*command: str) -> str:
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        except OSError:
            return "unknown"
        return done.stdout.strip() or "unknown"

    gpu = "a rehearsal on the CPU: no figure means anything" if is_rehearsal else said(
        "nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"
    )  # fmt: skip
    commit = said("git", "rev-parse", "--short", "HEAD")
    return f"### On a GPU\n\nOn {gpu}; commit {commit}, by `benchmarks/gpu.sh`.\n"


def steps(folder: Path, sizes: Sizes, model: str, precision: str) -> str:
    name = f"{model}_{precision}"
    options = ["--model", model, "--precision", precision, *sizes.step]
    printed = run("benchmarks/step.py", *options, "--json", str(folder / f"{name}.json"))
    # Its table is Markdown; what stands above and below becomes paragraphs.
    above, bar, rest = printed.partition("|")
    rows, end, below = rest.rpartition("|\n")
    return f"{above}\n{bar}{rows}{end}\n{below}"


def epochs(folder: Path, sizes: Sizes, model: str) -> str:
    out = folder / "epochs" / model
    shutil.rmtree(out, ignore_errors=True)
    options = ["--out", str(out), "--backend", "jax", "--max-epochs", str(sizes.epochs)]
    run("train.py", f"yaml/{model}.yaml", *options, "--quiet")
    with open(out / f"{model}.monitor.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    # The first epoch compiles; the seconds of a whole one are known one epoch later.
    steps_only = median(float(row["training_seconds_this_epoch"]) for row in rows[2:])
    whole = [float(row["total_seconds_last_epoch"]) for row in rows[3:]] or [float("nan")]
    return f"An epoch of {model}: {steps_only:.2f} s, with monitoring {median(whole):.2f} s.\n"


def training(folder: Path, sizes: Sizes) -> str:
    """Train to the end, and make a table of metrics; each stage leaves its own files."""
    out = folder / "training"
    model = out / f"{sizes.trained}.pkl"
    tables: dict[int, dict[str, float]] = {}
    epoch = 0
    while epoch < sizes.most and not is_over(list(tables.values()), sizes.patience):
        epoch += sizes.every
        table = out / f"metrics_{epoch}.csv"
        if not table.exists():
            start = ["--resume", str(model)] if model.exists() else [
                f"yaml/{sizes.trained}.yaml", "--out", str(out)
            ]  # fmt: skip
            # A training that was interrupted after this epoch has nothing left to train.
            run("train.py", *start, "--backend", "jax", "--max-epochs", str(epoch), "--quiet")
            for ending in (".pkl", ".png"):
                shutil.copy(model.with_suffix(ending), out / f"epoch_{epoch}{ending}")
            partial = out / "partial.csv"
            options = [*sizes.evaluate, "--csv", str(partial), "--overwrite"]
            run("-m", "adversarial.scripts.evaluate", str(out / f"epoch_{epoch}.pkl"), *options)
            partial.replace(table)
        tables[epoch] = read(table)
    names = list(dict.fromkeys(name for found in tables.values() for name in found))
    lines = [
        f"yaml/{sizes.trained}.yaml, until {' and '.join(WATCHED)} had not got better by "
        f"{LEAST:.0%} for {sizes.patience} evaluations, or {sizes.most} epochs:\n",
        f"| epoch | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for epoch, found in tables.items():
        values = [f"{found[name]:.4g}" if name in found else "" for name in names]
        lines.append(f"| {epoch} | {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def read(table: Path) -> dict[str, float]:
    with open(table, newline="") as stream:
        return {row["metric"]: float(row["value"]) for row in csv.DictReader(stream)}


def is_over(tables: Sequence[dict[str, float]], patience: int) -> bool:
    """Whether in the last `patience` tables no watched metric is better than in all before."""
    before, last = tables[:-patience], tables[-patience:]
    if not before:
        return False
    for name in WATCHED:
        earlier = [found[name] for found in before if name in found]
        later = [found[name] for found in last if name in found]
        if earlier and later and min(later) < min(earlier) * (1 - LEAST):
            return False
    return True


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
