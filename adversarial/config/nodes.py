"""YAML text to a tree of nodes: size limits, `${NAME}`, line numbers, and numbers such as 1e-6.

PyYAML's safe loader does the parsing. This module adds limits of depth and size (aliases repeat one
node, so a small text can describe billions of values), environment variables, and the rule that
1e-6 is a number. `tags` makes values of the nodes.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from adversarial.utils.budget import Budget, Fault
from adversarial.utils.string_utils import (
    VARIABLE,
    EnvironmentVariableError,
    hide_values,
    lookup,
)

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_NUMBER = 300  # characters; the time to read a number grows with the square of its length
_MAX_SOURCE_NODES = 50_000
# All that a YAML file describes shares a gibibyte, and a time that leaves, of ten seconds, room for
# the start of the program and for the sources of objects. Data sets add what their files are worth.
MEMORY = 1 << 30
TIME = 7_000_000_000
MORE_VARIABLE = "ADVERSARIAL_YAML_GIB"
# Nanoseconds, measured: a character, a node, a variable, and a value where aliases repeat it.
_PER_CHARACTER, _PER_NODE, _PER_VARIABLE, _PER_VALUE = 500, 50_000, 50_000, 5000
_NODE = 3000  # bytes of memory of a node
PHASE = "PYLEARN2_TRAIN_PHASE"
SEED = "SEED"
# The value of ${SEED} without --seed. No number: each number is that of another replicate.
NO_SEED = "default"
_CHARACTERS = 100  # so many characters of a text count as one value
_TAG = "tag:yaml.org,2002:"
# Numbers that PyYAML reads as text: 1e-6, 2E5, -.5
_FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$|[-+]\.\d[\d_]*$")


class YamlError(ValueError):
    """An error in a YAML file: the first line says file, line and what is wrong; others advise."""

    def __init__(self, text: str) -> None:
        super().__init__(hide_values(text))


class OptionMark:
    """The place of a node that an option of the command line describes, instead of the file.

    It has the attributes of PyYAML's marks; `index` is after all of the file.
    """

    line = column = 0
    index = math.inf

    def __init__(self, option: str) -> None:
        self.option = option


class NodeLoader(yaml.SafeLoader):
    """Composes nodes; `tags.Loader` makes values of them.

    Parameters
    ----------
    text : str
    name : str
        The file's, for messages.
    environ : mapping, optional
        Values of variables, which precede those of the process environment.
    parent : NodeLoader, optional
        For text that belongs to the file of another loader: shares its budget and variables.

    Attributes
    ----------
    with_seed : set of str
        The values in the file that contain the variable SEED.
    """

    # Only these kinds of plain values are accepted; SafeLoader knows dates, sets and more.
    yaml_constructors = {
        _TAG + kind: getattr(yaml.SafeLoader, f"construct_yaml_{kind}")
        for kind in ("null", "bool", "int", "float", "str")
    }
    yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in rows if not tag.endswith(("timestamp", "value"))]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(
        self,
        text: str,
        name: str,
        environ: Mapping[str, str] | None = None,
        parent: NodeLoader | None = None,
    ) -> None:
        self.name = name
        self.environ = environ
        self._phase = 1
        self._depth = 0
        self._source_nodes = 0
        self._extents: dict[int, tuple[int, int]] = {} if parent is None else parent._extents
        self._variables: list[str] = [] if parent is None else parent._variables
        # For each node with variables: its tag (None if it has none) and its text, as written.
        self._as_written: dict[int, tuple[Any, Any]] = {} if parent is None else parent._as_written
        self.with_seed: set[str] = set() if parent is None else parent.with_seed
        # The options that changed the arguments of a node, by its id; nodes that were replaced,
        # which are kept since the tables above have their ids.
        self._options: dict[int, list[str]] = {}
        self._retired: list[yaml.Node] = []
        # Braces are YAML syntax, so each variable is replaced by a random word before parsing, and
        # the word by the value after it. So no value becomes syntax, and line numbers stay right.
        self.budget: Budget = _new_budget() if parent is None else parent.budget
        self.spend(name, "its text", time=_PER_CHARACTER * len(text))
        self._word: str = f"adVar{secrets.token_hex(8)}x" if parent is None else parent._word
        self._is_word = re.compile(self._word + r"(\d+)_")
        super().__init__(VARIABLE.sub(self._hide, text))
        self.name = name

    def spend(self, place: Any, what: str, memory: int = 0, time: int = 0) -> None:
        """Spend from the file's budget; `YamlError` that names `place`, of which there is much."""
        try:
            self.budget.spend(what, memory, time)
        except Fault as fault:
            where = place if isinstance(place, str) else self.where(place)
            raise YamlError(f"{where}: {fault}") from None

    def _hide(self, match: re.Match[str]) -> str:
        self._variables.append(match.group(1))
        self.spend(self.name, "variables", time=_PER_VARIABLE)
        return f"{self._word}{len(self._variables) - 1}_"

    def show(self, text: str) -> str:
        """`text` with variables as written, `${NAME}`."""
        return self._is_word.sub(lambda match: f"${{{self._variables[int(match[1])]}}}", text)

    def where(self, place: Any) -> str:
        """'FILE line N' of a node, an event or a mark."""
        return _place(self.name, getattr(place, "start_mark", place))

    def where_called(self, node: yaml.Node) -> str:
        """`where`, and the options that changed arguments of the call `node`."""
        options = " ".join(self._options.get(id(node), ()))
        return f"{self.where(node)}, with {options}" if options else self.where(node)

    def _expand(self, text: str, event: yaml.Event) -> str:
        def value(match: re.Match[str]) -> str:
            name = self._variables[int(match[1])]
            try:
                return lookup(name, self.environ)
            except EnvironmentVariableError as error:
                if name == PHASE:
                    return f"phase{self._phase}"
                raise YamlError(f"{self.where(event)}: {error}") from None

        return self._is_word.sub(value, text)

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """The next node of the text.

        Raises
        ------
        YamlError
            Where the document is too large or too deep, an alias contains itself, or a variable
            has no value.
        """
        event = self.peek_event()
        self.spend(event, "values", memory=_NODE, time=_PER_NODE)
        if isinstance(event, yaml.AliasEvent):
            node = self.anchors.get(event.anchor)
            if node is not None and id(node) not in self._extents:
                raise YamlError(f"{self.where(event)}: `*{event.anchor}` contains itself")
            return self._composed(parent, index)
        if self._depth >= MAX_DEPTH:
            raise YamlError(f"{self.where(event)}: nested more than {MAX_DEPTH} deep")
        if self._depth == 1 and isinstance(parent, yaml.SequenceNode):
            self._phase = index + 1
        written = event.tag, getattr(event, "value", None)
        if event.tag is not None:
            event.tag = self._expand(event.tag, event)
        if isinstance(event, yaml.ScalarEvent):
            event.value = self._expand(event.value, event)
        self._depth += 1
        node = self._composed(parent, index)
        self._depth -= 1
        if any(self._is_word.search(part or "") for part in written):
            self._as_written[id(node)] = written
            if isinstance(event, yaml.ScalarEvent) and SEED in self._names(written[1] or ""):
                self.with_seed.add(event.value)
        self._measure(node)
        return node

    def _names(self, text: str) -> list[str]:
        """The names of the variables in `text`, which has a word for each."""
        return [self._variables[int(number)] for number in self._is_word.findall(text)]

    def _composed(self, parent: Any, index: Any) -> yaml.Node:
        node = super().compose_node(parent, index)
        assert node is not None  # PyYAML raises ComposerError instead
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node without one; over MAX_NUMBER characters, only digits are a number."""
        if kind is yaml.ScalarNode and implicit[0] and len(value) > MAX_NUMBER:
            return _TAG + ("str" if value.strip("0123456789") else "int")
        return super().resolve(kind, value, implicit)

    def _measure(self, node: yaml.Node) -> None:
        """Check depth and size of `node`, with every alias counted as if it were written out."""
        children = [self._extents[id(child)] for child in _children(node)]
        depth = 1 + max((extent[0] for extent in children), default=0)
        text = len(node.value) // _CHARACTERS if isinstance(node, yaml.ScalarNode) else 0
        size = 1 + text + sum(extent[1] for extent in children)
        if depth > MAX_DEPTH:
            raise YamlError(f"{self.where(node)}: nested more than {MAX_DEPTH} deep")
        self._extents[id(node)] = (depth, size)

    def compose_value(self, text: str, option: str, phase: int = 1) -> yaml.Node:
        """The node of the YAML `text`, which `option` of the command line gives.

        It belongs to the tree of this loader. Raises `YamlError`.
        """
        with one_line(option, self.show):
            child = NodeLoader(text, option, self.environ, parent=self)
            child._phase = phase
            node = child.get_single_node()
        if node is None:
            raise YamlError(f"{option}: has no value")
        mark: Any = OptionMark(option)
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each.start_mark is not mark:
                each.start_mark = each.end_mark = mark
                waiting += _children(each)
        return node

    def key_node(self, name: str, option: str) -> yaml.Node:
        """The node of the key `name`, which `option` of the command line gives."""
        mark: Any = OptionMark(option)
        return yaml.ScalarNode(_TAG + "str", name, mark, mark)

    def note_option(self, node: yaml.Node, option: str) -> None:
        """Let messages about the call `node` name `option`, which has changed an argument."""
        self._options.setdefault(id(node), []).append(option)

    def retire(self, node: yaml.Node) -> None:
        """Keep `node`, which leaves the tree, so that no other node gets its id."""
        self._retired.append(node)

    def measure_again(self, root: yaml.Node) -> None:
        """Check depth and size of the tree `root`, which has changed; raises `YamlError`."""
        self._extents.clear()
        # Each node after its children; a node waits until all of them have been measured.
        waiting = [root]
        while waiting:
            missing = [c for c in _children(waiting[-1]) if id(c) not in self._extents]
            if missing:
                waiting += missing
                continue
            node = waiting.pop()
            if id(node) not in self._extents:
                self.spend(node, "values", time=_PER_VALUE)
                self._measure(node)

    def spend_for_all(self, root: yaml.Node) -> None:
        """Spend what the whole text takes with every alias written out; raises `YamlError`."""
        size = self._extents[id(root)][1]
        self.spend(root, f"{size:.3g} values, as aliases repeat it", time=_PER_VALUE * size)

    def source_of(self, node: yaml.Node) -> str:
        """The YAML of `node` alone, with variables as written; empty if it is too large."""
        size = self._extents[id(node)][1]
        self.spend(node, f"{size:.3g} values, as aliases repeat it", time=_PER_VALUE * size)
        self._source_nodes += size
        if self._source_nodes > _MAX_SOURCE_NODES:
            return ""
        node = self._unexpanded(node, {})
        return self.show(yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=math.inf))

    def _unexpanded(self, node: yaml.Node, made: dict[int, yaml.Node]) -> yaml.Node:
        """A copy of `node` with the placeholder words of variables in place of their values."""
        if id(node) in made:
            return made[id(node)]
        tag, value = self._as_written.get(id(node), (node.tag, node.value))
        if isinstance(node, yaml.ScalarNode):
            # Without a tag of its own, it is resolved again when the value is known.
            made[id(node)] = yaml.ScalarNode(tag or _TAG + "str", value, style=node.style)
            return made[id(node)]
        assert isinstance(node, yaml.CollectionNode)
        copy = type(node)(tag or node.tag, [], flow_style=node.flow_style)
        made[id(node)] = copy
        if isinstance(node, yaml.SequenceNode):
            copy.value = [self._unexpanded(child, made) for child in node.value]
        else:
            copy.value = [
                tuple(self._unexpanded(child, made) for child in pair) for pair in node.value
            ]
        return copy


NodeLoader.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+.0123456789"))


class _Dumper(yaml.SafeDumper):
    # Scalars that this loader would read as something else are quoted.
    yaml_implicit_resolvers = NodeLoader.yaml_implicit_resolvers


def _place(name: str, mark: Any, with_column: bool = False) -> str:
    """'FILE line N' of a mark in the file `name`, or the option that is in place of the file."""
    if isinstance(mark, OptionMark):
        return mark.option
    column = f" column {mark.column + 1}" if with_column else ""
    return name if name.startswith("--set ") else f"{name} line {mark.line + 1}{column}"


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _new_budget() -> Budget:
    """That of all that a YAML file describes; larger where the environment says so."""
    try:
        times = float(os.environ.get(MORE_VARIABLE, "1"))
    except ValueError:
        times = math.nan
    if not 0 < times < math.inf:
        raise YamlError(f"{MORE_VARIABLE} is {os.environ[MORE_VARIABLE]!r}, which is no number")
    return Budget(
        int(MEMORY * times),
        int(TIME * times),
        f"{{what}}: too large. All that a YAML describes may take {times:g} GiB of memory, and "
        f"{TIME * times / 1e9:g} s to make; {MORE_VARIABLE}={2 * times:g} in the environment "
        "allows twice as much",
    )


def read_text(stream: Any, name: str) -> str:
    """The text of `stream`.

    Parameters
    ----------
    stream : str, bytes or an open file
    name : str
        The file's, for messages.

    Raises
    ------
    YamlError
        Where it has over MAX_BYTES, or is no text.
    """
    data = stream.read(MAX_BYTES + 1) if hasattr(stream, "read") else stream
    if not isinstance(data, (str, bytes)):
        raise TypeError(f"expected YAML as text or an open file, not a {type(data).__name__}")
    if len(data) > MAX_BYTES:
        raise YamlError(f"{name}: is larger than {MAX_BYTES} bytes, the most a YAML may have")
    if isinstance(data, bytes):
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        try:
            data = data.decode("utf-16" if utf16 else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise YamlError(f"{name}: is not a text file (byte {error.start} is no text)") from None
    return data


@contextlib.contextmanager
def one_line(name: str, show: Callable[[str], str] = str) -> Iterator[None]:
    """Within this block, PyYAML's errors of several lines become a `YamlError` of one line."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(name, mark, with_column=True) if mark else name
        words = " ".join(filter(None, (error.problem, error.context)))
        raise YamlError(f"{place}: not valid YAML: {show(words)}") from error
    except yaml.reader.ReaderError as error:
        character = f"character #x{error.character:04x} at position {error.position}"
        raise YamlError(f"{name}: is not a text file ({character})") from error


def train_environment(path: str | os.PathLike[str], seed: int | None = None) -> dict[str, str]:
    """The variables that describe the configuration file at `path`, as in 2014, and the seed.

    Examples
    --------
    >>> for name, value in train_environment("yaml/mnist.yaml").items():
    ...     print(name, value)
    PYLEARN2_TRAIN_FILE_FULL_STEM yaml/mnist
    PYLEARN2_TRAIN_FILE_STEM mnist
    PYLEARN2_TRAIN_DIR yaml/
    PYLEARN2_TRAIN_BASE_NAME mnist.yaml
    SEED default
    """
    path = os.fspath(path)
    full_stem = path[: -len(".yaml")] if path.endswith(".yaml") else os.path.splitext(path)[0]
    folder = os.path.dirname(path) or "."
    return {
        "PYLEARN2_TRAIN_FILE_FULL_STEM": full_stem,
        "PYLEARN2_TRAIN_FILE_STEM": os.path.basename(full_stem),
        "PYLEARN2_TRAIN_DIR": folder if folder.endswith("/") else folder + "/",
        "PYLEARN2_TRAIN_BASE_NAME": os.path.basename(path),
        SEED: NO_SEED if seed is None else str(seed),
    }
