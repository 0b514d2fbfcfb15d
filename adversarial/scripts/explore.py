"""Write a page to play with a trained model in a browser.

    python -m adversarial.scripts.explore mnist.pkl --out mnist.html

The page is one file, which needs no network: the model is in it, and runs in the browser. There,
a user moves through z, walks between samples, sees D's verdict on each, and keeps samples.
`adversarial.explorer` makes the page; docs/EXPLORE.md describes it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from adversarial import modelfile
from adversarial.explorer.page import write_page
from adversarial.scripts import cli

# Phones have trouble with larger pages.
LARGE_MEGABYTES = 20


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Write a page to play with a trained model in a browser.")
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add("--out", metavar="HTML", help="page to write (beside the model: STEM_explore.html)")
    cli.add_overwrite(parser)
    add("--seed", type=cli.seed, default=0, help="for the first samples (0)")
    add(
        "--float32",
        action="store_true",
        help="do not round the weights to float16; the page is twice as large",
    )
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    if args.out and not args.out.lower().endswith((".html", ".htm")):
        raise ValueError(f"--out {args.out}: the name of a page ends in .html")
    out = cli.output_path(args.out, args.model, "_explore.html", args.overwrite)
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    title = os.path.splitext(os.path.basename(args.model))[0]
    with cli.blaming(args.model):
        size = write_page(model, out, title, not args.float32, args.seed) / 1e6
    print(f"wrote {out}, {size:.1f} MB")
    if size > LARGE_MEGABYTES:
        print(
            f"warning: a page of {size:.0f} MB takes long to open, and phones may not open it",
            file=sys.stderr,
        )


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
