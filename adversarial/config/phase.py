"""One of the objects that a YAML file lists, to be made when its turn comes.

`run` makes the phases of a file one after another; `phases` and `run_files` look at what they
describe before that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from adversarial.config.proxy import Proxy, do_not_recurse, make_objects


class Phase:
    """An object that a YAML file describes, to be made when this is called."""

    def __init__(self, tree: Any, made: dict[int, Any]) -> None:
        self._tree = tree
        self._made = made

    def __call__(self) -> Any:
        return make_objects(self._tree, self._made)

    def argument(self, name: str) -> Any:
        """The plain value that the YAML gives as argument `name`; None where it gives no such."""
        value = self._tree.keywords.get(name) if isinstance(self._tree, Proxy) else None
        return None if isinstance(value, (Proxy, list, dict)) else value

    def calls(self, argument: str | None = None, without: str | None = None) -> list[Proxy]:
        """Every object that the YAML describes in it, each once.

        Only those in one argument, the argument itself first; or those found `without` looking
        there.
        """
        tree = self._tree
        inside = tree.keywords if isinstance(tree, Proxy) else {}
        if argument is not None:
            return list(_calls(inside.get(argument), set()))
        return list(_calls(tree, {id(inside[without])} if without in inside else set()))

    def shared_with(self, others: Collection[Phase]) -> list[Proxy]:
        """The objects that it and any of `others` use, but for those that lie inside such a one."""
        theirs = {call for other in others for call in other.calls()}
        return [call for call in _calls(self._tree, set(), theirs) if call in theirs]

    def made(self, call: Proxy) -> Any:
        """What was made of one of `calls`; None before that."""
        return self._made.get(id(call))

    def take(self, call: Proxy, value: Any) -> None:
        """Take `value` for what the YAML describes in one of `calls`, wherever that is used."""
        self._made[id(call)] = value

    def give(self, argument: str, value: Any) -> None:
        """Take `value` for what the YAML describes as an argument, wherever that is used."""
        described = self._tree.keywords.get(argument)
        if isinstance(described, (Proxy, list, dict)):
            self._made[id(described)] = value
        else:
            self._tree.keywords[argument] = value


def _calls(tree: Any, seen: set[int], whole: Collection[Proxy] = ()) -> Iterator[Proxy]:
    """The calls in `tree`; of what is described inside those of `whole`, none."""
    if not isinstance(tree, (Proxy, list, dict)) or id(tree) in seen:
        return
    seen.add(id(tree))
    if isinstance(tree, Proxy):
        if tree.callable is do_not_recurse:
            return
        yield tree
        if tree in whole:
            return
        tree = tree.keywords
    for item in tree.values() if isinstance(tree, dict) else tree:
        yield from _calls(item, seen, whole)
