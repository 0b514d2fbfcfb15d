"""YAML to objects.

    !obj:module.Name {argument: value}    an instance (or a function's result); by keyword only
    !import module.Name                   the class or function itself
    !pkl: path                            what a model file holds
    !float 1                              a float
    &name ... *name                       one object, made once
    ${NAME}                               an environment variable, or one of the configuration's own

What may be named is in `admission`. Names and arguments of the whole text are checked before the
first object is made. Every error is a `YamlError`: one line with file, line and what is wrong.
"""

from __future__ import annotations

import os
import re
import reprlib
from collections import namedtuple
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import yaml

from adversarial.config import admission, arrays
from adversarial.config.arguments import (
    accepted_arguments,
    in_plain_words,
    missing_arguments,
    not_finite,
    unfit_argument,
    unknown_argument,
)
from adversarial.config.nodes import (
    MAX_NUMBER,
    NodeLoader,
    YamlError,
    one_line,
    read_text,
    train_environment,
)
from adversarial.utils import origin, serial
from adversarial.utils.files import open_regular

__all__ = [
    "BaseProxy",
    "Phase",
    "Proxy",
    "YamlError",
    "construct_mapping",
    "constructor_float",
    "constructor_import",
    "do_not_recurse",
    "initialize",
    "load",
    "load_path",
    "load_phases",
    "load_train_file",
    "multi_constructor_import",
    "multi_constructor_obj",
    "multi_constructor_pkl",
    "try_to_import",
]

_MERGE = "tag:yaml.org,2002:merge"
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


class _Loader(NodeLoader):
    def __init__(
        self,
        text: str,
        name: str = "<string>",
        environ: Mapping[str, str] | None = None,
        allow_modules: Collection[str] = (),
    ) -> None:
        super().__init__(text, name, environ)
        self.allow_modules = allow_modules

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of `node`, the same one each time it is asked for."""
        kind = node.tag.rpartition(":")[2]
        try:
            if kind in ("int", "float", "!float") and len(node.value) > MAX_NUMBER:
                raise ValueError(f"it takes {len(node.value)} characters")
            return super().construct_object(node, deep=deep)
        except YamlError:
            raise
        # Such as `!!int abc`, or an integer of ten thousand digits.
        except (ValueError, LookupError, OverflowError) as error:
            raise YamlError(
                f"{self.where(node)}: {reprlib.repr(node.value)} is not a valid {kind} "
                f"({' '.join(str(error).split())})"
            ) from None


def do_not_recurse(value: Any) -> Any:
    """`value` itself. As a `Proxy`'s callable: leave what is inside the value alone."""
    return value


def load(
    stream: Any,
    environ: Mapping[str, str] | None = None,
    instantiate: bool = True,
    *,
    allow_modules: Collection[str] = (),
    name: str | None = None,
) -> Any:
    """What the YAML in `stream` (text, bytes or an open file) describes.

    `environ` is where `${NAME}` is looked up before the process environment. With
    `instantiate=False` no object is made: each stands there as a `Proxy`. `allow_modules` names
    modules of the user's own. `name` is the file's, for messages. Raises `YamlError`; of the errors
    of constructors, those that speak of something else than their arguments pass as they are.
    """
    if name is None:
        name = str(getattr(stream, "name", "<string>"))
    allow_modules = (allow_modules,) if isinstance(allow_modules, str) else tuple(allow_modules)
    with one_line(name):
        loader = _Loader(read_text(stream, name), name, environ, allow_modules)
    with one_line(name, loader.show):
        root = loader.get_single_node()
        if root is None:
            raise YamlError(f"{name}: is empty")
        tree = loader.construct_document(root)
    return _instantiate(tree) if instantiate else tree


def load_path(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    instantiate: bool = True,
    *,
    allow_modules: Collection[str] = (),
) -> Any:
    """What the YAML file at `path` describes; see `load`.

    The variables `PYLEARN2_TRAIN_FILE_STEM` and so on, unless `environ` has them, speak of `path`.
    """
    path = os.fspath(path)
    environ = {**train_environment(path), **(environ or {})}
    with open_regular(path, or_device=True) as stream:
        return load(stream, environ, instantiate, allow_modules=allow_modules, name=path)


def load_train_file(
    config_file_path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    allow_modules: Collection[str] = (),
) -> Any:
    """The `Train` object, or the list of them, that a configuration file describes."""
    return load_path(config_file_path, environ, allow_modules=allow_modules)


class Phase:
    """An object that a YAML file describes, to be made when this is called."""

    def __init__(self, tree: Any, made: dict[int, Any]) -> None:
        self._tree = tree
        self._made = made

    def __call__(self) -> Any:
        return _instantiate(self._tree, self._made)

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


def load_phases(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    allow_modules: Collection[str] = (),
    text: str | None = None,
) -> list[Phase]:
    """The objects that a YAML file lists, or its only one, each made when it is called.

    So one may load (`!pkl:`) what the one before it saved. What an anchor shares among them is one
    object. `text` is taken for what the file holds.
    """
    environ = {**train_environment(path), **(environ or {})}
    if text is None:
        tree = load_path(path, environ, instantiate=False, allow_modules=allow_modules)
    else:
        tree = load(text, environ, False, allow_modules=allow_modules, name=os.fspath(path))
    made: dict[int, Any] = {}
    items = tree if isinstance(tree, list) else [tree]
    if not items:
        raise YamlError(f"{os.fspath(path)}: lists nothing")
    return [Phase(item, made) for item in items]


def try_to_import(tag_suffix: str, allow_modules: Collection[str] = ()) -> Any:
    """The class or function named `tag_suffix`. Raises `admission.Refusal`, a ValueError."""
    return admission.resolve(tag_suffix, allow_modules)


def initialize() -> None:
    """Register the tags with this module's loader. Done on import; doing it again is harmless."""
    _Loader.add_constructor("tag:yaml.org,2002:seq", _construct_sequence)
    _Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
    _Loader.add_multi_constructor("!obj:", multi_constructor_obj)
    _Loader.add_multi_constructor("!pkl:", multi_constructor_pkl)
    _Loader.add_multi_constructor("!import:", multi_constructor_import)
    _Loader.add_constructor("!import", constructor_import)
    _Loader.add_constructor("!float", constructor_float)
    _Loader.add_constructor(None, _unknown_tag)


def multi_constructor_obj(loader: _Loader, tag_suffix: str, node: yaml.Node) -> Proxy:
    """`!obj:NAME {arguments}`, its name and arguments checked, as a `Proxy`."""
    where = loader.where(node)
    target = _resolve(loader, tag_suffix, node)
    short = tag_suffix.rpartition(".")[2]
    if not callable(target):
        raise YamlError(f"{where}: `{tag_suffix}` is a value: write `!import {tag_suffix}`")
    if isinstance(node, yaml.MappingNode):
        entries = _entries(loader, node)
    elif isinstance(node, yaml.ScalarNode) and node.value == "":
        entries = {}
    else:
        raise YamlError(f"{where}: {short} takes its arguments by name: `{{name: value, ...}}`")
    accepted = accepted_arguments(target)
    for key, (key_node, _) in entries.items():
        if not isinstance(key, str):
            raise YamlError(f"{loader.where(key_node)}: the argument {key!r} of {short} is no name")
        problem = unknown_argument(key, short, accepted)
        if problem:
            raise YamlError(f"{loader.where(key_node)}: {problem}")
    problem = missing_arguments(entries, short, accepted)
    if problem:
        raise YamlError(f"{where}: {problem}")
    keywords = {}
    for key, (key_node, value_node) in entries.items():
        keywords[key] = loader.construct_object(value_node)
        problem = unfit_argument(key, keywords[key], short, accepted)
        if problem is None and getattr(target, "__module__", "").startswith(admission.HOME):
            problem = not_finite(key, keywords[key], short)
        if problem:
            raise YamlError(f"{loader.where(key_node)}: {problem}")
    return _proxy(target, keywords, short, where, loader.source_of(node))


def multi_constructor_pkl(loader: _Loader, tag_suffix: str, node: yaml.Node) -> Proxy:
    """`!pkl: PATH`, or `!pkl:PATH`, as a `Proxy` of `serial.load`."""
    path = tag_suffix + (node.value if isinstance(node, yaml.ScalarNode) else "")
    if not path or (tag_suffix and node.value):
        raise YamlError(f"{loader.where(node)}: write `!pkl: path`")
    keywords = {"filepath": path, "allow_modules": loader.allow_modules}
    return _proxy(serial.load, keywords, "!pkl", loader.where(node), loader.source_of(node))


def multi_constructor_import(loader: _Loader, tag_suffix: str, node: yaml.Node) -> Any:
    """`!import:NAME`, the class or function of that name."""
    if not isinstance(node, yaml.ScalarNode) or node.value:
        raise YamlError(f"{loader.where(node)}: nothing may follow `!import:{tag_suffix}`")
    return _resolve(loader, tag_suffix, node)


def constructor_import(loader: _Loader, node: yaml.Node) -> Any:
    """`!import NAME`, the class or function of that name."""
    return _resolve(loader, loader.construct_scalar(node), node)


def constructor_float(loader: _Loader, node: yaml.Node) -> float:
    """`!float NUMBER`."""
    return float(loader.construct_scalar(node))


def construct_mapping(node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    """The dict that `node` describes; duplicate keys are a `YamlError`. Values may be proxies.

    `node` comes from `yaml.compose`; without a document about it, nothing is shared or substituted.
    """
    name = str(getattr(node.start_mark, "name", "<string>"))
    loader = _Loader(yaml.serialize(node), name)
    with one_line(name):
        return loader.construct_document(loader.get_single_node())


def _construct_sequence(loader: _Loader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise YamlError(f"{loader.where(node)}: expected a list")
    return [loader.construct_object(child) for child in node.value]


def _construct_mapping(loader: _Loader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise YamlError(f"{loader.where(node)}: expected `name: value` pairs")
    entries = _entries(loader, node)
    return {key: loader.construct_object(value) for key, (_, value) in entries.items()}


def _entries(loader: _Loader, node: yaml.MappingNode) -> dict[Any, tuple[yaml.Node, yaml.Node]]:
    """Keys of a mapping, with the nodes of key and value; `<<` brings in those not given."""
    entries: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
    merged: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
    for key_node, value_node in node.value:
        if key_node.tag == _MERGE:
            sources = value_node.value if value_node.tag.endswith(":seq") else [value_node]
            for source in sources:
                if not isinstance(source, yaml.MappingNode) or source.tag.startswith("!"):
                    raise YamlError(f"{loader.where(key_node)}: `<<` needs a plain mapping")
                for key, entry in _entries(loader, source).items():
                    merged.setdefault(key, entry)
            continue
        key = loader.construct_object(key_node)
        if type(key) not in (str, int, float, bool):
            raise YamlError(f"{loader.where(key_node)}: a key must be text or a number")
        if key in entries:
            first = entries[key][0].start_mark.line + 1
            raise YamlError(
                f"{loader.where(key_node)}: `{key}` is given twice (first on line {first})"
            )
        entries[key] = (key_node, value_node)
    return {**merged, **entries}


def _unknown_tag(loader: _Loader, node: yaml.Node) -> Any:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    raise YamlError(
        f"{loader.where(node)}: unknown tag `{tag:.200}`; "
        "known are !obj:, !import, !pkl: and !float"
    )


def _resolve(loader: _Loader, dotted: str, node: yaml.Node) -> Any:
    try:
        return try_to_import(dotted, loader.allow_modules)
    except admission.Refusal as refusal:
        raise YamlError(f"{loader.where(node)}: {refusal}") from refusal


def _proxy(
    target: Callable[..., Any], keywords: dict[str, Any], name: str, where: str, source: str
) -> Proxy:
    proxy = Proxy(target, (), keywords, source)
    proxy.name, proxy.where = name, where
    return proxy


def _instantiate(tree: Any, made: dict[int, Any] | None = None) -> Any:
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
            made[id(tree)] = [_instantiate(item, made) for item in tree]
        else:
            made[id(tree)] = {key: _instantiate(item, made) for key, item in tree.items()}
    return made[id(tree)]


def _call(proxy: Proxy, made: dict[int, Any], budget: arrays.ArrayBudget) -> Any:
    if proxy.callable is do_not_recurse:
        return proxy.keywords["value"]
    positionals = [_instantiate(value, made) for value in proxy.positionals]
    keywords = {key: _instantiate(value, made) for key, value in proxy.keywords.items()}
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


initialize()
