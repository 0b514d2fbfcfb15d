"""Graph rewrites of our own: less work for the same numbers, in the models' place.

They belong to Aesara's `fast_run`, and so to the default mode; exclude the tag `TAG` from a mode
to compile the plain graph.
"""

from __future__ import annotations

from typing import Any

import aesara
from aesara.compile.mode import Mode, get_mode, optdb
from aesara.graph.basic import Constant
from aesara.graph.rewriting.basic import MergeOptimizer
from aesara.tensor.rewriting.basic import constant_folding

from adversarial.backend.rewrites import factors, fuse, join, lengths

__all__ = ["TAG", "register", "without_unwanted"]

TAG = "adversarial_fused"

_PASSES = (
    # After the merge that follows Aesara's canonical form.
    ("adversarial_lengths", lengths.of_equals, 1.25, ()),
    # Between Aesara's canonical form (1) and its own rewrites for BLAS (1.7).
    ("adversarial_factors_later", factors.later, 1.65, ()),
    ("adversarial_merge", MergeOptimizer(), 1.66, ()),
    ("adversarial_join_products", join.JoinProducts(), 1.67, ()),
    ("adversarial_merge_again", MergeOptimizer(), 1.68, ()),
    # Before Aesara fuses elementwise operations (49), which would hide the patterns.
    ("adversarial_factors_sooner", factors.sooner, 48.5, ()),
    ("adversarial_fuse", fuse.patterns, 48.6, ()),
    ("adversarial_products", fuse.without_zeros, 75.4, ()),
    ("adversarial_in_place", fuse.in_place, 75.5, ("inplace",)),
)

_UNWANTED = (
    # sum(2 v) -> 2 sum(v): the gradient of a bias would be of another array than its weights' is,
    # and both would be computed.
    "local_sum_prod_mul_by_scalar",
    # a (x y), to be multiplied by more: one module more to compile, and nothing gained.
    "local_dot22_to_dot22scalar",
    # Takes a third of the time to compile, and gives nothing: to a BLAS, a matrix of one column is
    # a vector.
    "local_gemm_to_gemv",
)


def without_unwanted(mode: Any) -> Any:
    """The mode `mode` (a `Mode`, its name, or None) without those of Aesara's that get in the way.

    Modes that do something of their own (`DebugMode`) stay as they are.
    """
    found = get_mode(mode)
    return found.excluding(*_UNWANTED) if type(found) is Mode else mode


_aesara_folds = constant_folding.fn


def _fold_constants(fgraph: Any, node: Any) -> Any:
    """Aesara's own, without compiling C, or finding it compiled, for what is computed once."""
    if not all(isinstance(v, Constant) for v in node.inputs):
        return False
    with aesara.config.change_flags(cxx=""):
        return _aesara_folds(fgraph, node)


def register() -> None:
    """Add the rewrites to Aesara's data base; once a process."""
    constant_folding.fn = _fold_constants
    for name, rewriter, position, tags in _PASSES:
        if name not in optdb.__db__:
            optdb.register(name, rewriter, "fast_run", *tags, TAG, position=position)
