"""Tags of a YAML file, `!obj:`, `!import`, `!pkl:` and `!float`: from nodes to a tree of values.

The tree consists of plain values, lists, dicts and `Proxy`s. Names and arguments are checked here,
so that an error anywhere in the file is reported before the first object is made. `yaml_parse`
calls this.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import yaml

from adversarial import modelfile
from adversarial.config import admission
from adversarial.config.arguments import (
    accepted_arguments,
    as_whole_number,
    missing_arguments,
    not_finite,
    unfit_argument,
    unknown_argument,
)
from adversarial.config.nodes import MAX_NUMBER, NodeLoader, YamlError, one_line
from adversarial.config.proxy import Proxy
from adversarial.modelfile import classes

_MERGE = "tag:yaml.org,2002:merge"


class Loader(NodeLoader):
    """Makes a tree of values and proxies of nodes.

    Parameters
    ----------
    text, name, environ : see `NodeLoader`
    allow_modules : names of modules of the user's own, which the file may use
    """

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
        """The value of `node`; one object, however often an alias repeats the node."""
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


def try_to_import(tag_suffix: str, allow_modules: Collection[str] = ()) -> Any:
    """The class or function named `tag_suffix`.

    Raises
    ------
    admission.Refusal
        A ValueError, where the name does not exist or a YAML file may not use it.
    """
    return admission.resolve(tag_suffix, allow_modules)


def initialize() -> None:
    """Register the tags with `Loader`. Done on import; doing it again is harmless."""
    Loader.add_constructor("tag:yaml.org,2002:seq", _construct_sequence)
    Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
    Loader.add_multi_constructor("!obj:", multi_constructor_obj)
    Loader.add_multi_constructor("!pkl:", multi_constructor_pkl)
    Loader.add_multi_constructor("!import:", multi_constructor_import)
    Loader.add_constructor("!import", constructor_import)
    Loader.add_constructor("!float", constructor_float)
    Loader.add_constructor(None, _unknown_tag)


def multi_constructor_obj(loader: Loader, tag_suffix: str, node: yaml.Node) -> Proxy:
    """`!obj:NAME {arguments}` as a `Proxy`; its name and arguments are checked."""
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
        if problem is None and classes.within(
            getattr(target, "__module__", None) or "", classes.HOME
        ):
            problem = not_finite(key, keywords[key], short)
        if problem:
            raise YamlError(f"{loader.where(key_node)}: {problem}")
        keywords[key] = as_whole_number(key, keywords[key], accepted)
    return _proxy(loader, target, keywords, short, node)


def multi_constructor_pkl(loader: Loader, tag_suffix: str, node: yaml.Node) -> Proxy:
    """`!pkl: PATH`, or `!pkl:PATH`, as a `Proxy` of `modelfile.load`."""
    path = tag_suffix + (node.value if isinstance(node, yaml.ScalarNode) else "")
    if not path or (tag_suffix and node.value):
        raise YamlError(f"{loader.where(node)}: write `!pkl: path`")
    keywords = {"filepath": path, "allow_modules": loader.allow_modules}
    return _proxy(loader, modelfile.load, keywords, "!pkl", node)


def multi_constructor_import(loader: Loader, tag_suffix: str, node: yaml.Node) -> Any:
    """`!import:NAME`, the class or function of that name."""
    if not isinstance(node, yaml.ScalarNode) or node.value:
        raise YamlError(f"{loader.where(node)}: nothing may follow `!import:{tag_suffix}`")
    return _resolve(loader, tag_suffix, node)


def constructor_import(loader: Loader, node: yaml.Node) -> Any:
    """`!import NAME`, the class or function of that name."""
    return _resolve(loader, _scalar(loader, node), node)


def constructor_float(loader: Loader, node: yaml.Node) -> float:
    """`!float NUMBER`."""
    return float(_scalar(loader, node))


def _scalar(loader: Loader, node: yaml.Node) -> str:
    """The text of `node`; PyYAML's error if it is a list or a mapping."""
    return str(loader.construct_scalar(cast(yaml.ScalarNode, node)))


def construct_mapping(node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    """The dict that `node`, made by `yaml.compose`, describes; its values may be proxies.

    Raises
    ------
    YamlError
        Where a key is given twice.
    """
    name = str(getattr(node.start_mark, "name", "<string>"))
    loader = Loader(yaml.serialize(node), name)
    with one_line(name):
        return loader.construct_document(loader.get_single_node())


def _construct_sequence(loader: Loader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise YamlError(f"{loader.where(node)}: expected a list")
    return [loader.construct_object(child) for child in node.value]


def _construct_mapping(loader: Loader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise YamlError(f"{loader.where(node)}: expected `name: value` pairs")
    entries = _entries(loader, node)
    return {key: loader.construct_object(value) for key, (_, value) in entries.items()}


def _entries(loader: Loader, node: yaml.MappingNode) -> dict[Any, tuple[yaml.Node, yaml.Node]]:
    """Keys of a mapping with the nodes of key and value; `<<` adds the keys that are missing."""
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
        if isinstance(key, str) and not key.isprintable():
            raise YamlError(
                f"{loader.where(key_node)}: the key {reprlib.repr(key)} has a line break or "
                "another character that cannot be shown"
            )
        if key in entries:
            first = entries[key][0].start_mark.line + 1
            raise YamlError(
                f"{loader.where(key_node)}: `{key}` is given twice (first on line {first})"
            )
        entries[key] = (key_node, value_node)
    return {**merged, **entries}


def _unknown_tag(loader: Loader, node: yaml.Node) -> Any:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    raise YamlError(
        f"{loader.where(node)}: unknown tag `{tag:.200}`; "
        "known are !obj:, !import, !pkl: and !float"
    )


def _resolve(loader: Loader, dotted: str, node: yaml.Node) -> Any:
    try:
        return try_to_import(dotted, loader.allow_modules)
    except admission.Refusal as refusal:
        raise YamlError(f"{loader.where(node)}: {refusal}") from refusal


def _proxy(
    loader: Loader, target: Callable[..., Any], keywords: dict[str, Any], name: str, node: yaml.Node
) -> Proxy:
    proxy = Proxy(target, (), keywords, loader.source_of(node))
    proxy.name, proxy.where, proxy.budget = name, loader.where_called(node), loader.budget
    return proxy


initialize()
