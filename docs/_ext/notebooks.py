"""Sphinx extension: what a page of the gallery says below its title, and its file for Jupyter.

A notebook of the gallery is a Python file. The site offers it as `.ipynb`, which Jupyter opens
without jupytext; jupytext makes that file, in `_static/gallery/` of the built site.
"""

from __future__ import annotations

import re
from pathlib import Path

import jupytext

GALLERY = Path(__file__).parents[1] / "gallery"
# From the first line of the first cell, the title, to the next paragraph.
TITLE = re.compile(r"^# # .*\n#\n", re.MULTILINE)
DOWNLOAD = (
    '<a href="../../_static/gallery/{}.ipynb" download>Download this notebook for Jupyter</a>.'
)
NOT_RUN = (
    "This page shows no outputs, since the site was built without running the notebooks. "
    "The figures appear when you run the notebook."
)


def with_note(text: str, name: str, executed: bool) -> str:
    """The source of a notebook with a link to its `.ipynb` below the title.

    Parameters
    ----------
    text : str, in jupytext's percent format
    name : str
        The file's name without its ending.
    executed : bool
        Whether the page has outputs; otherwise the note says why it has none.
    """
    note = DOWNLOAD.format(name) + ("" if executed else f" {NOT_RUN}")
    return TITLE.sub(lambda title: f"{title[0]}# {note}\n#\n", text, count=1)


def for_jupyter(text: str) -> str:
    """A notebook as the text of an `.ipynb` file, without outputs; links lead to its neighbours."""
    notebook = jupytext.reads(text, fmt="py:percent")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\w+)\.py\)", r"](\1.ipynb)", cell.source)
    return jupytext.writes(notebook, fmt="ipynb")


def _add_note(app, docname, source):
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".py":
        source[0] = with_note(source[0], path.stem, app.config.nb_execution_mode != "off")


def _write(app, error):
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir, "_static", "gallery")
        folder.mkdir(exist_ok=True)
        for page in sorted(GALLERY.glob("*.py")):
            text = for_jupyter(page.read_text(encoding="utf-8"))
            (folder / f"{page.stem}.ipynb").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("source-read", _add_note)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}
