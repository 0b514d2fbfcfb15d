"""Calls that a YAML file describes (`Proxy`), and what makes objects of them (`make_objects`).

`tags` builds a tree of lists, dicts and proxies; `make_objects` calls each proxy once, its
arguments first, so that an anchor and its aliases are one object:

    !obj:A { x: &b !obj:B {}, y: *b }    ->    A(x=b, y=b) with one b = B()
"""

from __future__ import annotations

import re
from collections import namedtuple
from typing import Any

from adversarial.config import arrays
from adversarial.config.arguments import in_plain_words
from adversarial.config.nodes import YamlError
from adversarial.utils import origin

# What a constructor raises for values it cannot use; anything else is a fault of its own.
_BAD_VALUES = (ValueError, TypeError)
_UNFORESEEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
)

BaseProxy = namedtuple("BaseProxy", "callable positionals keywords yaml_src")


class Proxy(BaseProxy):
    """A call yet to be made. Equal only to itself, as each stands for an object of its own."""

    __hash__ = object.__hash__
    name = ""
    where = ""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


def do_not_recurse(value: Any) -> Any:
    """`value` itself. As a `Proxy`'s callable: leave what is inside the value alone."""
    return value


def make_objects(tree: Any, made: dict[int, Any] | None = None) -> Any:
    """`tree` with each `Proxy` in its lists and dicts called, once."""
    made = {} if made is None else made
    if not isinstance(tree, (Proxy, list, dict)):
        return tree
    if id(tree) not in made:
        if isinstance(tree, Proxy):
            # The budget is that of all phases of a file, and no object's number is negative.
            budget = made.setdefault(-1, arrays.ArrayBudget())
            made[id(tree)] = _call(tree, made, budget)
        elif isinstance(tree, list):
            made[id(tree)] = [make_objects(item, made) for item in tree]
        else:
            made[id(tree)] = {key: make_objects(item, made) for key, item in tree.items()}
    return made[id(tree)]


def _call(proxy: Proxy, made: dict[int, Any], budget: arrays.ArrayBudget) -> Any:
    if proxy.callable is do_not_recurse:
        return proxy.keywords["value"]
    positionals = [make_objects(value, made) for value in proxy.positionals]
    keywords = {key: make_objects(value, made) for key, value in proxy.keywords.items()}
    try:
        budget.spend(proxy.callable, keywords)
        result = proxy.callable(*positionals, **keywords)
    except YamlError:
        raise
    except (*_BAD_VALUES, *_UNFORESEEN) as error:
        # What is wrong is one line; a line that begins with a capital letter is advice.
        wrong, *advice = re.split(r"\n(?=[A-Z])", str(error).strip())
        wrong = in_plain_words(" ".join(wrong.split()))
        words = "\n".join([wrong, *(" ".join(line.split()) for line in advice)])
        if not isinstance(error, _BAD_VALUES) or not words:
            words = f"{type(error).__name__}: {words}"
        raise YamlError(f"{proxy.where}: {proxy.name}: {words}") from error
    if not isinstance(result, type):
        origin.note(result, proxy.where)
        try:
            result.yaml_src = proxy.yaml_src
        except (AttributeError, TypeError):
            pass  # an array, or whatever else has no room for it
    return result
