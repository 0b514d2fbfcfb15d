"""The random generator Philox4x32-10 in NumPy, and the distributions computed from its words.

A counter-based generator: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3" (SC 2011). The counter here is (block, stream, step low, step high). Words come in groups
of 64: the 16 blocks 16g .. 16g+15, first word 0 of each, then word 1 of each, and so on, so that
NumPy and SIMD instructions process 16 blocks at once.

This module is the reference. `philox.h` does the same operations in the same order and precision,
so both give the same bits on every processor and for every number of threads.
"""

from __future__ import annotations

import numpy as np

GROUP = 64
LANES = 16

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint32)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)

# Minimax polynomials on the reduced ranges, lowest power first. philox.h repeats the coefficients.
# log(1+f) = f - f^2/2 + f^3 LOG(f) on [sqrt(1/2)-1, sqrt(2)-1]; sin and cos of t quarter turns,
# |t| <= 1/2, in powers of t^2.
LOG = (0.33333331, -0.25000820, 0.20001228, -0.16623360, 0.14201729, -0.13160120, 0.12761734,
       -0.076348521)  # fmt: skip
SIN = (1.5707964, -0.64596349, 0.079680227, -0.0046021771)
COS = (1.0, -1.2337005, 0.25366920, -0.020860072, 0.00090363168)


def blocks(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Ten rounds of Philox4x32.

    Parameters
    ----------
    counter : uint32, (4, n)
    key : uint32, (2,)

    Returns
    -------
    uint32, (4, n)
    """
    c0, c1, c2, c3 = (row.astype(np.uint64) for row in counter)
    k = np.array(key, dtype=np.uint32)
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = (p1 >> _32) ^ c1 ^ np.uint64(k[0]), p1 & _LOW
        c2, c3 = (p0 >> _32) ^ c3 ^ np.uint64(k[1]), p0 & _LOW
        k = k + _WEYL
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def words(state: np.ndarray, stream: int, groups: int) -> np.ndarray:
    """The first `groups` groups of a stream at `state` (key low, key high, step low, step high).

    Returns
    -------
    uint32, (groups, 4, 16)
    """
    n = groups * LANES
    counter = np.empty((4, n), dtype=np.uint32)
    counter[0] = np.arange(n, dtype=np.uint32)
    counter[1] = stream
    counter[2], counter[3] = state[2], state[3]
    return blocks(counter, state[:2]).reshape(4, groups, LANES).swapaxes(0, 1)


def uniform(state: np.ndarray, stream: int, n: int) -> np.ndarray:
    """float32, (n,): multiples of 2**-24 in [0, 1), one word per number."""
    drawn = words(state, stream, -(-n // GROUP)).reshape(-1)[:n]
    return (drawn >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def coin(state: np.ndarray, stream: int, n: int) -> np.ndarray:
    """uint32, (n,): 0 or 1 with equal probability, 32 numbers per word, lowest bit first."""
    drawn = words(state, stream, -(-n // (32 * GROUP))).reshape(-1, 1)
    return ((drawn >> np.arange(32, dtype=np.uint32)) & np.uint32(1)).reshape(-1)[:n]


def binomial(state: np.ndarray, stream: int, n: int, p: float) -> np.ndarray:
    """bool, (n,): true with probability `p`, rounded to 32 bits, one word per number."""
    drawn = words(state, stream, -(-n // GROUP)).reshape(-1)[:n]
    return drawn < np.uint64(np.floor(np.float64(p) * 2.0**32 + 0.5))


def normal(state: np.ndarray, stream: int, n: int) -> np.ndarray:
    """float32, (n,): standard normal (Box-Muller), two numbers from two words; |z| < 6.8."""
    drawn = words(state, stream, -(-n // GROUP))
    radius = _radius(drawn[:, 0::2])
    sine, cosine = _sine_cosine(drawn[:, 1::2])
    return np.stack([radius * cosine, radius * sine], axis=2).reshape(-1)[:n]


def _radius(word: np.ndarray) -> np.ndarray:
    """sqrt(-2 log u), u in (0, 1] from 32 bits."""
    f32, root_half = np.float32, np.int32(0x3F3504F3)
    u = word.astype(f32) * f32(2.0**-32) + f32(2.0**-33)
    bits = u.view(np.int32) - root_half
    exponent = (bits >> np.int32(23)).astype(f32)
    f = ((bits & np.int32(0x7FFFFF)) + root_half).view(f32) - f32(1)
    square = f * f
    tail = square * f * _polynomial(LOG, f) - f32(0.5) * square
    # ln 2 in two parts, of which the first has few bits: its product with the exponent is exact.
    log = exponent * f32(0.693359375) + (f + (tail + exponent * f32(-2.12194440e-4)))
    return np.sqrt(f32(-2) * log)


def _sine_cosine(word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sine and cosine of word / 2**32 turns."""
    f32 = np.float32
    shifted = word + np.uint32(0x20000000)
    quarter = shifted >> np.uint32(30)
    rest = (shifted & np.uint32(0x3FFFFFFF)).astype(np.int32) - np.int32(0x20000000)
    t = rest.astype(f32) * f32(2.0**-30)
    square = t * t
    s, c = t * _polynomial(SIN, square), _polynomial(COS, square)
    odd = (quarter & np.uint32(1)).astype(bool)
    sine, cosine = np.where(odd, c, s), np.where(odd, s, c)
    sine = np.where(quarter & np.uint32(2), -sine, sine)
    return sine, np.where((quarter + np.uint32(1)) & np.uint32(2), -cosine, cosine)


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    value = np.full_like(x, np.float32(coefficients[-1]))
    for coefficient in coefficients[-2::-1]:
        value = value * x + np.float32(coefficient)
    return value
