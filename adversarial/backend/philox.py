"""Philox4x32-10, in NumPy and in C, and the three distributions made of its words.

A counter-based generator: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3" (SC 2011). The counter here is (block, stream, step low, step high). Words come in groups
of 64: the 16 blocks 16g .. 16g+15, first word 0 of each, then word 1 of each, and so on, so that
both sides work on 16 lanes at once.

The NumPy side defines the numbers; the C side repeats its operations one by one, single precision
included, so that both give the same bits whatever the processor and the number of threads.
"""

from __future__ import annotations

import numpy as np

GROUP = 64
LANES = 16

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint32)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)

# Least maximal error over the reduced ranges, lowest power first: log(1+f) = f - f^2/2 + f^3 LOG(f)
# on [sqrt(1/2)-1, sqrt(2)-1]; sin and cos of t quarter turns, |t| <= 1/2, in powers of t^2.
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
    """float32, (n,): multiples of 2**-24 in [0, 1), one word each."""
    drawn = words(state, stream, -(-n // GROUP)).reshape(-1)[:n]
    return (drawn >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def coin(state: np.ndarray, stream: int, n: int) -> np.ndarray:
    """uint32, (n,): 0 or 1 with equal chances, 32 a word, lowest bit first."""
    drawn = words(state, stream, -(-n // (32 * GROUP))).reshape(-1, 1)
    return ((drawn >> np.arange(32, dtype=np.uint32)) & np.uint32(1)).reshape(-1)[:n]


def binomial(state: np.ndarray, stream: int, n: int, p: float) -> np.ndarray:
    """bool, (n,): true with probability `p` to within 2**-33, one word each."""
    drawn = words(state, stream, -(-n // GROUP)).reshape(-1)[:n]
    return drawn < np.uint64(np.floor(np.float64(p) * 2.0**32 + 0.5))


def normal(state: np.ndarray, stream: int, n: int) -> np.ndarray:
    """float32, (n,): standard normal by Box and Muller's method, two of two words; |z| < 6.8."""
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


def _horner(coefficients: tuple[float, ...], x: str) -> str:
    value = f"{coefficients[-1]!r}f"
    for coefficient in coefficients[-2::-1]:
        value = f"({value} * {x} + {coefficient!r}f)"
    return value


# Separate multiplications and additions, as NumPy has them; and sqrtf as an instruction. Neither
# lets the compiler change a result.
C_FLAGS = ["-ffp-contract=off", "-fno-math-errno"]

C_SOURCE = r"""
#include <stdint.h>
#include <string.h>
#include <math.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace philox {

enum { LANES = 16, GROUP = 64 };

// A 32-bit word in each 64-bit lane; what multiplications leave above it is never read.
#if defined(__AVX512F__)
enum { WIDTH = 8 };
typedef uint64_t Vector __attribute__((vector_size(64)));
static inline Vector times(Vector a, Vector b) {
    return (Vector) _mm512_mul_epu32((__m512i) a, (__m512i) b);
}
#elif defined(__AVX2__)
enum { WIDTH = 4 };
typedef uint64_t Vector __attribute__((vector_size(32)));
static inline Vector times(Vector a, Vector b) {
    return (Vector) _mm256_mul_epu32((__m256i) a, (__m256i) b);
}
#else
enum { WIDTH = 2 };
typedef uint64_t Vector __attribute__((vector_size(16)));
static inline Vector times(Vector a, Vector b) { return (a & 0xFFFFFFFFu) * b; }
#endif

typedef uint32_t Half __attribute__((vector_size(4 * WIDTH)));
static inline Half narrow(Vector v) { return __builtin_convertvector(v, Half); }

// The 64 words of group g.
static inline void words(const uint32_t *state, uint32_t stream, int64_t g, uint32_t *word) {
    enum { PARTS = LANES / WIDTH };
    const Vector zero = {0}, m0 = zero + 0xD2511F53u, m1 = zero + 0xCD9E8D57u;
    Vector c0[PARTS], c1[PARTS], c2[PARTS], c3[PARTS];
    for (int l = 0; l < LANES; ++l) {
        c0[l / WIDTH][l % WIDTH] = (uint32_t) (g * LANES) + l;
    }
    for (int i = 0; i < PARTS; ++i) {
        c1[i] = zero + stream; c2[i] = zero + state[2]; c3[i] = zero + state[3];
    }
    uint32_t k0 = state[0], k1 = state[1];
    for (int round = 0; round < 10; ++round) {
        const Vector key0 = zero + k0, key1 = zero + k1;
        for (int i = 0; i < PARTS; ++i) {
            const Vector p0 = times(c0[i], m0), p1 = times(c2[i], m1);
            c0[i] = (p1 >> 32) ^ c1[i] ^ key0; c1[i] = p1;
            c2[i] = (p0 >> 32) ^ c3[i] ^ key1; c3[i] = p0;
        }
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < PARTS; ++i) {
        const Half out[4] = {narrow(c0[i]), narrow(c1[i]), narrow(c2[i]), narrow(c3[i])};
        for (int k = 0; k < 4; ++k) memcpy(word + LANES * k + WIDTH * i, &out[k], sizeof(Half));
    }
}

// Fills out[0 .. n-1], Make::PER_GROUP values from each group of words.
template <typename T, typename Make>
static void draw(const uint32_t *state, uint32_t stream, T *out, int64_t n, const Make make) {
    const int64_t per = Make::PER_GROUP, groups = (n + per - 1) / per;
    #pragma omp parallel for schedule(static) if (groups >= 512)
    for (int64_t g = 0; g < groups; ++g) {
        uint32_t word[GROUP];
        words(state, stream, g, word);
        if ((g + 1) * per <= n) {
            make(word, out + g * per);
        } else {
            T last[Make::PER_GROUP];
            make(word, last);
            memcpy(out + g * per, last, (n - g * per) * sizeof(T));
        }
    }
}

template <typename T> struct Uniform {
    enum { PER_GROUP = 64 };
    T low, span, top;
    void operator()(const uint32_t *word, T *out) const {
        for (int i = 0; i < 64; ++i) {
            const T value = low + span * (T) ((float) (int32_t) (word[i] >> 8) * 0x1p-24f);
            out[i] = value < top ? value : top;
        }
    }
};

template <typename T> struct Coin {
    enum { PER_GROUP = 2048 };
    void operator()(const uint32_t *word, T *out) const {
        for (int i = 0; i < 64; ++i) {
            const uint32_t w = word[i];
            for (int bit = 0; bit < 32; ++bit) out[32 * i + bit] = (T) (int32_t) ((w >> bit) & 1u);
        }
    }
};

template <typename T> struct Binomial {
    enum { PER_GROUP = 64 };
    uint64_t threshold;
    void operator()(const uint32_t *word, T *out) const {
        // threshold is 0 .. 2**32, one value more than a word has.
        const T any = threshold ? (T) 1 : (T) 0;
        const uint32_t last = (uint32_t) (threshold - 1);
        for (int i = 0; i < 64; ++i) out[i] = word[i] <= last ? any : (T) 0;
    }
};

template <typename T> struct Normal {
    enum { PER_GROUP = 64 };
    T average, deviation;
    void operator()(const uint32_t *word, T *out) const {
        for (int half = 0; half < 64; half += 32) {
            for (int l = 0; l < LANES; ++l) {
                const uint32_t w0 = word[half + l], w1 = word[half + 16 + l];
                const float u = (float) w0 * 0x1p-32f + 0x1p-33f;
                int32_t bits; memcpy(&bits, &u, 4);
                bits -= 0x3F3504F3;
                const float exponent = (float) (bits >> 23);
                const int32_t mantissa = (bits & 0x7FFFFF) + 0x3F3504F3;
                float f; memcpy(&f, &mantissa, 4);
                f -= 1.0f;
                const float square = f * f;
                const float tail = square * f * LOG_OF_F - 0.5f * square;
                const float log = exponent * 0.693359375f
                                + (f + (tail + exponent * -2.12194440e-4f));
                const float radius = sqrtf(-2.0f * log);

                const uint32_t shifted = w1 + 0x20000000u, quarter = shifted >> 30;
                const int32_t rest = (int32_t) (shifted & 0x3FFFFFFFu) - 0x20000000;
                const float t = (float) rest * 0x1p-30f, t2 = t * t;
                const float s = t * SIN_OF_T2, c = COS_OF_T2;
                const float sine = quarter & 1u ? c : s, cosine = quarter & 1u ? s : c;
                const float z0 = radius * (((quarter + 1u) & 2u) ? -cosine : cosine);
                const float z1 = radius * ((quarter & 2u) ? -sine : sine);
                out[half + l] = average + deviation * (T) z0;
                out[half + 16 + l] = average + deviation * (T) z1;
            }
        }
    }
};

}  // namespace philox
"""
for _name, _value in (
    ("LOG_OF_F", _horner(LOG, "f")),
    ("SIN_OF_T2", _horner(SIN, "t2")),
    ("COS_OF_T2", _horner(COS, "t2")),
):
    C_SOURCE = C_SOURCE.replace(_name, _value)
