"""YAML to objects: the functions that read a file or a text.

    !obj:module.Name {argument: value}    an instance (or a function's result); by keyword only
    !import module.Name                   the class or function itself
    !pkl: path                            what a model file holds
    !float 1                              a float
    &name ... *name                       one object, made once
    ${NAME}                               an environment variable, or one of the configuration's own

A text passes these modules: `nodes` (text to nodes: limits, variables, numbers), `settings`
(changes of the nodes by options of the command line), `tags` (nodes to a tree of values and calls;
`admission` says which names a file may use, `arguments` which arguments they take), `proxy` (calls
to objects), and `phase` (the same for one object of a list). Every error is a `YamlError`, whose
first line has file, line and what is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from adversarial.config.nodes import YamlError, one_line, read_text, train_environment
from adversarial.config.phase import Phase
from adversarial.config.proxy import BaseProxy, Proxy, do_not_recurse, make_objects
from adversarial.config.settings import apply
from adversarial.config.tags import (
    Loader,
    construct_mapping,
    constructor_float,
    constructor_import,
    initialize,
    multi_constructor_import,
    multi_constructor_obj,
    multi_constructor_pkl,
    try_to_import,
)
from adversarial.files.opening import open_regular
from adversarial.utils.modules_beside import beside

__all__ = [
    "BaseProxy",
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


def load(
    stream: Any,
    environ: Mapping[str, str] | None = None,
    instantiate: bool = True,
    *,
    allow_modules: Collection[str] = (),
    name: str | None = None,
    settings: Collection[str] = (),
    with_seed: set[str] | None = None,
) -> Any:
    """The objects that the YAML in `stream` describes.

    Parameters
    ----------
    stream : str, bytes or an open file
    environ : mapping, optional
        Values of variables `${NAME}`, which precede those of the process environment.
    instantiate : bool
        If false, no object is made: a `Proxy` is in the place of each.
    allow_modules : names of modules of the user's own, which the YAML may use
        `load_path` and `load_phases` also find them beside the file.
    name : str, optional
        The file's, for messages.
    settings : collection of str
        Changes of the YAML, each PATH=VALUE; see `config.settings`.
    with_seed : set of str, optional
        The values of the YAML that contain the variable SEED are added to it.

    Raises
    ------
    YamlError
        For errors in the YAML, and of constructors that refuse their arguments. Other errors of
        constructors, such as OSError, are not changed.

    Examples
    --------
    >>> load("!obj:numpy.arange { stop: 3, dtype: float32 }")
    array([0., 1., 2.], dtype=float32)
    >>> load("{ rate: 1e-3, file: '${STEM}.pkl' }", {"STEM": "gan"})
    {'rate': 0.001, 'file': 'gan.pkl'}
    """
    if name is None:
        name = str(getattr(stream, "name", "<string>"))
    allow_modules = (allow_modules,) if isinstance(allow_modules, str) else tuple(allow_modules)
    with one_line(name):
        loader = Loader(read_text(stream, name), name, environ, allow_modules)
    with one_line(name, loader.show):
        root = loader.get_single_node()
        if root is None:
            raise YamlError(f"{name}: is empty")
        root = apply(loader, root, settings)
        if with_seed is not None:
            with_seed.update(loader.with_seed)
        loader.spend_for_all(root)
        tree = loader.construct_document(root)
    return make_objects(tree) if instantiate else tree


def load_path(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    instantiate: bool = True,
    *,
    allow_modules: Collection[str] = (),
) -> Any:
    """The objects that the YAML file at `path` describes.

    The variables `PYLEARN2_TRAIN_FILE_STEM` and so on describe `path`, unless `environ` has them.

    Parameters
    ----------
    path : str or path
    environ, instantiate, allow_modules
        As `load` takes them.
    """
    path = os.fspath(path)
    environ = {**train_environment(path), **(environ or {})}
    folder = os.path.dirname(path) or "."
    with open_regular(path, or_device=True) as stream, beside(folder, allowed=allow_modules):
        return load(stream, environ, instantiate, allow_modules=allow_modules, name=path)


def load_train_file(
    config_file_path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    allow_modules: Collection[str] = (),
) -> Any:
    """The `Train` object, or the list of them, that a configuration file describes."""
    return load_path(config_file_path, environ, allow_modules=allow_modules)


def load_phases(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    allow_modules: Collection[str] = (),
    text: str | None = None,
    settings: Collection[str] = (),
    with_seed: set[str] | None = None,
) -> list[Phase]:
    """The phases of a YAML file: the objects that it lists, or its only one.

    A phase makes its object when it is called, so that it can load (`!pkl:`) the file that the
    phase before it saved. What an anchor shares among phases is one object.

    Parameters
    ----------
    path, environ, allow_modules, settings, with_seed : see `load`
    text : str, optional
        Used in place of the contents of the file.
    """
    path = os.fspath(path)
    environ = {**train_environment(path), **(environ or {})}
    if text is None:
        with open_regular(path, or_device=True) as stream:
            text = read_text(stream, path)
    with beside(os.path.dirname(path) or ".", allowed=allow_modules):
        tree = load(
            text,
            environ,
            instantiate=False,
            allow_modules=allow_modules,
            name=path,
            settings=settings,
            with_seed=with_seed,
        )
    made: dict[int, Any] = {}
    items = tree if isinstance(tree, list) else [tree]
    if not items:
        raise YamlError(f"{path}: lists nothing")
    return [Phase(item, made) for item in items]
