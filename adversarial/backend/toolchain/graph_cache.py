"""A disk cache of rewritten graphs.

Rewriting graphs in Python takes most of the start-up time once the C modules are compiled. So
`CEngine.compile` stores each rewritten graph in Aesara's `compiledir`, beside the modules. The
file name is a digest of all that determines the result: the graph, the rewrites, Aesara's flags,
and the versions and source code that rewrite. The files are pickles. Like the compiled modules,
they belong to the user and are trusted.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

import aesara
import numpy as np
from aesara.compile.mode import Mode, get_mode, optdb
from aesara.graph.basic import Apply, Variable
from aesara.graph.destroyhandler import DestroyHandler
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery
from aesara.scalar import ScalarOp

from adversarial.backend.toolchain import integrity, products

# Files that could not be used. They are not read again, even if they could not be removed.
_discarded: set[Path] = set()
# Packages whose Ops are identified by their pickles and by the package's version or source code.
_CACHEABLE = ("aesara.", "adversarial.backend.")


def caching_mode(mode: Any) -> Any:
    """`mode` (a `Mode` or its name) with the cache of rewritten graphs.

    A mode of another class, such as `DebugMode`, is returned unchanged.
    """
    found = get_mode(mode)
    if type(found) is not Mode or not isinstance(found.provided_optimizer, RewriteDatabaseQuery):
        return mode
    return _CachingMode(found.linker, found.provided_optimizer, found.optdb)


class _CachingMode(Mode):
    @property
    def optimizer(self) -> Callable[[FunctionGraph], None]:
        return functools.partial(_rewrite, self)


class Unusable(Exception):
    """A cached graph could not be used; its file has been removed. Compile the function again."""


class _NotCacheable(Exception):
    """The graph has an Op that is neither Aesara's nor of this package."""


def _rewrite(mode: _CachingMode, fgraph: FunctionGraph) -> None:
    """Rewrite `fgraph` by `mode`, or replace it by the cached result."""
    path = _path(mode.provided_optimizer, fgraph)
    if path is None or path in _discarded or not _load(path, fgraph):
        mode.optdb.query(mode.provided_optimizer)(fgraph)
        if path is not None:
            _store(path, fgraph)


def _path(query: RewriteDatabaseQuery, fgraph: FunctionGraph) -> Optional[Path]:
    """The path of the cached result for `fgraph`; None if it cannot be cached."""
    if query.subquery or query.extra_rewrites:
        return None
    place = {v: i for i, v in enumerate(fgraph.inputs)}
    question = [
        [sorted(map(str, tags)) for tags in (query.include, query.require, query.exclude)],
        query.position_cutoff,
        sorted(set(_rewrites(optdb))),
        # Aesara changes the flag `mode` while it rewrites; the query says which rewrites to apply.
        [(name, str(getattr(aesara.config, name))) for name in _options() if name != "mode"],
        [sys.version, np.__version__, aesara.__version__, _sources(), products.current()],
        [v.type for v in fgraph.inputs],
        sorted(place[v] for v in fgraph._supervisor_protected if v in place),
        sorted((fgraph.update_mapping or {}).items()),
    ]
    try:
        name = hashlib.sha256(pickle.dumps([question, _flat(fgraph)], protocol=4)).hexdigest()
    except (_NotCacheable, pickle.PicklingError, AttributeError, TypeError):
        return None
    return Path(aesara.config.compiledir, name + integrity.GRAPH)


def _rewrites(db: RewriteDatabase) -> Iterator[str]:
    """The names of all rewrites in `db`."""
    for name, found in db.__db__.items():
        yield name
        for rewrite in found:
            if isinstance(rewrite, RewriteDatabase):
                yield from _rewrites(rewrite)


@functools.cache
def _options() -> list[str]:
    return sorted(aesara.config._config_var_dict)


@functools.cache
def _sources() -> str:
    """A digest of the source code of `adversarial.backend`."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _flat(fgraph: FunctionGraph) -> tuple[list, list, list]:
    """(constants, operations with their inputs and types, outputs) of `fgraph`.

    Variables are numbered: inputs from 0 up, followed by the outputs of operations; constants
    from -1 down. Raises _NotCacheable for an Op that is neither Aesara's nor of this package.
    """
    numbers = {v: i for i, v in enumerate(fgraph.inputs)}
    constants: list[tuple] = []

    def number(v: Variable) -> int:
        if v not in numbers:  # a constant
            constants.append((type(v), v.type, v.data))
            numbers[v] = -len(constants)
        return numbers[v]

    operations, count = [], len(fgraph.inputs)
    for node in fgraph.toposort():
        op = node.op
        has_graph = hasattr(op, "fgraph") and not isinstance(op, ScalarOp)
        if has_graph or not type(op).__module__.startswith(_CACHEABLE):
            raise _NotCacheable(op)
        operations.append((op, list(map(number, node.inputs)), [v.type for v in node.outputs]))
        for v in node.outputs:
            numbers[v], count = count, count + 1
    return constants, operations, list(map(number, fgraph.outputs))


def _load(path: Path, fgraph: FunctionGraph) -> bool:
    """Replace `fgraph` by the graph in the file `path`; False if there is no usable file.

    Raises Unusable if the file turns out to be unusable after `fgraph` has been changed.
    """
    if not path.exists():
        return False
    content = integrity.read(path)
    try:
        if content[:32] != integrity.digest(path.name.encode(), content[32:]):
            raise ValueError("damaged")
        constants, operations, outputs = pickle.loads(content[32:])
        found = _rebuilt(fgraph.inputs, constants, operations)
        outputs = [found[i] for i in outputs]
        if [v.type for v in outputs] != [v.type for v in fgraph.outputs]:
            raise ValueError("other outputs")
    except Exception as error:  # unpickling data of another version can raise anything
        _discard(path, error)
        return False
    try:
        for place, v in enumerate(outputs):
            fgraph.change_node_input("output", place, v, reason="kept")
        if any(op.destroy_map for op, _, _ in operations):
            # Orders each in-place operation after the operations that read its input.
            fgraph.attach_feature(DestroyHandler())
            fgraph.validate()
    except Exception as error:
        _discard(path, error)
        raise Unusable(path) from error
    with contextlib.suppress(OSError):
        os.utime(path)
    return True


def _discard(path: Path, error: Exception) -> None:
    """Remove a file that cannot be used, warn, and do not read it again in this process."""
    _discarded.add(path)
    with contextlib.suppress(OSError):
        path.unlink()
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    integrity.say_removed("a rewritten graph", path.parent, reason)


def _rebuilt(
    inputs: Sequence[Variable], constants: Sequence[tuple], operations: Sequence[tuple]
) -> dict[int, Variable]:
    """The variables of the graph that `_flat` described, by their numbers."""
    variables = dict(enumerate(inputs))
    for i, (kind, type_, data) in enumerate(constants, start=1):
        variables[-i] = kind(type_, data)
    count = len(inputs)
    for op, taken, types in operations:
        made = [type_() for type_ in types]
        Apply(op, [variables[i] for i in taken], made)
        variables.update(enumerate(made, start=count))
        count += len(made)
    return variables


def _store(path: Path, fgraph: FunctionGraph) -> None:
    """Write the rewritten `fgraph` to `path`, and remove files that were not used for long."""
    with contextlib.suppress(
        _NotCacheable, pickle.PicklingError, AttributeError, TypeError, OSError
    ):
        answer = pickle.dumps(_flat(fgraph), protocol=4)
        integrity.replace(path, integrity.digest(path.name.encode(), answer) + answer)
        _discarded.discard(path)
        oldest = time.time() - aesara.config.cmodule__age_thresh_use
        for other in path.parent.glob(f"*{integrity.GRAPH}"):
            if other.stat().st_mtime < oldest:
                other.unlink()
