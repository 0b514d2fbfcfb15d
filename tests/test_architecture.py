"""Each subpackage imports only from those that docs/ARCHITECTURE.md lists above it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "adversarial"


def tables():
    """The rows of the page's first two tables: (subpackages in order, (file, imported) pairs)."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    found = [
        re.findall(r"^\| `([\w./]+)` \| (?:`(\w+)`)?", table, re.MULTILINE)
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    ]
    order, exceptions = found[:2]
    return [re.sub(r"/$|\.py$", "", name) for name, _ in order], set(exceptions)


def imports(path):
    """The subpackages and top-level modules of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [node.module]
            if node.module == "adversarial":
                names = [f"adversarial.{alias.name}" for alias in node.names]
        for name in names:
            top, *below = name.split(".")
            if top == "adversarial" and below:
                yield below[0]


def test_the_table_lists_all_subpackages_and_modules():
    order, _ = tables()
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py"} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert sorted(order) == sorted(there - {"__init__"})


def test_imports_follow_the_order():
    order, exceptions = tables()
    upward, used = [], set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        own = name.parts[0].replace(".py", "")
        if own == "__init__":
            continue
        allowed = order[: order.index(own) + 1]
        for imported in set(imports(path)):
            if (str(name), imported) in exceptions:
                used.add((str(name), imported))
            elif imported not in allowed:
                upward.append(f"{name} imports {imported}")
    assert not upward
    assert used == exceptions, "an exception that nothing needs"


def test_the_package_imports_nothing_from_the_sandbox_or_the_benchmarks():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) (sandbox|benchmarks)\b", text, re.MULTILINE), path
