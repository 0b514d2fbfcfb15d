"""Write a YAML file that trains adversarial nets on data of your own.

python -m adversarial.scripts.new_experiment photos/ --out photos.yaml
python train.py photos.yaml

The data may be a folder of images, a NumPy, HDF5 or idx file, or a table of numbers (CSV). The
file has a comment for each choice. docs/DATA.md describes the data sets.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import sys
from collections.abc import Sequence

from adversarial.config.yaml_parse import load_phases
from adversarial.datasets.recognize import recognize
from adversarial.files.atomic_write import atomic_write
from adversarial.scripts import cli
from adversarial.scripts.inputs import recipe
from adversarial.scripts.inputs.recipe_choices import shape_of_size


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Write a YAML file that trains on data of your own.")
    add = parser.add_argument
    add("data", help="folder of images, or a file: .npy, .npz, .h5, idx, .csv")
    add("--out", metavar="YAML", help="file to write (DATA's name, .yaml)")
    cli.add_overwrite(parser)
    add(
        "--size",
        nargs=2,
        type=cli.positive_int,
        metavar=("ROWS", "COLUMNS"),
        help="resize the images of a folder to this size",
    )
    add(
        "--columns",
        metavar="NAME[,NAME]",
        help="the columns of a table that are data (those of numbers, but for a label, identifiers "
        "and constants)",
    )
    add(
        "--dense",
        action="store_true",
        help="dense networks for images in colour, too: less time for an epoch, coarser images",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = args.out or default_name(args.data)
    if not out.endswith((".yaml", ".yml")):
        raise ValueError(f"--out {out}: the name of a YAML file ends in .yaml")
    cli.output_path(out, args.data, "", args.overwrite)
    columns = None if args.columns is None else columns_of(args.columns)
    found = shape_of_size(recognize(args.data, columns), args.size)
    text = recipe.write(found, os.path.dirname(out) or ".", args.dense)
    load_phases(out, text=text)  # checks all names and arguments
    with atomic_write(out) as stream:
        stream.write(text.encode("utf-8"))
    print(text[2 : text.index("\n")])
    for note in found.notes:
        print(f"note: {note}")
    print(f"wrote {out}; now: adversarial-train {shlex.quote(out)}")


def columns_of(text: str) -> list[str]:
    """The names in the value of --columns; one that contains a comma is in quotes.

    >>> columns_of('petal, sepal,"length, cm"')
    ['petal', 'sepal', 'length, cm']
    """
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"--columns {text}: must be different names of columns, A,B")
    return names


def default_name(data: str) -> str:
    """The name of the YAML file for the data `data`, in the current folder.

    >>> default_name("pictures/cats/"), default_name("iris.csv"), default_name("train.npy.gz")
    ('cats.yaml', 'iris.yaml', 'train.yaml')
    """
    name = os.path.basename(os.path.abspath(data))
    return (name.lstrip(".").split(".")[0] or "experiment") + ".yaml"


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
