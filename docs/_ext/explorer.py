"""Sphinx extension: the page to play with the trained model, `_static/explorer.html` of the site.

`adversarial.scripts.explore` writes it (10 MB), so it is made by each build and not kept in the
repository. docs/EXPLORE.md shows it, where it says `<!-- generated: explorer -->`.
"""

from pathlib import Path

from generated import PARTS

from adversarial import load
from adversarial.explorer.page import write_page

MODEL = Path(__file__).parents[2] / "pretrained" / "mnist_table1.pkl"
FRAME = """
<iframe class="explorer" src="../_static/explorer.html" title="Play with the trained model"
loading="lazy"></iframe>

<a href="../_static/explorer.html">This page alone, for the model of <code>pretrained/</code>
(10 MB).</a>
"""


def frame(_: str) -> str:
    """The page within a page of the folder docs."""
    return FRAME


PARTS["explorer"] = frame


def _write(app, error):
    if error is None and app.builder.format == "html":
        page = Path(app.outdir, "_static", "explorer.html")
        page.unlink(missing_ok=True)
        write_page(load(str(MODEL)), str(page), MODEL.stem)


def setup(app):
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}
