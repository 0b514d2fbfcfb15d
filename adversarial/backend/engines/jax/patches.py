"""Conversions to JAX that replace those of Aesara which fail with current JAX.

Importing this module registers them in place of Aesara's.
"""

from __future__ import annotations

from typing import Any, Callable

import jax
import jax.numpy as jnp
import numpy as np
from aesara.graph.basic import Apply, NoParams, Variable
from aesara.graph.fg import FunctionGraph
from aesara.graph.op import Op
from aesara.link.jax.dispatch import jax_funcify
from aesara.link.utils import fgraph_to_python
from aesara.raise_op import Assert, CheckAndRaise
from aesara.scalar import Cast, ScalarType
from aesara.tensor.basic import MakeVector, Split
from aesara.tensor.elemwise import CAReduce
from aesara.tensor.math import Argmax, MaxAndArgmax
from aesara.tensor.nnet.basic import SoftmaxWithBias
from aesara.tensor.shape import Reshape, SpecifyShape
from aesara.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    IncSubtensor,
    Subtensor,
    indices_from_subtensor,
)
from jax.dtypes import canonicalize_dtype


@jax_funcify.register(FunctionGraph)
def convert_graph(fgraph: FunctionGraph, fgraph_name: str = "graph", **kwargs: Any) -> Callable:
    """A Python function of the graph's inputs, which JAX can trace.

    Aesara's conversion compiles the current values of shared variables, whole data sets, into the
    program as constants. It also converts constants to JAX arrays, whose values are not known
    while tracing, so they cannot be used in shapes. Here constants stay NumPy arrays.
    """
    kwargs.pop("storage_map", None)
    kwargs.pop("node", None)
    kwargs.pop("input_storage", None)
    kwargs.pop("output_storage", None)
    return fgraph_to_python(
        fgraph,
        convert_node,
        const_conversion_fn=lambda value, **_: value,
        fgraph_name=fgraph_name,
        **kwargs,
    )


def convert_node(op: Op, node: Apply, **kwargs: Any) -> Callable:
    """The function of `node`; if its inputs are known while tracing, NumPy computes its outputs.

    JAX must know all shapes while it traces, and the result of a `jax.numpy` function is not known
    then. So if all inputs are known (constants, shapes of arrays, and results computed from these),
    the Op's `perform` computes the outputs at once.
    """

    def convert(*inputs: Any) -> Any:
        if inputs and not any(isinstance(value, jax.Array) for value in inputs):
            known = _perform(node, inputs)
            if known is not None:
                return known
        # Not before the call: Aesara refuses to convert some nodes with inputs not constant.
        return jax_funcify(op, node=node, **kwargs)(*inputs)

    return convert


def _perform(node: Apply, inputs: Any) -> Any:
    """The outputs of `node`, computed by its Op's `perform`; None if it does not have one."""
    storage = [[None] for _ in node.outputs]
    values = [_as_perform_takes(value, v) for value, v in zip(inputs, node.inputs)]
    node.op.prepare_node(node, None, None, "py")
    params = node.run_params()
    try:
        node.op.perform(node, values, storage, *([] if params is NoParams else [params]))
    except NotImplementedError:
        return None
    outputs = tuple(cell[0] for cell in storage)
    return outputs if len(outputs) > 1 else outputs[0]


def _as_perform_takes(value: Any, variable: Variable) -> Any:
    if not hasattr(variable, "dtype"):
        return value
    array = np.asarray(value, variable.dtype)
    # With an array as index, of no axes, NumPy copies what it should change in place.
    return array[()] if isinstance(variable.type, ScalarType) else array


@jax_funcify.register(Reshape)
def convert_reshape(op: Reshape, **kwargs: Any) -> Callable:
    """Aesara's conversion accepts only a constant shape, or the shape of one array."""
    return lambda x, shape: jnp.reshape(x, tuple(int(n) for n in np.asarray(shape)))


@jax_funcify.register(SpecifyShape)
def convert_specify_shape(op: SpecifyShape, **kwargs: Any) -> Callable:
    """Aesara's conversion compares lengths with None if an axis may have any length."""

    def specify(x: jax.Array, *shape: Any) -> jax.Array:
        wanted = tuple(None if n is None else int(n) for n in shape)
        if any(n is not None and n != found for n, found in zip(wanted, x.shape)):
            raise ValueError(f"an array has shape {x.shape}, not {wanted}")
        return x

    return specify


@jax_funcify.register(Assert)
@jax_funcify.register(CheckAndRaise)
def convert_check(op: CheckAndRaise, **kwargs: Any) -> Callable:
    """Aesara's conversion drops all checks, with a warning; this one does those of shapes."""

    def check(x: Any, *conditions: Any) -> Any:
        known = [c for c in conditions if not isinstance(c, jax.Array)]
        if not np.all(known):
            raise op.exc_type(op.msg)
        return x

    return check


@jax_funcify.register(MakeVector)
def convert_make_vector(op: MakeVector, **kwargs: Any) -> Callable:
    return lambda *values: jnp.stack([jnp.asarray(v).astype(narrow(op.dtype)) for v in values])


@jax_funcify.register(Cast)
def convert_cast(op: Cast, **kwargs: Any) -> Callable:
    """By default JAX has no float64 and int64, and Aesara's conversion warns at each such cast."""
    return lambda x: jnp.asarray(x).astype(narrow(op.o_type.dtype))


@jax_funcify.register(CAReduce)
def convert_reduction(op: CAReduce, **kwargs: Any) -> Callable:
    """Reductions, with float32 accumulators: XLA sums pairwise, which is accurate enough.

    Aesara's conversion has three faults: the result has the dtype of the accumulator (float64,
    which JAX makes float32 with a warning), the axes are a list, which JAX refuses, and it calls
    functions of `jax.lax` that do not take arrays.
    """
    name = (getattr(op, "nfunc_spec", None) or op.scalar_op.nfunc_spec)[0]
    names = {
        "add": "sum",
        "multiply": "prod",
        "maximum": "max",
        "minimum": "min",
        "logical_and": "all",
        "logical_or": "any",
        "bitwise_and": "all",
        "bitwise_or": "any",
    }
    reduce = getattr(jnp, names.get(name, name))

    def reduction(x: jax.Array) -> jax.Array:
        axes = None if op.axis is None else tuple(op.axis)
        wide = op._output_dtype(str(x.dtype)) if hasattr(op, "_output_dtype") else x.dtype
        return reduce(x, axis=axes).astype(narrow(wide))

    return reduction


@jax_funcify.register(MaxAndArgmax)
def convert_max_and_argmax(op: MaxAndArgmax, **kwargs: Any) -> Callable:
    """Aesara's conversion computes the permutation of axes by JAX, which must know it to trace."""

    def max_and_argmax(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        flat = _last(x, op.axis)
        return flat.max(axis=-1), flat.argmax(axis=-1).astype(narrow("int64"))

    return max_and_argmax


@jax_funcify.register(Argmax)
def convert_argmax(op: Argmax, **kwargs: Any) -> Callable:
    """Aesara's rewrites turn MaxAndArgmax into Argmax, which Aesara cannot convert."""
    return lambda x: _last(x, op.axis).argmax(axis=-1).astype(narrow("int64"))


@jax_funcify.register(Split)
def convert_split(op: Split, **kwargs: Any) -> Callable:
    """Aesara has no conversion of Split."""

    def split(x: jax.Array, axis: Any, sizes: Any) -> list[jax.Array]:
        ends = np.cumsum(np.asarray(sizes))[:-1]
        return jnp.split(x, [int(end) for end in ends], axis=int(axis))

    return split


@jax_funcify.register(Subtensor)
def convert_subtensor(op: Subtensor, **kwargs: Any) -> Callable:
    """Aesara's conversion accepts only constants in slices, but no lengths of arrays."""

    def subtensor(x: jax.Array, *indices: Any) -> jax.Array:
        known = [i if isinstance(i, jax.Array) else int(i) for i in indices]
        return jnp.asarray(x)[tuple(indices_from_subtensor(known, op.idx_list))]

    return subtensor


@jax_funcify.register(SoftmaxWithBias)
def convert_softmax_with_bias(op: SoftmaxWithBias, **kwargs: Any) -> Callable:
    """Aesara's rewrites insert SoftmaxWithBias, which Aesara cannot convert."""
    return lambda x, bias: jax.nn.softmax(x + bias, axis=-1)


def _into_a_jax_array(convert: Callable) -> Callable:
    """Aesara's conversion uses `x.at`, which a NumPy array (see `convert_node`) does not have."""

    def converted(op: Op, **kwargs: Any) -> Callable:
        write = convert(op, **kwargs)
        return lambda x, *rest: write(jnp.asarray(x), *rest)

    return converted


for _op in (IncSubtensor, AdvancedIncSubtensor, AdvancedIncSubtensor1):
    jax_funcify.register(_op)(_into_a_jax_array(jax_funcify.dispatch(_op)))


def _last(x: jax.Array, axes: Any) -> jax.Array:
    """`x` with the axes `axes` (None: all) merged into one last axis."""
    axes = tuple(range(x.ndim)) if axes is None else tuple(int(axis) for axis in axes)
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    return x.transpose(*kept, *axes).reshape(*(x.shape[axis] for axis in kept), -1)


def narrow(dtype: Any) -> np.dtype:
    """The dtype that JAX uses for `dtype`: 32 bits instead of 64, unless floatX is float64."""
    return canonicalize_dtype(dtype)
