"""Conversions to JAX of `Draw` and `Advance`: the same bits as `backend.ops.philox`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from aesara.graph.basic import Apply
from aesara.link.jax.dispatch import jax_funcify

from adversarial.backend.engines.jax import devices
from adversarial.backend.ops import philox
from adversarial.backend.ops.random_draw import BINOMIAL, COIN, NORMAL, UNIFORM, Advance, Draw

try:
    from jax import enable_x64
except ImportError:  # JAX below 0.8
    from jax.experimental import enable_x64

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_f32, _u32 = np.float32, np.uint32


@jax_funcify.register(Draw)
def convert_draw(op: Draw, node: Apply, **kwargs: Any) -> Any:
    real = np.dtype(op.dtype).type

    def draw(state: Any, shape: Any, a: Any, b: Any) -> jax.Array:
        shape = tuple(int(n) for n in np.asarray(shape))
        if min(shape, default=0) < 0:
            raise ValueError(f"a random array cannot have the shape {shape}")
        n = int(np.prod(shape))
        if op.kind == UNIFORM:
            low, high = real(a), real(b)
            values = uniform(state, op.stream, n).astype(op.dtype)
            values = low + _rounded(state, (high - low) * values)
            values = jnp.minimum(values, np.nextafter(high, low))
        elif op.kind == NORMAL:
            values = normal(state, op.stream, n).astype(op.dtype)
            values = real(a) + _rounded(state, real(b) * values)
        elif op.kind == BINOMIAL:
            values = binomial(state, op.stream, n, a)
        else:
            assert op.kind == COIN
            values = coin(state, op.stream, n)
        return devices.split(values.astype(op.dtype).reshape(shape))

    return draw


@jax_funcify.register(Advance)
def convert_advance(op: Advance, **kwargs: Any) -> Any:
    def advance(state: jax.Array) -> jax.Array:
        low = state[2] + _u32(1)
        return jnp.stack([state[0], state[1], low, state[3] + (low == 0).astype(_u32)])

    return advance


def blocks(counter: tuple, key: tuple) -> tuple:
    """Ten rounds of Philox4x32 on four uint32 arrays; see `philox.blocks`."""

    def one_round(_: int, words: tuple) -> tuple:
        c0, c1, c2, c3, k0, k1 = words
        high0, low0 = _times(c0, _MULTIPLIERS[0])
        high1, low1 = _times(c2, _MULTIPLIERS[1])
        return (
            high1 ^ c1 ^ k0,
            low1,
            high0 ^ c3 ^ k1,
            low0,
            k0 + _u32(_WEYL[0]),
            k1 + _u32(_WEYL[1]),
        )

    # On a GPU each iteration of a loop is started by the host, so there is none. On a CPU, XLA
    # writes all words to memory in each iteration, so a few rounds share one; it would compute all
    # rounds again for each of the four words, if there were no loop. Processor time of 78,400 words
    # on one processor: 0.79 ms with one round in an iteration, 0.48 with two, 0.31 with five, and
    # 0.60 without a loop.
    unroll = 5 if devices.platform() == "cpu" else True
    return jax.lax.fori_loop(0, 10, one_round, (*counter, *key), unroll=unroll)[:4]


def _times(a: jax.Array, factor: int) -> tuple[jax.Array, jax.Array]:
    """(high word, low word) of the 64-bit product `a` * `factor`."""

    # Integers of 64 bits are needed only here; elsewhere they would be slow on a GPU. Constants are
    # converted in the graph: JAX would make a 64-bit constant 32-bit outside `enable_x64`.
    def wide(value: Any) -> jax.Array:
        return jax.lax.convert_element_type(jnp.broadcast_to(_u32(value), a.shape), np.uint64)

    with enable_x64(True):
        product = jax.lax.mul(jax.lax.convert_element_type(a, np.uint64), wide(factor))
        high = jax.lax.shift_right_logical(product, wide(32))
        return (
            jax.lax.convert_element_type(high, _u32),
            jax.lax.convert_element_type(product, _u32),
        )


def words(state: jax.Array, stream: int, groups: int) -> jax.Array:
    """The first `groups` groups of a stream, uint32, (groups, 4, 16); see `philox.words`."""
    shape = (groups, philox.LANES)
    counter = (
        jnp.arange(groups * philox.LANES, dtype=_u32).reshape(shape),
        jnp.full(shape, stream, _u32),
        jnp.broadcast_to(state[2], shape),
        jnp.broadcast_to(state[3], shape),
    )
    return jnp.stack(blocks(counter, (state[0], state[1])), axis=1)


def uniform(state: jax.Array, stream: int, n: int) -> jax.Array:
    """float32, (n,): multiples of 2**-24 in [0, 1)."""
    drawn = words(state, stream, -(-n // philox.GROUP)).reshape(-1)[:n]
    return (drawn >> _u32(8)).astype(_f32) * _f32(2.0**-24)


def coin(state: jax.Array, stream: int, n: int) -> jax.Array:
    """uint32, (n,): 0 or 1 with equal probability, 32 numbers per word, lowest bit first."""
    drawn = words(state, stream, -(-n // (32 * philox.GROUP))).reshape(-1, 1)
    # Without the barrier, XLA would compute each word 32 times, once for each of its bits.
    drawn = jax.lax.optimization_barrier(drawn)
    return ((drawn >> jnp.arange(32, dtype=_u32)) & _u32(1)).reshape(-1)[:n]


def binomial(state: jax.Array, stream: int, n: int, p: Any) -> jax.Array:
    """bool, (n,): true with probability `p`; a traced `p` has the precision of its dtype."""
    drawn = words(state, stream, -(-n // philox.GROUP)).reshape(-1)[:n]
    if not isinstance(p, jax.core.Tracer):
        threshold = int(np.floor(np.float64(p) * 2.0**32 + 0.5))
        return (drawn <= _u32(max(threshold - 1, 0))) & (threshold > 0)
    threshold = jnp.floor(p * 2.0**32 + 0.5)
    # 2**32 does not fit into a word.
    fits = (drawn < threshold.astype(_u32)) | (threshold >= 2.0**32)
    return fits & (threshold > 0)


def normal(state: jax.Array, stream: int, n: int) -> jax.Array:
    """float32, (n,): standard normal, two numbers from two words; see `philox.normal`."""
    drawn = words(state, stream, -(-n // philox.GROUP))
    radius = _radius(state, drawn[:, 0::2])
    sine, cosine = _sine_cosine(state, drawn[:, 1::2])
    return jnp.stack([radius * cosine, radius * sine], axis=2).reshape(-1)[:n]


def _radius(state: jax.Array, word: jax.Array) -> jax.Array:
    root_half = np.int32(0x3F3504F3)
    u = word.astype(_f32) * _f32(2.0**-32) + _f32(2.0**-33)
    bits = jax.lax.bitcast_convert_type(u, np.int32) - root_half
    exponent = (bits >> np.int32(23)).astype(_f32)
    mantissa = (bits & np.int32(0x7FFFFF)) + root_half
    f = jax.lax.bitcast_convert_type(mantissa, _f32) - _f32(1)
    square = _rounded(state, f * f)
    tail = _rounded(state, _rounded(state, square * f) * _polynomial(state, philox.LOG, f))
    tail = tail - _f32(0.5) * square
    small = _rounded(state, exponent * _f32(-2.12194440e-4))
    log = exponent * _f32(0.693359375) + (f + (tail + small))
    return jnp.sqrt(_f32(-2) * log)


def _sine_cosine(state: jax.Array, word: jax.Array) -> tuple[jax.Array, jax.Array]:
    shifted = word + _u32(0x20000000)
    quarter = shifted >> _u32(30)
    rest = (shifted & _u32(0x3FFFFFFF)).astype(np.int32) - np.int32(0x20000000)
    t = rest.astype(_f32) * _f32(2.0**-30)
    square = _rounded(state, t * t)
    s = t * _polynomial(state, philox.SIN, square)
    c = _polynomial(state, philox.COS, square)
    odd = (quarter & _u32(1)).astype(bool)
    sine, cosine = jnp.where(odd, c, s), jnp.where(odd, s, c)
    sine = jnp.where((quarter & _u32(2)).astype(bool), -sine, sine)
    turned = ((quarter + _u32(1)) & _u32(2)).astype(bool)
    return sine, jnp.where(turned, -cosine, cosine)


def _polynomial(state: jax.Array, coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    value = jnp.full_like(x, _f32(coefficients[-1]))
    for coefficient in coefficients[-2::-1]:
        value = _rounded(state, value * x) + _f32(coefficient)
    return value


def _rounded(state: jax.Array, product: jax.Array) -> jax.Array:
    """`product`, rounded before anything is added to it, as in C code and NumPy.

    XLA would compile the product and a following addition to a fused multiply-add, whose last bit
    may differ. The exclusive or with the highest bit of the step, which is always zero, prevents
    this, since XLA does not know that it is zero.
    """
    bits = {4: np.uint32, 8: np.uint64}[product.dtype.itemsize]
    nothing = (state[3] >> _u32(31)).astype(bits)
    whole = jax.lax.bitcast_convert_type(product, bits) ^ nothing
    return jax.lax.bitcast_convert_type(whole, product.dtype)
