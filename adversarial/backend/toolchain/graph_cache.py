"""Rewritten graphs, kept from one start to the next.

Rewriting a graph is Python throughout, and takes most of a start that finds its C modules
compiled.  What became of a graph is therefore written beside those modules, into Aesara's
`compiledir`, under a name made of all that decides it: the graph, how it is to be rewritten, and
the versions and sources of who rewrites.  Like the modules these files are the user's own, and
believed: they are pickles.
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

from adversarial.backend.toolchain import integrity

# Files that could not be used, and could perhaps not be removed.
_discarded: set[Path] = set()
# Whose operations are known by their pickles: those do not change unless a version does.
_KNOWN = ("aesara.", "adversarial.backend.")


def keeping(mode: Any) -> Any:
    """The mode `mode` (a `Mode` or its name), to rewrite no graph twice.

    Modes that do something of their own (`DebugMode`) stay as they are.
    """
    found = get_mode(mode)
    if type(found) is not Mode or not isinstance(found.provided_optimizer, RewriteDatabaseQuery):
        return mode
    return _KeepingMode(found.linker, found.provided_optimizer, found.optdb)


class _KeepingMode(Mode):
    @property
    def optimizer(self) -> Callable[[FunctionGraph], None]:
        return functools.partial(_rewrite, self)


class Unusable(Exception):
    """A graph that is kept does not fit: it has been removed, and the function is made again."""


class _Unknown(Exception):
    """A graph whose operations are not ours to keep."""


def _rewrite(mode: _KeepingMode, fgraph: FunctionGraph) -> None:
    """Do to `fgraph` what the rewriter of `mode` does to it."""
    path = _path(mode.provided_optimizer, fgraph)
    if path is None or path in _discarded or not _recall(path, fgraph):
        mode.optdb.query(mode.provided_optimizer)(fgraph)
        if path is not None:
            _remember(path, fgraph)


def _path(query: RewriteDatabaseQuery, fgraph: FunctionGraph) -> Optional[Path]:
    """Where the result for `fgraph` is kept; None when it cannot be."""
    if query.subquery or query.extra_rewrites:
        return None
    place = {v: i for i, v in enumerate(fgraph.inputs)}
    question = [
        [sorted(map(str, tags)) for tags in (query.include, query.require, query.exclude)],
        query.position_cutoff,
        sorted(set(_rewrites(optdb))),
        # Aesara sets the mode for the time of rewriting; what it asks for is in the query.
        [(name, str(getattr(aesara.config, name))) for name in _options() if name != "mode"],
        [sys.version, np.__version__, aesara.__version__, _sources()],
        [v.type for v in fgraph.inputs],
        sorted(place[v] for v in fgraph._supervisor_protected if v in place),
        sorted((fgraph.update_mapping or {}).items()),
    ]
    try:
        name = hashlib.sha256(pickle.dumps([question, _flat(fgraph)], protocol=4)).hexdigest()
    except (_Unknown, pickle.PicklingError, AttributeError, TypeError):
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
    """What this package's rewrites and operations are at present."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _flat(fgraph: FunctionGraph) -> tuple[list, list, list]:
    """(constants, operations with their inputs and types, outputs) of `fgraph`.

    Variables are numbered: inputs, then constants from -1 down, then what operations put out.
    Raises _Unknown for an operation that is not Aesara's or ours.
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
        if has_graph or not type(op).__module__.startswith(_KNOWN):
            raise _Unknown(op)
        operations.append((op, list(map(number, node.inputs)), [v.type for v in node.outputs]))
        for v in node.outputs:
            numbers[v], count = count, count + 1
    return constants, operations, list(map(number, fgraph.outputs))


def _recall(path: Path, fgraph: FunctionGraph) -> bool:
    """Make of `fgraph` what is kept at `path`; False where nothing is that can be used.

    Raises Unusable where that shows only when `fgraph` has been changed already.
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
    except Exception as error:  # whatever it is, of other versions for example
        _discard(path, error)
        return False
    try:
        for place, v in enumerate(outputs):
            fgraph.change_node_input("output", place, v, reason="kept")
        if any(op.destroy_map for op, _, _ in operations):
            # Puts whoever overwrites an array after those who read it.
            fgraph.attach_feature(DestroyHandler())
            fgraph.validate()
    except Exception as error:
        _discard(path, error)
        raise Unusable(path) from error
    with contextlib.suppress(OSError):
        os.utime(path)
    return True


def _discard(path: Path, error: Exception) -> None:
    """Remove a file that cannot be used, look at it no more, and say so."""
    _discarded.add(path)
    with contextlib.suppress(OSError):
        path.unlink()
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    integrity.say_removed("a rewritten graph", path.parent, reason)


def _rebuilt(
    inputs: Sequence[Variable], constants: Sequence[tuple], operations: Sequence[tuple]
) -> dict[int, Variable]:
    """The variables of a graph by the numbers that `_flat` gave them; changes no other graph."""
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


def _remember(path: Path, fgraph: FunctionGraph) -> None:
    """Keep what `fgraph` has become at `path`, and nothing there that was long not asked for."""
    with contextlib.suppress(_Unknown, pickle.PicklingError, AttributeError, TypeError, OSError):
        answer = pickle.dumps(_flat(fgraph), protocol=4)
        integrity.replace(path, integrity.digest(path.name.encode(), answer) + answer)
        _discarded.discard(path)
        oldest = time.time() - aesara.config.cmodule__age_thresh_use
        for other in path.parent.glob(f"*{integrity.GRAPH}"):
            if other.stat().st_mtime < oldest:
                other.unlink()
