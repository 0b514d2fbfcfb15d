"""Random numbers whose whole state is one plain array: saved, restored and repeated exactly."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Union

import aesara
import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Apply, Constant, Variable
from aesara.link.c.op import COp, OpenMPOp
from aesara.link.c.params_type import ParamsType
from aesara.scalar import int64, uint32
from aesara.tensor.type import TensorType

from adversarial.backend import philox
from adversarial.backend.graphs import shared

Size = Union[int, Sequence[Any], Variable]
Number = Union[float, Variable]

UNIFORM, NORMAL, BINOMIAL, COIN = range(4)
_state_type = TensorType("uint32", shape=(4,))


class Draw(OpenMPOp):
    """(state, shape, a, b) -> array of `shape`: a pure function of them and of `stream`.

    The distribution is uniform in [a, b), normal of mean a and deviation b, or 1 with probability
    a (COIN: 1/2) and else 0. C code and NumPy give the same bits.

    Parameters
    ----------
    kind : UNIFORM, NORMAL, BINOMIAL or COIN
    stream : 0 .. 2**32 - 1, the draw's place in its model; different streams are independent
    dtype : float32 or float64; either way the numbers have 24 bits
    static_shape : what is known of the shape; None where an axis is symbolic
    """

    __props__ = ("kind", "stream", "dtype", "static_shape")
    # Passed at run time: one compiled module serves every draw of the same rank.
    params_type = ParamsType(kind=int64, stream=uint32)

    def __init__(
        self, kind: int, stream: int, dtype: str, static_shape: tuple[int | None, ...]
    ) -> None:
        super().__init__()
        self.kind = kind
        self.stream = stream
        self.dtype = dtype
        self.static_shape = static_shape

    def make_node(self, state: Any, shape: Any, a: Any, b: Any) -> Apply:
        state = _state_type.filter_variable(at.as_tensor_variable(state))
        shape = at.cast(at.as_tensor_variable(shape, ndim=1), "int64")
        a, b = map(_double, (a, b))
        return Apply(self, [state, shape, a, b], [TensorType(self.dtype, self.static_shape)()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        shape = node.inputs[1]
        known = self.static_shape
        return [[shape[i] if known[i] is None else known[i] for i in range(len(known))]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * 4

    def grad(self, inputs: Any, output_gradients: Any) -> list:
        return [aesara.gradient.DisconnectedType()() for _ in inputs]

    def perform(self, node: Apply, inputs: Any, output_storage: Any, params: Any = None) -> None:
        state, shape, a, b = inputs
        a, b = float(a), float(b)
        if (shape < 0).any():
            raise ValueError(f"a random array cannot have the shape {tuple(shape)}")
        n = int(np.prod(shape))
        real = np.dtype(self.dtype).type
        if self.kind == UNIFORM:
            _check_uniform(a, b)
            values = real(a) + (real(b) - real(a)) * philox.uniform(state, self.stream, n).astype(
                real
            )
            values = np.minimum(values, np.nextafter(real(b), real(a)))
        elif self.kind == NORMAL:
            _check_normal(b)
            values = real(a) + real(b) * philox.normal(state, self.stream, n).astype(real)
        elif self.kind == BINOMIAL:
            _check_binomial(a)
            values = philox.binomial(state, self.stream, n, a)
        else:
            values = philox.coin(state, self.stream, n)
        output_storage[0][0] = values.astype(real, copy=False).reshape(shape)

    def c_code_cache_version(self) -> tuple:
        return (3, self.openmp)

    def c_compile_args(self, **kwargs: Any) -> list[str]:
        return super().c_compile_args(**kwargs) + philox.C_FLAGS

    def c_support_code(self, **kwargs: Any) -> str:
        return philox.C_SOURCE

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        state, shape, a, b = inputs
        (out,) = outputs
        ndim = len(self.static_shape)
        real = "npy_" + self.dtype
        fail, params = sub["fail"], sub["params"]
        return f"""
        {{
            npy_intp dims[{max(ndim, 1)}] = {{0}};
            npy_intp n = 1;
            bool fits = {out} != NULL && PyArray_NDIM({out}) == {ndim}
                && PyArray_IS_C_CONTIGUOUS({out});
            if (PyArray_DIM({shape}, 0) != {ndim} || PyArray_DIM({state}, 0) != 4
                || PyArray_STRIDE({state}, 0) != 4) {{
                PyErr_SetString(PyExc_ValueError, "random draw: state or shape is malformed");
                {fail}
            }}
            for (int i = 0; i < {ndim}; ++i) {{
                dims[i] = (npy_intp) *(npy_int64 *) PyArray_GETPTR1({shape}, i);
                if (dims[i] < 0) {{
                    PyErr_Format(PyExc_ValueError,
                                 "a random array cannot have an axis of length %lld",
                                 (long long) dims[i]);
                    {fail}
                }}
                n *= dims[i];
                fits = fits && PyArray_DIM({out}, i) == dims[i];
            }}
            if (!fits) {{
                Py_XDECREF({out});
                {out} = (PyArrayObject *) PyArray_EMPTY(
                    {ndim}, dims, NPY_{self.dtype.upper()}, 0);
                if ({out} == NULL) {{ {fail} }}
            }}
            const npy_uint32 *state = (npy_uint32 *) PyArray_DATA({state});
            const double a = *(npy_float64 *) PyArray_DATA({a});
            const double b = *(npy_float64 *) PyArray_DATA({b});
            const npy_uint32 stream = {params}->stream;
            {real} *out = ({real} *) PyArray_DATA({out});
            const char *wrong = NULL;
            switch ({params}->kind) {{
            case {UNIFORM}: {{
                if (!(a <= b)) {{ wrong = "uniform: low must not be above high"; break; }}
                const {real} low = a, high = b;
                const philox::Uniform<{real}> make = {{low, high - low, std::nextafter(high, low)}};
                philox::draw(state, stream, out, n, make);
                break;
            }}
            case {NORMAL}: {{
                if (!(b >= 0)) {{ wrong = "normal: std must not be negative"; break; }}
                const philox::Normal<{real}> make = {{({real}) a, ({real}) b}};
                philox::draw(state, stream, out, n, make);
                break;
            }}
            case {BINOMIAL}: {{
                if (!(a >= 0 && a <= 1)) {{ wrong = "binomial: p must be in [0, 1]"; break; }}
                const philox::Binomial<{real}> make = {{
                    (uint64_t) std::floor(a * 4294967296.0 + 0.5)}};
                philox::draw(state, stream, out, n, make);
                break;
            }}
            default:
                philox::draw(state, stream, out, n, philox::Coin<{real}>());
            }}
            if (wrong) {{
                PyErr_SetString(PyExc_ValueError, wrong);
                {fail}
            }}
        }}
        """

    def c_headers(self, **kwargs: Any) -> list[str]:
        return super().c_headers(**kwargs) + ["<cmath>"]


class Advance(COp):
    """state -> state one step on: its last two words are the halves of a 64-bit count."""

    __props__ = ()

    def make_node(self, state: Any) -> Apply:
        state = _state_type.filter_variable(at.as_tensor_variable(state))
        return Apply(self, [state], [_state_type()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return input_shapes

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        key_low, key_high, low, high = (int(word) for word in inputs[0])
        step = ((high << 32) + low + 1) % 2**64
        output_storage[0][0] = np.array(
            [key_low, key_high, step % 2**32, step >> 32], dtype="uint32"
        )

    def c_code_cache_version(self) -> tuple:
        return (1,)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (state,), (out,), fail = inputs, outputs, sub["fail"]
        return f"""
        {{
            npy_intp dims[1] = {{4}};
            Py_XDECREF({out});
            {out} = (PyArrayObject *) PyArray_EMPTY(1, dims, NPY_UINT32, 0);
            if ({out} == NULL) {{ {fail} }}
            npy_uint32 *to = (npy_uint32 *) PyArray_DATA({out});
            for (int i = 0; i < 4; ++i) to[i] = *(npy_uint32 *) PyArray_GETPTR1({state}, i);
            if (++to[2] == 0) ++to[3];
        }}
        """


class RandomStreams:
    """Symbolic random arrays that depend on nothing but a seed, a step and a place in the graph.

    Each call of a method makes one stream of its own. Each run of a compiled function that draws
    from any of them moves the step on by one.

    Parameters
    ----------
    seed : non-negative integer, or a sequence of them
    purpose : objects with the same seed and another purpose are independent

    Attributes
    ----------
    state : shared uint32 array: key low, key high, step low, step high; may be set to any value
    """

    # Holds nothing but plain data once asked for its state, so it may be saved with a model.
    persistent = True
    # How many draws the graphs built in this process hold.
    new_at_start = ("streams",)

    def __init__(self, seed: int | Sequence[int], purpose: str = "") -> None:
        words = [seed] if isinstance(seed, (int, np.integer)) else list(seed)
        if not all(isinstance(word, (int, np.integer)) and word >= 0 for word in words):
            raise ValueError(f"a seed is one or more non-negative integers, not {seed!r}")
        # The length keeps (1,) and (1, 0) apart, which SeedSequence does not.
        entropy = [zlib.crc32(purpose.encode()), len(words), *(int(word) for word in words)]
        key = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
        self.__setstate__({"state": np.append(key, [0, 0]).astype("uint32")})

    def __getstate__(self) -> dict[str, Any]:
        return {"state": self.state.get_value()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Not a list, of lists of lists: that could grow without end as it becomes an array.
        if not isinstance(state["state"], np.ndarray) or state["state"].shape != (4,):
            raise ValueError("a random stream's state is an array of four words")
        self.state = shared(state["state"].astype("uint32"), name="random_state")
        self.state.default_update = Advance()(self.state)
        # Graphs are built anew, in the same order, so counting anew gives the same streams.
        self.streams = 0

    def uniform(self, size: Size, low: Number = 0.0, high: Number = 1.0) -> Variable:
        """Array of `size` (int, or sequence or vector of ints, symbolic or not) in [low, high)."""
        if _symbolic(low, high):
            return _scale(self._draw(UNIFORM, size, 0.0, 1.0), low, high - low)
        _check_uniform(low, high)
        return self._draw(UNIFORM, size, low, high)

    def normal(self, size: Size, avg: Number = 0.0, std: Number = 1.0) -> Variable:
        """Array of `size`, normal with mean `avg` and standard deviation `std`."""
        if _symbolic(avg, std):
            return _scale(self._draw(NORMAL, size, 0.0, 1.0), avg, std)
        _check_normal(std)
        return self._draw(NORMAL, size, avg, std)

    def binomial(self, size: Size, p: Number = 0.5, n: int = 1) -> Variable:
        """Array of `size`: 1 with probability `p`, a number or a symbolic scalar, else 0."""
        if n != 1:
            raise ValueError(f"only n=1 is implemented, not n={n!r}")
        if not _symbolic(p):
            _check_binomial(p)
            if p == 0.5:
                return self._draw(COIN, size, 0.0, 0.0)
        return self._draw(BINOMIAL, size, p, 0.0)

    def _draw(self, kind: int, size: Size, a: Number, b: float) -> Variable:
        shape, static_shape = _shape(size)
        draw = Draw(kind, self.streams, aesara.config.floatX, static_shape)
        self.streams += 1
        return draw(self.state, shape, a, b)


def _shape(size: Size) -> tuple[Any, tuple[int | None, ...]]:
    """The shape as an int64 vector, and what is known of it."""
    if isinstance(size, Variable) and size.ndim == 1:
        length = size.type.shape[0]
        if length is None:
            raise ValueError(f"the number of axes must be known; {size} has an unknown length")
        if isinstance(size, Constant):
            size = size.data
        else:
            return size, (None,) * length
    if isinstance(size, (int, np.integer, Variable)):
        size = (size,)
    axes = [axis.data if isinstance(axis, Constant) else axis for axis in size]
    known = tuple(None if isinstance(axis, Variable) else int(axis) for axis in axes)
    if any(axis is not None and axis < 0 for axis in known):
        raise ValueError(f"a random array cannot have the shape {size!r}")
    if None not in known:
        return np.array(known, dtype="int64"), known
    return at.stack([at.cast(axis, "int64") for axis in axes]), known


def _double(value: Number) -> Variable:
    """`value` as a float64 scalar; Aesara would round a Python float to floatX first."""
    if isinstance(value, Variable):
        return at.cast(at.as_tensor_variable(value, ndim=0), "float64")
    return at.constant(np.float64(value), dtype="float64")


def _symbolic(*values: Any) -> bool:
    return any(isinstance(value, Variable) for value in values)


def _scale(values: Variable, offset: Any, factor: Any) -> Variable:
    """offset + factor * values in the graph, where gradients pass to `offset` and `factor`."""
    return at.cast(offset, values.dtype) + at.cast(factor, values.dtype) * values


def _check_uniform(low: float, high: float) -> None:
    if not low <= high:
        raise ValueError(f"uniform: low must not be above high, but low={low}, high={high}")


def _check_normal(std: float) -> None:
    if not std >= 0:
        raise ValueError(f"normal: std must not be negative, but std={std}")


def _check_binomial(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"binomial: p must be in [0, 1], but p={p}")
