"""The examples in the docstrings of the package give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").replace(".__init__", "")
    for folder in ("adversarial", "sandbox")
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, fast_compile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert not failed


def test_every_class_that_a_yaml_can_name_has_an_example():
    """Only a named tuple has none, and data sets that need files, which show their YAML."""
    names = (ROOT / "tests/config/admitted_names.txt").read_text(encoding="utf-8").split()
    missing = set()
    for name in names:
        module, _, short = name.rpartition(".")
        if module.startswith("adversarial."):
            found = getattr(importlib.import_module(module), short)
            if isinstance(found, type) and ">>> " not in (found.__doc__ or ""):
                missing.add(short)
    assert missing == {
        "CIFAR10",
        "GeneratorOutput",
        "MNIST",
        "MNIST_rotated_background",
        "TFD",
    }
