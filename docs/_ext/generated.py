"""Sphinx extension: parts of pages that are made from the code when the site is built.

A page says where such a part belongs, and with which argument:

    <!-- generated: commands -->
    <!-- generated: classes adversarial.models -->

Readers of the repository do not see the line. `PARTS` has the function for each name, which returns
Markdown for MyST. A name that is not there, or an argument that fits nothing, ends the build.
"""

import re
from pathlib import Path

import class_reference
import command_reference
import file_reference

HERE = Path(__file__).parent
MARKER = re.compile(r"^<!-- generated: (\S+) ?(.*?) -->$", re.MULTILINE)


def contents(_: str) -> str:
    """The table of contents of the site, which the first page holds."""
    return (HERE / "contents.txt").read_text(encoding="utf-8")


PARTS = {
    "contents": contents,
    "classes": class_reference.classes,
    "numpy": class_reference.numpy_names,
    "commands": command_reference.commands,
    "functions": file_reference.functions,
    "module": file_reference.module,
    "nodes": file_reference.nodes,
}


def expand(text: str) -> str:
    """The text of a page with its generated parts.

    Raises
    ------
    KeyError
        For a name that is not in `PARTS`.
    """
    return MARKER.sub(lambda match: PARTS[match[1]](match[2]), text)


def _read(app, docname, source):
    source[0] = expand(source[0])


def setup(app):
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
