"""Write a YAML file that trains adversarial nets on data of your own.

python -m adversarial.scripts.new_experiment photos/ --out photos.yaml
python train.py photos.yaml

The data may be a folder of images, a NumPy, HDF5 or idx file, or a table of numbers (CSV). The
file has a comment for each choice. docs/DATA.md describes the data sets.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from adversarial.config.yaml_parse import load_phases
from adversarial.datasets.recognize import recognize
from adversarial.scripts import cli
from adversarial.scripts.inputs import recipe
from adversarial.scripts.inputs.recipe_choices import shape_of_size


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Write a YAML file that trains on data of your own.")
    add = parser.add_argument
    add("data", help="folder of images, or a file: .npy, .npz, .h5, idx, .csv")
    add("--out", metavar="YAML", help="file to write, which must be new (DATA's name, .yaml)")
    add(
        "--size",
        nargs=2,
        type=cli.positive_int,
        metavar=("ROWS", "COLUMNS"),
        help="resize the images of a folder to this size",
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
    if os.path.lexists(out):
        raise FileExistsError(f"{out} exists already: --out names another file")
    cli.output_path(out, args.data, "")
    found = shape_of_size(recognize(args.data), args.size)
    text = recipe.write(found, os.path.dirname(out) or ".", args.dense)
    load_phases(out, text=text)  # checks all names and arguments
    with open(out, "x", encoding="utf-8") as stream:
        stream.write(text)
    print(text[2 : text.index("\n")])
    for note in found.notes:
        print(f"note: {note}")
    print(f"wrote {out}; now: adversarial-train {shlex.quote(out)}")


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
