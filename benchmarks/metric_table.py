"""The table of docs/EVALUATION.md: metrics of every model of the repository, by one command.

python benchmarks/metric_table.py FOLDER
python benchmarks/metric_table.py FOLDER --models mnist_25 mnist_50 --metrics fid,recall

A model that FOLDER lacks is trained, up to its number of epochs; a model without a table of results
is evaluated. Each is done once, so the same command continues after an interruption. All models
take about two hours on two cores.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from adversarial import modelfile
from adversarial.scripts import evaluate

ROOT = Path(__file__).parents[1]


class Recipe(NamedTuple):
    """How a model is made: `file` is what the experiment `config` has saved after `epochs`."""

    config: str
    epochs: int
    file: str


MNIST = "yaml/mnist.yaml"
TABLE1 = "yaml/mnist_table1.yaml"
# Stages of one training follow each other: the next one resumes it.
RECIPES = {
    **{f"mnist_{n}": Recipe(MNIST, n, "mnist.pkl") for n in (1, 10, 25, 50, 100, 150, 200, 250)},
    "quick": Recipe("yaml/mnist_quick.yaml", 20, "mnist_quick.pkl"),
    "table1": Recipe(TABLE1, 150, "mnist_table1.pkl"),
    "table1_averaged": Recipe(TABLE1, 150, "mnist_table1_averaged.pkl"),
    "conditional": Recipe("sandbox/conditional/experiment.yaml", 40, "experiment.pkl"),
    "conditional_small": Recipe("sandbox/conditional/small.yaml", 12, "small.pkl"),
}


def train(folder: Path, name: str, recipe: Recipe) -> Path:
    """The file FOLDER/NAME.pkl, which is made unless it is there."""
    target = folder / f"{name}.pkl"
    if target.exists():
        return target
    run = folder / "trainings" / Path(recipe.config).with_suffix("")
    saved = run / f"{Path(recipe.config).stem}.pkl"
    argv = ["--resume", str(saved)] if saved.exists() else [recipe.config, "--out", str(run)]
    argv += ["--max-epochs", str(recipe.epochs), "--quiet"]
    print(f"{name}: train.py {' '.join(argv)}", file=sys.stderr)
    subprocess.run([sys.executable, "train.py", *argv], cwd=ROOT, check=True)
    done = modelfile.load(str(saved)).monitor.get_epochs_seen()
    if done > recipe.epochs:
        sys.exit(
            f"metric_table.py: {saved} has had {done} epochs, and {name} is to have "
            f"{recipe.epochs}\nRemove {run}, and it is trained again"
        )
    partial = target.with_suffix(".partial")
    shutil.copyfile(run / recipe.file, partial)
    os.replace(partial, target)
    return target


def judge(folder: Path, model: Path, options: Sequence[str], baselines: bool = False) -> Path:
    """The table of results FOLDER/NAME.csv, which is made unless it is there."""
    name = "baselines" if baselines else model.stem
    table = folder / f"{name}.csv"
    if not table.exists():
        partial = table.with_suffix(".partial")  # after an error, it has some of the metrics
        argv = [str(model), *options, "--csv", str(partial), "--overwrite"]
        evaluate.main([*argv, "--baselines"] if baselines else argv)
        os.replace(partial, table)
    return table


def read(table: Path) -> dict[str, dict[str, str]]:
    """{model: {metric: value and error}} of a table of results."""
    found: dict[str, dict[str, str]] = {}
    with open(table, newline="") as stream:
        for row in csv.DictReader(stream):
            error = f" +- {float(row['uncertainty']):.2g}" if row["uncertainty"] else ""
            cell = f"{float(row['value']):,.4g}{error}"
            found.setdefault(Path(row["model"]).stem, {})[row["metric"]] = cell
    return found


def markdown(columns: dict[str, dict[str, str]]) -> str:
    """Metrics as rows, models as columns."""
    metrics = list(dict.fromkeys(metric for column in columns.values() for metric in column))
    lines = [f"| metric | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    for metric in metrics:
        cells = (column.get(metric, "") for column in columns.values())
        lines.append(f"| `{metric}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Metrics of every model of the repository.")
    parser.add_argument("folder", type=Path, help="of the models and of the tables of results")
    parser.add_argument("--models", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--metrics", help="as for evaluate (all that do not take minutes)")
    parser.add_argument("--num-samples", default="10000", help="as for evaluate (10000)")
    args = parser.parse_args(argv)
    options = ["--num-samples", args.num_samples]
    options += ["--metrics", args.metrics] if args.metrics else []
    folder = args.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, dict[str, str]] = {}
    for name in (each for each in RECIPES if each in args.models):
        model = train(folder, name, RECIPES[name])
        columns.update(read(judge(folder, model, options)))
    both = read(judge(folder, model, options, baselines=True))
    print(markdown({"data": both["data"], **columns, "noise": both["noise"]}))


if __name__ == "__main__":
    main()
