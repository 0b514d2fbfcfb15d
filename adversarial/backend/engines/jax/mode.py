"""From a rewritten graph to a pure Python function that JAX can trace."""

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

from adversarial.backend.engines.jax import (  # noqa: F401
    activations,
    conv,
    patches,
    pooling,
    random,
)
from adversarial.backend.engines.jax.function import Function
from adversarial.backend.rewrites import TAG

# What is of use to C code only: operations that work in place or do several things at once (XLA
# fuses by itself), calls of BLAS, convolutions as matrix products.
FOR_C = ("cxx_only", "BlasOpt", "inplace", "fusion", "conv_opts", "AbstractConvCheck", TAG)


class Linker(JAXLinker):
    """Aesara's JAX linker, less what it puts around the function that it makes of a graph.

    That goes through NumPy arrays: all parameters would come back to the host after each call.
    `function.Function` is around it instead.
    """

    def make_thunk(
        self,
        input_storage: Any = None,
        output_storage: Any = None,
        storage_map: Any = None,
        **kwargs: Any,
    ) -> tuple[Callable, list[Container], list[Container]]:
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
    """The mode of every function while the engine is JAX."""

    @staticmethod
    def function_maker(*args: Any, **kwargs: Any) -> FunctionMaker:
        return FunctionMaker(*args, function_builder=Function, **kwargs)


@functools.cache
def jax_mode() -> JaxMode:
    query = RewriteDatabaseQuery(include=["fast_run", "jax"], exclude=list(FOR_C))
    return JaxMode(Linker(), query)
