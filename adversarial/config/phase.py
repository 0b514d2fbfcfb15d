"""One of the objects that a YAML file lists, to be made when its turn comes.

`run` makes the phases of a file one after another; `phases` and `run_files` look at what they
describe before that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from adversarial.config.proxy import Proxy, do_not_recurse, make_objects


class Phase:
    """An object that a YAML file describes, to be made when this is called.

    Parameters
    ----------
    tree
        What the file describes, as `tags` gives it.
    made : dict
        What all phases of the file have made so far, by the id of its description; so what an
        anchor shares among phases is one object.
    """

    def __init__(self, tree: Any, made: dict[int, Any]) -> None:
        self._tree = tree
        self._made = made

    def __call__(self) -> Any:
        return make_objects(self._tree, self._made)

    def argument(self, name: str) -> Any:
        """The plain value of the argument `name` in the YAML; None if it has no plain value."""
        value = self._tree.keywords.get(name) if isinstance(self._tree, Proxy) else None
        return None if isinstance(value, (Proxy, list, dict)) else value

    def calls(self, argument: str | None = None, without: str | None = None) -> list[Proxy]:
        """The calls that the YAML describes in this phase, each once.

        Parameters
        ----------
        argument : str, optional
            Only the calls in this argument of the phase, itself first.
        without : str, optional
            Only the calls outside this argument.
        """
        tree = self._tree
        inside = tree.keywords if isinstance(tree, Proxy) else {}
        if argument is not None:
            return list(_calls(inside.get(argument), set()))
        return list(_calls(tree, {id(inside[without])} if without in inside else set()))

    def shared_with(
        self, others: Collection[Phase], except_for: Collection[Proxy] = ()
    ) -> list[Proxy]:
        """The calls that this phase shares with `others`, except those inside such a call.

        Calls of `except_for`, and what `others` have inside these only, do not count.
        """
        theirs = {call for other in others for call in _calls(other._tree, set(), except_for)}
        theirs.difference_update(except_for)
        return [call for call in _calls(self._tree, set(), theirs) if call in theirs]

    def made(self, call: Proxy) -> Any:
        """The object that was made by `call`; None before it is made."""
        return self._made.get(id(call))

    def replace_call(self, call: Proxy, value: Any) -> None:
        """Use `value` in place of the object that `call` would make."""
        self._made[id(call)] = value

    def replace_argument(self, argument: str, value: Any) -> None:
        """Use `value` in place of what the YAML describes as this argument of the phase."""
        described = self._tree.keywords.get(argument)
        if isinstance(described, (Proxy, list, dict)):
            self._made[id(described)] = value
        else:
            self._tree.keywords[argument] = value


def _calls(tree: Any, seen: set[int], whole: Collection[Proxy] = ()) -> Iterator[Proxy]:
    """The calls in `tree`, except those inside calls of `whole`."""
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
