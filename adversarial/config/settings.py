"""`--set PATH=VALUE`: changes of a YAML file that are given on the command line.

`yaml_parse.load` applies them to the nodes of the file, before these become values. So a changed
argument is checked like one in the file, and an object that an anchor shares stays shared:

    algorithm.learning_rate=.05              an argument of an object
    model.generator.mlp.layers.0.dim=500     an element of a list, by its number from 0
    phase2.algorithm.batch_size=50           in a file with a list of trainings, of the second only
    algorithm.learning_rule=!obj:NAME {}     any YAML, under the rules that hold for the file

VALUE is YAML. If the place has an anchor (`&train`), its aliases (`*train`) change with it; if it
is an alias, only this place changes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, Optional

import yaml

from adversarial.config.nodes import NodeLoader, YamlError
from adversarial.utils.string_utils import nearest

_MERGE = "tag:yaml.org,2002:merge"
_PHASE = re.compile(r"phase(\d{1,9})$", re.ASCII)
_INDEX = re.compile(r"\[(\d+)\]", re.ASCII)
# Nanoseconds to look at one node.
_PER_NODE = 2000
_SHOWN = 80  # characters of a setting in a message
MOST = 1000  # settings of a model file


class Setting(NamedTuple):
    """One `--set`: the names on the way to a place in the YAML, and the YAML of its new value."""

    path: tuple[str, ...]
    value: str

    @property
    def text(self) -> str:
        """As on the command line: PATH=VALUE."""
        return f"{'.'.join(self.path)}={self.value}"

    @property
    def option(self) -> str:
        """For messages."""
        text = " ".join(self.text[: 2 * _SHOWN].split())
        return "--set " + (text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def parse(text: str) -> Setting:
    """The setting that `text`, PATH=VALUE, describes.

    Raises
    ------
    YamlError
        If it has another form.

    Examples
    --------
    >>> parse("extensions[0].start=5")
    Setting(path=('extensions', '0', 'start'), value='5')
    """
    path, equals, value = text.partition("=")
    names = tuple(name.strip() for name in _INDEX.sub(r".\1", path).split("."))
    shown = f"--set {' '.join(text.split()):.{_SHOWN}}"
    if not equals:
        raise YamlError(f"{shown}: write PATH=VALUE, as in --set algorithm.learning_rate=.05")
    if not all(names):
        raise YamlError(f"{shown}: the path {path.strip()!r:.{_SHOWN}} has an empty name")
    if not value.strip():
        raise YamlError(f"{shown}: has no value; null is the empty value, '' the empty text")
    return Setting(names, value.strip())


def merged(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The settings `old` followed by `new`; a setting of the same path is replaced.

    Examples
    --------
    >>> merged(["a.b=1", "c=2"], ["a.b=3"])
    ['c=2', 'a.b=3']
    """
    by_path: dict[tuple[str, ...], str] = {}
    for setting in map(parse, [*old, *new]):
        by_path.pop(setting.path, None)
        by_path[setting.path] = setting.text
    return list(by_path.values())


def apply(loader: NodeLoader, root: yaml.Node, settings: Collection[str]) -> yaml.Node:
    """Change the tree of nodes `root`, which `loader` has composed, by `settings`; return its root.

    Raises
    ------
    YamlError
        If a setting has no place in the tree. Its class may still refuse the argument, later.
    """
    if len(settings) > MOST:
        raise YamlError(f"{loader.name}: more than {MOST} settings (--set)")
    for text in settings:
        _Change(loader, root, parse(text)).apply()
    if settings:
        loader.measure_again(root)
    return root


class _Change:
    """One setting, to be applied to a tree."""

    def __init__(self, loader: NodeLoader, root: yaml.Node, setting: Setting) -> None:
        self.loader = loader
        self.root = root
        self.setting = setting
        self.option = setting.option
        self.made: list[yaml.Node] = []

    def apply(self) -> None:
        path = self.setting.path
        if not isinstance(self.root, yaml.SequenceNode):
            if path[0] == "phase1" and not self._has(self.root, path[0]):
                path = path[1:]
            self._set(self.root, path)
            return
        phases = self.root.value
        chosen = _PHASE.match(path[0])
        if chosen is not None:
            number = int(chosen[1])
            if not 1 <= number <= len(phases):
                raise self._error(f"{self.loader.name} has {len(phases)} phases, no {path[0]}")
            self._set(phases[number - 1], path[1:], number)
            return
        faults = []
        for number, phase in enumerate(phases, 1):
            try:
                self._set(phase, path, number)
            except YamlError as fault:
                faults.append(fault)
        if len(faults) == len(phases):
            raise faults[0]

    def _set(self, node: yaml.Node, path: Sequence[str], phase: int = 1) -> None:
        if not path:
            raise self._error("names a whole training; name something in it")
        called = [node] if node.tag.startswith("!obj:") else []
        for depth, name in enumerate(path[:-1]):
            node = self._child(node, name, path[:depth])
            if node.tag.startswith("!obj:"):
                called.append(node)
        last, where = path[-1], path[:-1]
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith("!obj:") and not node.value:
            # `!obj:NAME` without braces: it becomes a mapping.
            empty = yaml.MappingNode(node.tag, [], node.start_mark, node.end_mark)
            self._replace_everywhere(node, empty)
            called[-1] = node = empty
        if isinstance(node, yaml.MappingNode):
            self._set_key(node, last, phase)
        elif isinstance(node, yaml.SequenceNode):
            old = self._child(node, last, where)
            index = int(last)
            first = not any(each is old for each in node.value[:index])
            defined = first and _starts_after(old, node.start_mark)
            self._set_place(old, defined, phase, lambda new: node.value.__setitem__(index, new))
        else:
            self._child(node, last, where)  # raises: it has no parts
        if called:
            self.loader.note_option(called[-1], self.option)

    def _set_key(self, node: yaml.MappingNode, name: str, phase: int) -> None:
        place = next((i for i, (key, _) in enumerate(node.value) if _is_key(key, name)), None)
        if place is None:
            node.value.append((self._key(name), self._compose(phase)))
            return
        key, old = node.value[place]

        def put(new: yaml.Node) -> None:
            node.value[place] = (self._key(name), new)

        defined = _starts_after(old, key.end_mark)
        self._set_place(old, defined, phase, put)
        # Of one argument that is set twice, the message names the last.
        node.value[place] = (self._key(name), node.value[place][1])

    def _set_place(self, old: yaml.Node, defined: bool, phase: int, put: Any) -> None:
        if any(old is new for new in self.made):
            return  # an alias of what this setting has replaced in an earlier phase
        new = self._compose(phase)
        put(new)
        if defined:
            self._replace_everywhere(old, new)

    def _compose(self, phase: int) -> yaml.Node:
        new = self.loader.compose_value(self.setting.value, self.option, phase)
        self.made.append(new)
        return new

    def _key(self, name: str) -> yaml.Node:
        return self.loader.key_node(name, self.option)

    def _replace_everywhere(self, old: yaml.Node, new: yaml.Node) -> None:
        """Let all aliases of `old` be aliases of `new`."""
        self.loader.retire(old)
        for node in _walk(self.root):
            self.loader.spend(self.option, "many settings", time=_PER_NODE)
            if isinstance(node, yaml.SequenceNode):
                node.value[:] = [new if each is old else each for each in node.value]
            elif isinstance(node, yaml.MappingNode):
                node.value[:] = [(k, new if each is old else each) for k, each in node.value]

    def _has(self, node: yaml.Node, name: str) -> bool:
        return isinstance(node, yaml.MappingNode) and name in _entries(node)

    def _child(self, node: yaml.Node, name: str, path: Sequence[str]) -> yaml.Node:
        """The part `name` of `node`, which is at `path`."""
        here = f"`{'.'.join(path)}` ({self.loader.where(node)})" if path else self.loader.name
        if isinstance(node, yaml.MappingNode):
            entries = _entries(node)
            if name in entries:
                return entries[name]
            close = nearest(name, entries)
            hint = f"; did you mean `{close}`?" if close else "."
            raise self._error(f"{here} has no `{name}`{hint} It has: {', '.join(entries)}")
        if isinstance(node, yaml.SequenceNode):
            count = len(node.value)
            if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < count):
                raise self._error(
                    f"{here} is a list, whose elements are numbered 0 to {count - 1}, not `{name}`"
                    if count
                    else f"{here} is an empty list"
                )
            return node.value[int(name)]
        raise self._error(f"{here} is a plain value, which has no `{name}`")

    def _error(self, problem: str) -> YamlError:
        return YamlError(f"{self.option}: {problem}")


def _entries(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """The values of a mapping by its keys, with those that `<<` adds."""
    entries: dict[str, yaml.Node] = {}
    merged_entries: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(source, yaml.MappingNode):
                    merged_entries = {**_entries(source), **merged_entries}
        elif isinstance(key, yaml.ScalarNode):
            entries[key.value] = value
    return {**merged_entries, **entries}


def _is_key(key: yaml.Node, name: str) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.tag != _MERGE and key.value == name


def _starts_after(node: yaml.Node, mark: Any) -> bool:
    """Whether `node` was written after `mark`, and not before it, as the anchor of an alias is."""
    return _position(node.start_mark) >= _position(mark)


def _position(mark: Optional[Any]) -> float:
    # What a setting has made comes after all that is in the file.
    return float(getattr(mark, "index", float("inf")))


def _walk(root: yaml.Node) -> Iterator[yaml.Node]:
    """All nodes of a tree, each once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for pair in node.value:
                waiting += pair
