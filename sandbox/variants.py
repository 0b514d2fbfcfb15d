"""Variants of an experiment: its YAML with a few words replaced.

    python -m sandbox.variants sandbox/coordination/experiment.yaml k_2 > k_2.yaml

The file variants.yaml beside an experiment says, for each variant by name, what is replaced by
what. So one YAML holds the networks and the schedule that all of them share.
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
    """The variants of the experiment `path`: replacements by name, as `table` has them.

    That is, unless given, the file variants.yaml beside the experiment.
    """
    if table is None:
        table = os.path.join(os.path.dirname(path), "variants.yaml")
    found = yaml_parse.load_path(table)
    if not isinstance(found, dict):
        raise ValueError(f"{table}: is no mapping of variants by name")
    for name, replacements in found.items():
        if not isinstance(replacements, dict) or not all(
            isinstance(text, str) for pair in replacements.items() for text in pair
        ):
            raise ValueError(f"{table}: {name}: is no mapping of text to text")
    return found


def variant(path: str, name: str, table: str | None = None) -> str:
    """The text of the experiment `path` as the variant `name` of it.

    ValueError where there is no such variant, or one of its replacements does not fit.
    """
    known = variants_of(path, table)
    if name not in known:
        close = nearest(name, known)
        hint = f"; did you mean {close}?" if close else ""
        raise ValueError(f"{path}: has no variant {name}{hint}")
    with open_text(path) as stream:
        text = stream.read()
    try:
        return edited(text, known[name])
    except ValueError as error:
        raise ValueError(f"{path}: variant {name}: {error}") from None


def edited(text: str, replacements: Mapping[str, str]) -> str:
    """`text` with each key replaced by its value; ValueError unless the key stands there once."""
    for old, new in replacements.items():
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands there {text.count(old)} times, not once")
        text = text.replace(old, new)
    return text


def main(argv: Sequence[str] | None = None) -> None:
    parser = cli.Parser(description="Print the YAML of a variant of an experiment.")
    parser.add_argument("experiment", help="YAML file")
    parser.add_argument("variant", nargs="?", help="its name (without one: list the names)")
    parser.add_argument(
        "--table", metavar="YAML", help="what holds the variants (variants.yaml beside it)"
    )
    args = parser.parse_args(argv)
    if args.variant is None:
        print("\n".join(variants_of(args.experiment, args.table)))
    else:
        sys.stdout.write(variant(args.experiment, args.variant, args.table))


if __name__ == "__main__":
    sys.exit(cli.run(main))
