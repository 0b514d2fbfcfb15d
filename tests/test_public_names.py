"""Scripts and YAML files of 2014 find what they name: `names_of_2014.txt` lists it all."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adversarial.aliases import current_path
from adversarial.config.arguments import accepted_arguments
from adversarial.config.yaml_parse import Proxy, load_path, try_to_import
from adversarial.models.mlp import MLP, Linear
from adversarial.models.model import Model
from adversarial.utils.positional import order_of

# Private methods without a task here, each at its class.
WITHOUT_A_TASK = {
    "pylearn2.utils.iteration.FiniteDatasetIterator": {
        "_next": "all minibatches are formatted in one way",
        "_fallback_next": "every data set can be indexed by an array",
    },
}
# Attributes that were properties, on an object of the class.
MADE = {
    "pylearn2.models.model.Model": Model,
    "pylearn2.models.mlp.MLP": lambda: MLP(layers=[Linear(1, "y", irange=0.0)], nvis=1),
}
# What a YAML had no use for.
NOT_FOR_YAML = ("pylearn2.config.", "pylearn2.utils.", "pylearn2.gui.")
_ENTRY = re.compile(
    r"class (?P<cls>\w+)\((?P<bases>[\w, ]+)\) \((?P<init>.*)\) ?(?P<methods>[\w, ]*)"
    r"|def (?P<function>\w+)\((?P<args>.*)\)"
)


class Entry(NamedTuple):
    """One name of 2014: of a class (`bases` given) or of a function (None)."""

    path: str
    bases: list[str] | None
    methods: list[str]
    arguments: dict[str, Any]  # name -> default as an AST, None where there is none
    open: bool  # the bases may need more arguments


def read_entry(path: str, bases: str | None, methods: str, listed: str) -> Entry:
    found = ast.parse(f"def f({listed}): pass").body[0].args
    defaults = [None] * (len(found.args) - len(found.defaults)) + found.defaults
    return Entry(
        path,
        bases and bases.split(", "),
        methods.split(", ") if methods else [],
        {argument.arg: default for argument, default in zip(found.args, defaults)},
        open=bases is not None and (not listed or found.kwarg is not None),
    )


def read_names() -> list[Entry]:
    """The entries of `names_of_2014.txt`, where an indented line continues the one before it."""
    text = Path(__file__).with_name("names_of_2014.txt").read_text()
    entries, module = [], ""
    for line in re.sub(r"\n +", " ", text).splitlines():
        if line.startswith("["):
            module = line.strip("[]")
        elif line and line[0] != "#":
            found = _ENTRY.fullmatch(line)
            assert found, f"names_of_2014.txt: cannot read {line!r}"
            if found["cls"]:
                path, listed = f"{module}.{found['cls']}", found["init"]
                entry = read_entry(path, found["bases"], found["methods"], listed)
            else:
                entry = read_entry(f"{module}.{found['function']}", None, "", found["args"])
            entries.append(entry)
    return entries


ENTRIES = read_names()


def find(path: str) -> Any:
    """What `path` names today. ImportError or AttributeError if nothing."""
    module, _, name = current_path(path).rpartition(".")
    return getattr(importlib.import_module(module), name)


def taken_arguments(target: Any) -> list[inspect.Parameter]:
    """What can be given by name, in the order in which it can be given without.

    What a constructor takes as *args or **kwargs goes to the next one of its bases.
    """
    if not isinstance(target, type):
        return list(inspect.signature(target).parameters.values())
    by_place, by_name = [], []
    for function in [vars(cls)["__init__"] for cls in target.__mro__ if "__init__" in vars(cls)]:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        by_place += [found for found in parameters if found.kind is found.POSITIONAL_OR_KEYWORD]
        by_name += [found for found in parameters if found.kind is found.KEYWORD_ONLY]
        if all(found.kind is not found.VAR_KEYWORD for found in parameters):
            break
    return by_place + by_name


def problems(entry: Entry) -> list[str]:
    """What of `entry` is not as it was in 2014; empty if nothing."""
    try:
        target = find(entry.path)
    except (ImportError, AttributeError) as error:
        return [str(error)]
    found = [] if callable(target) else ["cannot be called"]
    if entry.bases is not None:
        if not isinstance(target, type):
            return ["is no class"]
        above = {cls.__name__ for cls in target.__mro__}
        found += [f"is no {base}" for base in entry.bases if base not in above]
        owner = MADE[entry.path]() if entry.path in MADE else target
        left_out = WITHOUT_A_TASK.get(entry.path, ())
        for method in entry.methods:
            if hasattr(owner, method) == (method in left_out):
                found.append(f"has {'' if method in left_out else 'no '}{method}")
    taken: dict[str, Any] = {}
    for argument in taken_arguments(target):
        taken.setdefault(argument.name, argument.default)
    for name, default in entry.arguments.items():
        if name not in taken:
            found.append(f"does not take {name}")
        # A default that is a name stands for a value that the list does not give.
        elif default is not None and not isinstance(default, ast.Name):
            was = ast.literal_eval(default)
            if _plain(taken[name]) != _plain(was):
                found.append(f"{name} was {was!r}, is {taken[name]!r}")
    if not entry.open:
        needed = accepted_arguments(target).required
        found += [f"needs {name}" for name in needed if name not in entry.arguments]
    order = order_of(target)[: len(entry.arguments)]
    if order != list(entry.arguments):
        found.append(f"takes its arguments in the order {', '.join(order)}")
    return found


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _by_path(entry: Entry) -> str:
    return entry.path


@pytest.mark.parametrize("entry", ENTRIES, ids=_by_path)
def test_is_as_it_was(entry):
    assert problems(entry) == []


NAMED_IN_YAML = [
    entry
    for entry in ENTRIES
    if entry.bases is not None
    and not entry.path.startswith(NOT_FOR_YAML)
    and "._" not in entry.path
    and "Error" not in entry.path
]


@pytest.mark.parametrize("entry", NAMED_IN_YAML, ids=_by_path)
def test_a_yaml_may_name_the_class(entry):
    assert try_to_import(entry.path) is find(entry.path)


def test_the_check_can_fail():
    wrong = read_entry(
        "pylearn2.models.maxout.Maxout",
        "Layer, Linear",
        "fprop, cost_of_living",
        "num_units, layer_name, colour, init_bias=1.0, min_zero=False",
    )
    assert problems(wrong) == [
        "is no Linear",
        "has no cost_of_living",
        "does not take colour",
        "init_bias was 1.0, is 0.0",
        "needs num_pieces",
        "takes its arguments in the order layer_name, num_units, num_pieces, pool_stride, "
        "randomize_pools",
    ]
    assert problems(wrong._replace(path="pylearn2.models.maxout.Minout")) != []
    assert problems(wrong._replace(path="pylearn2.models.minout.Maxout")) != []
    assert problems(read_entry("pylearn2.monitor.push_monitor", "object", "", "")) == [
        "is no class"
    ]


def test_the_tables_speak_of_listed_names():
    listed = {entry.path for entry in ENTRIES}
    assert len(listed) == len(ENTRIES) > 150
    assert {*WITHOUT_A_TASK, *MADE} <= listed


def _used_arguments(tree: Any, used: dict) -> dict:
    """What is called within `tree` -> the names of all arguments that it is given."""
    if isinstance(tree, Proxy):
        used.setdefault(tree.callable, set()).update(tree.keywords)
        tree = tree.keywords
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        _used_arguments(part, used)
    return used


def test_every_argument_is_used_in_a_yaml_of_2014():
    used: dict = {}
    for path in Path(__file__).parent.glob("yaml2014/**/*.yaml"):
        _used_arguments(load_path(path, instantiate=False), used)
    unused = []
    for entry in NAMED_IN_YAML:
        given = used.get(find(entry.path), ())
        unused += [f"{entry.path} {name}" for name in entry.arguments if name not in given]
        unused += [] if find(entry.path) in used else [entry.path]
    assert unused == []
