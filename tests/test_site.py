"""The documentation site: it is built without a warning, and each of its links leads somewhere."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from time_bounds import LONGEST

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install -e '.[docs]'")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-c", "docs", "-W", "--keep-going"]
    built = subprocess.run(
        [*command, "-d", out / "doctrees", ".", out / "html"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert not built.returncode, built.stderr
    return out / "html"


class Page(HTMLParser):
    """The addresses that a page refers to, and the anchors in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and value and tag != "link":
                self.links.append(value)


def test_no_link_is_dead(site):
    pages = {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    assert len(pages) > 30
    dead = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"(https?|mailto|data):", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not target.exists():
                dead.append((path.name, link))
            elif anchor and target in pages and anchor not in pages[target].anchors:
                dead.append((path.name, link))
    assert not dead


NOTEBOOKS = sorted((ROOT / "docs" / "gallery").glob("*.py"))


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_can_be_downloaded_from_its_page(site, source):
    page = site / "docs" / "gallery" / f"{source.stem}.html"
    (link,) = (link for link in Page(page).links if link.endswith(".ipynb"))
    notebook = json.loads((page.parent / link).read_text(encoding="utf-8"))
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(code) > 3 and notebook["nbformat"] == 4
    assert all(cell in source.read_text(encoding="utf-8") for cell in code)
    linked = re.findall(r"\]\((\w+\.\w+)\)", json.dumps(notebook))
    assert all((page.parent / link).with_name(name).exists() for name in linked), linked
    # This site was built without running the notebooks.
    assert "The figures appear when you run" in page.read_text(encoding="utf-8")


def test_a_notebook_that_was_run_says_nothing_about_missing_figures(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    notebooks = importlib.import_module("notebooks")
    text = NOTEBOOKS[0].read_text(encoding="utf-8")
    assert notebooks.NOT_RUN in notebooks.with_note(text, "name", executed=False)
    assert notebooks.NOT_RUN not in notebooks.with_note(text, "name", executed=True)


def test_equations_need_no_network(site):
    page = (site / "docs" / "gallery" / "paper.html").read_text(encoding="utf-8")
    assert page.count("<math") > 30 and "<munder>" in page
    scripts = [link for link in re.findall(r'<script[^>]* src="([^"]+)"', page)]
    assert scripts and not [link for link in scripts if "//" in link]


def test_long_paths_in_cells_may_break_after_slashes(site):
    page = (site / "docs" / "PAPER.html").read_text(encoding="utf-8")
    assert "adversarial/<wbr>models/<wbr>generator.py" in page
    assert "sandbox/minimal.py" in page  # not in a table


def test_each_page_is_in_the_table_of_contents(site):
    listed = {unquote(link).partition("#")[0] for link in Page(site / "README.html").links}
    special = {"README.html", "index.html", "genindex.html", "search.html"}
    made = {str(path.relative_to(site)) for path in site.rglob("*.html")} - special
    assert {page for page in made if not page.startswith("_")} <= listed
