"""Graph rewrites of this package: the same results with fewer and cheaper operations.

Costs and models are written as in the paper, and so compute some things twice; these rewrites merge
them. `register` adds the rewrites to Aesara's tag `fast_run`, and so to the default mode. A mode
that excludes the tag `TAG` omits them; one that excludes `FOR_C` omits those that insert operations
with C code, and keeps those that help every engine. `_PASSES` lists them in the order in which they
run.
"""

from __future__ import annotations

from typing import Any

import aesara
from aesara.compile.mode import Mode, get_mode, optdb
from aesara.graph.basic import Constant
from aesara.graph.rewriting.basic import MergeOptimizer
from aesara.tensor.rewriting.basic import constant_folding

from adversarial.backend.rewrites import (
    drop_length_checks,
    fuse,
    hoist_factors,
    merge_passes,
)

__all__ = ["FOR_C", "TAG", "register", "without_unwanted"]

TAG = "adversarial_fused"
FOR_C = "adversarial_for_c"

_PASSES = (
    # After the merge that follows Aesara's canonical form.
    ("adversarial_drop_length_checks", drop_length_checks.of_equals, 1.25, ()),
    # Between Aesara's canonical form (1) and its own rewrites for BLAS (1.7).
    ("adversarial_hoist_factors", hoist_factors.towards_outputs, 1.65, ()),
    ("adversarial_merge", MergeOptimizer(), 1.66, ()),
    ("adversarial_merge_passes", merge_passes.MergePasses(), 1.67, ()),
    ("adversarial_merge_again", MergeOptimizer(), 1.68, ()),
    # Before Aesara fuses elementwise operations (49), which would hide the patterns.
    ("adversarial_sink_factors", hoist_factors.towards_inputs, 48.5, ()),
    ("adversarial_fuse", fuse.patterns, 48.6, (FOR_C,)),
    ("adversarial_skip_zeros", fuse.skipping_zeros, 75.4, (FOR_C,)),
    ("adversarial_in_place", fuse.in_place, 75.5, (FOR_C, "inplace")),
    ("adversarial_contiguous_loops", fuse.contiguous_loops, 75.6, (FOR_C,)),
)

_UNWANTED = (
    # sum(2 v) -> 2 sum(v): the gradients of a bias and of its weights would then start from two
    # arrays, v and 2 v, and both would be computed.
    "local_sum_prod_mul_by_scalar",
    # alpha * (x y) as one operation: one more module to compile, and not faster.
    "local_dot22_to_dot22scalar",
    # Takes a third of the compilation time and is not faster: a BLAS multiplies by a matrix with
    # one column as fast as by a vector.
    "local_gemm_to_gemv",
)


def without_unwanted(mode: Any) -> Any:
    """`mode` (a `Mode`, its name, or None: the default) without the rewrites in `_UNWANTED`.

    A mode of another class, such as `DebugMode`, is returned unchanged.
    """
    found = get_mode(mode)
    return found.excluding(*_UNWANTED) if type(found) is Mode else mode


_aesara_folds = constant_folding.fn


def _fold_constants(fgraph: Any, node: Any) -> Any:
    """Aesara's constant folding, in Python: it runs once, so compiling C code for it is slower."""
    if not all(isinstance(v, Constant) for v in node.inputs):
        return False
    with aesara.config.change_flags(cxx=""):
        return _aesara_folds(fgraph, node)


def register() -> None:
    """Add the rewrites to Aesara's database of rewrites, unless they are there already."""
    constant_folding.fn = _fold_constants
    for name, rewriter, position, tags in _PASSES:
        if name not in optdb.__db__:
            optdb.register(name, rewriter, "fast_run", *tags, TAG, position=position)
