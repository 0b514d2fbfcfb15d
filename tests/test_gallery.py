"""docs/gallery: the notebooks can be read, what they import exists, and they do what they say."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from adversarial.datasets.mnist import MNIST

jupytext = pytest.importorskip("jupytext", reason="jupytext is missing: pip install -e '.[docs]'")
ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "gallery").glob("*.py"))
NAMES = [page.stem for page in PAGES]

# A training of seconds, to see that the lines of a notebook fit together.
SHORT = {"EPOCHS": 2, "EXAMPLES": 2000}

# What the text of each notebook says about its results, in the names of its last cell.
CLAIMS = {
    "conditional": """
assert np.mean(right[-1]) > 0.5, right
assert np.mean(share) < 0.9, share""",
    "figure1": """
assert areas[-1] < areas[0] / 2, areas
assert moments[-1].distance < 0.1""",
    "own_images": """
gaps = np.linalg.norm(np.asarray(samples) - nearest, axis=1)
spread = np.linalg.norm(images.X - images.X.mean(axis=0), axis=1).mean()
assert 0.1 < gaps.min() and np.median(gaps) < spread, (gaps, spread)""",
    "paper": """
assert of_samples[:50].mean() > of_samples.min()
assert -np.log(4) < value(test[:1000], draw(many_z)) < 0""",
    "parzen": """
scores = {kind: row[0] for kind, row in found.items()}
distances = {kind: row[3] for kind, row in found.items()}
assert scores["averages"] > scores["digits"] + 50 and scores["pale"] > scores["digits"], scores
assert 0 < scores["digits"] - scores["no fours"] < 30 < scores["digits"] - scores["shifted"]
assert min(scores, key=scores.get) == "noise", scores
assert min(distances, key=distances.get) == "digits", distances""",
    "walk_in_z": """
assert strengths[0] > 100 * strengths[49]""",
}


def read(name):
    return jupytext.read(ROOT / "docs" / "gallery" / f"{name}.py")


def with_settings(notebook, settings):
    """The notebook with other values in its cell of parameters; each of them must be there."""
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
    for name, value in settings.items():
        cell.source, changed = re.subn(rf"(?m)^{name} = \d+", f"{name} = {value}", cell.source)
        assert changed == 1, name
    return notebook


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_each_notebook_has_its_tests():
    assert list(CLAIMS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_imported_exists(name):
    nodes = ast.walk(ast.parse("\n".join(code_of(read(name)))))
    found = 0
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for alias in node.names:
                found += 1
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
    assert found


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_title_and_captions_in_order(name):
    notebook = read(name)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.cells[0].source.startswith("# ")
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    captions = re.findall(r"\*\*Figure ([A-Z])\.\*\*", "\n".join(texts))
    assert captions == [chr(ord("A") + i) for i in range(len(captions))] and captions


@pytest.mark.parametrize("name", NAMES)
def test_links_of_a_notebook_lead_somewhere(name):
    for cell in read(name).cells:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source):
            assert (ROOT / "docs" / "gallery" / link).exists(), link


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_the_gallery_lists_it(name):
    assert f"({name}.py)" in (ROOT / "docs" / "gallery" / "README.md").read_text(encoding="utf-8")


def test_the_lines_fit_together(fast_compile, monkeypatch):
    """One notebook, without Jupyter and without C."""
    matplotlib = pytest.importorskip("matplotlib")
    pytest.importorskip("IPython")
    matplotlib.use("Agg")
    names = {"__name__": "notebook"}
    for source in code_of(with_settings(read("figure1"), SHORT)):
        exec(source, names)
    assert [moment.title for moment in names["moments"]] == ["epoch 0", "epoch 1", "epoch 2"]
    assert names["areas"][-1] != names["areas"][0]


def run(notebook, timeout):
    """Execute it as the site does; its outputs are in its cells."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    place = {"metadata": {"path": str(ROOT / "docs" / "gallery")}}
    nbclient.NotebookClient(notebook, timeout=timeout, resources=place).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.get("name") != "stderr", output
    return notebook


def shows(cell):
    kinds = ("image/png", "image/gif", "text/html")
    return any(
        kind in output.get("data", ()) for output in cell.get("outputs", ()) for kind in kinds
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_does_what_it_says(name):
    # A download would be announced in the notebook.
    for which_set in ("train", "test"):
        MNIST(which_set=which_set, start=0, stop=1)
    notebook = read(name)
    claims = jupytext.reads(f"# %%\n{CLAIMS[name].strip()}\n", fmt="py:percent").cells
    notebook.cells += claims
    run(notebook, timeout=1800)
    pictured = False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            pictured = pictured or shows(cell)
        elif cell.source.startswith("**Figure"):
            assert pictured, cell.source
            pictured = False


def texts(svg):
    return re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)


def test_the_scheme_for_slides_is_what_its_command_draws(tmp_path):
    pytest.importorskip("matplotlib")
    slides = ROOT / "docs" / "slides"
    drawn = tmp_path / "scheme.svg"
    subprocess.run([sys.executable, slides / "scheme.py", drawn], cwd=ROOT, check=True)
    found = texts(drawn.read_text(encoding="utf-8"))
    assert found == texts((slides / "scheme.svg").read_text(encoding="utf-8"))
    assert {"generator G", "discriminator D"} <= set(found)


def test_the_explorer_is_written_and_shown(tmp_path, monkeypatch):
    """The parts of the site that show the page to play with a model."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    explorer = importlib.import_module("explorer")
    (tmp_path / "_static").mkdir()
    app = types.SimpleNamespace(builder=types.SimpleNamespace(format="html"), outdir=tmp_path)
    explorer._write(app, None)
    assert (tmp_path / "_static" / "explorer.html").stat().st_size > 1e6
    page = (ROOT / "docs" / "EXPLORE.md").read_text(encoding="utf-8")
    assert "explorer.html" in importlib.import_module("generated").expand(page)
