"""`jax_mode`, the Aesara mode of the JAX engine: its rewrites, linker and class of functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from aesara.compile.function.types import FunctionMaker
from aesara.compile.mode import Mode
from aesara.graph.rewriting.db import RewriteDatabaseQuery
from aesara.link.basic import Container
from aesara.link.jax.dispatch import jax_funcify
from aesara.link.jax.linker import JAXLinker
from aesara.link.utils import map_storage

from adversarial.backend import rewrites
from adversarial.backend.engines.jax import (  # noqa: F401
    activations,
    conv,
    dot,
    ordering,
    patches,
    pooling,
    random,
)
from adversarial.backend.engines.jax.function import Function

# Rewrites for C code only: in-place and fused operations (XLA fuses by itself), BLAS calls, and
# convolutions as matrix products.
FOR_C = (
    "cxx_only",
    "BlasOpt",
    "inplace",
    "fusion",
    "conv_opts",
    "AbstractConvCheck",
    rewrites.FOR_C,
)


class Linker(JAXLinker):
    """Aesara's JAX linker without its wrapper around the function of the graph.

    The wrapper converts all results to NumPy arrays, so it would copy all parameters to the host
    after each call. `function.Function` replaces it.
    """

    def make_thunk(
        self,
        input_storage: Any = None,
        output_storage: Any = None,
        storage_map: Any = None,
        **kwargs: Any,
    ) -> tuple[Callable, list[Container], list[Container]]:
        ordering.update_last(self.fgraph)
        order = self.schedule(self.fgraph)
        inputs, outputs, _ = map_storage(
            self.fgraph, order, input_storage, output_storage, storage_map
        )
        return (
            jax_funcify(self.fgraph),
            [Container(v, cell) for v, cell in zip(self.fgraph.inputs, inputs)],
            [Container(v, cell, readonly=True) for v, cell in zip(self.fgraph.outputs, outputs)],
        )


class JaxMode(Mode):
    """The mode of all functions that the JAX engine compiles."""

    @staticmethod
    def function_maker(*args: Any, **kwargs: Any) -> FunctionMaker:
        return FunctionMaker(*args, function_builder=Function, **kwargs)


@functools.cache
def jax_mode() -> JaxMode:
    query = RewriteDatabaseQuery(include=["fast_run", "jax"], exclude=list(FOR_C))
    return JaxMode(Linker(), query)
