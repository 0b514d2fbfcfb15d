"""The hand-written pages of docs/reference agree with the code; the others are made from it."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
# Words of capitals in the code that are no environment variables.
OTHERS = {"C_T", "FAST_COMPILE", "FAST_RUN", "FOR_C", "IMAGE_SHAPE", "RESOURCE_EXHAUSTED"}
OTHERS |= {
    "RESOURCE_DOES_NOT_EXIST",
    "O_BINARY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "SC_PAGE_SIZE",
    "SC_PHYS_PAGES",
}
# Variables of a YAML file, which docs/guide/yaml_files.md lists.
OF_YAML = re.compile("(PYLEARN2|ADVERSARIAL)_TRAIN_")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|AESARARC|DISPLAY|HOME|LOCALAPPDATA")


def first_column(name):
    """The words between backticks in the first cells of a page's tables."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return {word for cell in cells for word in re.findall("`([^`]+)`", cell)}


def texts(path):
    """The texts in a module but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_every_environment_variable_is_listed():
    found = {
        text
        for path in (ROOT / "adversarial").rglob("*.py")
        for text in texts(path)
        if VARIABLE.fullmatch(text) and not OF_YAML.match(text)
    }
    assert found - OTHERS == first_column("environment")


def test_the_variables_of_a_yaml_file_are_listed():
    page = (ROOT / "docs" / "guide" / "yaml_files.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    nodes = ROOT / "adversarial" / "config" / "nodes.py"
    made = {text for text in texts(nodes) if OF_YAML.match(text)}
    assert listed == made | {"SEED", "PYLEARN2_DATA_PATH"}


def test_exit_statuses_are_those_of_the_code():
    text = (PAGES / "exit_status.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `([\w.]+)` \|", text, re.MULTILINE)
    assert len(rows) == 2
    for number, name in rows:
        module, _, constant = name.rpartition(".")
        assert getattr(importlib.import_module(module), constant) == int(number)


def test_each_class_that_a_yaml_can_name_is_on_one_page():
    names = (ROOT / "tests" / "config" / "admitted_names.txt").read_text(encoding="utf-8").split()
    places = [
        part
        for page in PAGES.glob("*.md")
        for line in re.findall(r"<!-- generated: classes (.*) -->", page.read_text("utf-8"))
        for part in line.split()
    ]
    for name in names:
        assert sum(f"{name}.".startswith(f"{place}.") for place in places) == 1, name
