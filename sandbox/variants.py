"""Variants of an experiment: its YAML text with some parts replaced.

    python -m sandbox.variants sandbox/coordination/experiment.yaml k_2 > k_2.yaml

The file variants.yaml beside an experiment maps the name of each variant to replacements of text.
So all variants share the networks and the schedule of one YAML file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from adversarial.config import yaml_parse
from adversarial.files.opening import open_text
from adversarial.scripts import cli
from adversarial.utils.string_utils import nearest


def variants_of(path: str, table: str | None = None) -> dict[str, dict[str, str]]:
    """The replacements of each variant of the experiment `path`, by name.

    Parameters
    ----------
    path : str
        YAML file of the experiment.
    table : str, optional
        YAML file of the variants; by default variants.yaml beside the experiment.

    Raises
    ------
    ValueError
        If the table does not map names to mappings of text to text.
    """
    if table is None:
        table = os.path.join(os.path.dirname(path), "variants.yaml")
    found = yaml_parse.load_path(table)
    if not isinstance(found, dict):
        raise ValueError(f"{table}: must be a mapping of names to variants")
    for name, replacements in found.items():
        if not isinstance(replacements, dict) or not all(
            isinstance(text, str) for pair in replacements.items() for text in pair
        ):
            raise ValueError(f"{table}: {name}: must be a mapping of text to text")
    return found


def variant(path: str, name: str, table: str | None = None) -> str:
    """The YAML text of a variant of the experiment `path`.

    Raises
    ------
    ValueError
        If there is no such variant, or a text to replace does not occur exactly once.
    """
    known = variants_of(path, table)
    if name not in known:
        close = nearest(name, known)
        hint = f"; did you mean {close}?" if close else ""
        raise ValueError(f"{path}: has no variant {name}{hint}")
    with open_text(path) as stream:
        text = stream.read()
    try:
        return replace_text(text, known[name])
    except ValueError as error:
        raise ValueError(f"{path}: variant {name}: {error}") from None


def replace_text(text: str, replacements: Mapping[str, str]) -> str:
    """`text` with each key replaced by its value.

    Raises
    ------
    ValueError
        If a key does not occur exactly once.

    >>> replace_text("batch_size: 100", {"100": "50"})
    'batch_size: 50'
    """
    for old, new in replacements.items():
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times, not once")
        text = text.replace(old, new)
    return text


def main(argv: Sequence[str] | None = None) -> None:
    parser = cli.Parser(description="Print the YAML of a variant of an experiment.")
    parser.add_argument("experiment", help="YAML file")
    parser.add_argument(
        "variant", nargs="?", help="name of the variant (without it: list the names)"
    )
    parser.add_argument(
        "--table", metavar="YAML", help="file of the variants (variants.yaml beside the experiment)"
    )
    args = parser.parse_args(argv)
    if args.variant is None:
        print("\n".join(variants_of(args.experiment, args.table)))
    else:
        sys.stdout.write(variant(args.experiment, args.variant, args.table))


if __name__ == "__main__":
    sys.exit(cli.run(main))
