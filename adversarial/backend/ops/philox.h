// Philox4x32-10 and its distributions, with the same bits as philox.py. Compile with
// -ffp-contract=off: a fused multiply-add would round differently from NumPy.
#ifndef ADVERSARIAL_PHILOX_H
#define ADVERSARIAL_PHILOX_H

#include <stdint.h>
#include <string.h>
#include <math.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace adversarial {
namespace philox {

enum { LANES = 16, GROUP = 64 };

// A 32-bit word in each 64-bit lane; the upper 32 bits, which multiplications fill, are never read.
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
        // threshold is in 0 .. 2**32, and 2**32 does not fit into 32 bits.
        const T any = threshold ? (T) 1 : (T) 0;
        const uint32_t last = (uint32_t) (threshold - 1);
        for (int i = 0; i < 64; ++i) out[i] = word[i] <= last ? any : (T) 0;
    }
};

// Coefficients as in philox.py, lowest power first.
static const float log_of_1_plus[] = {
    0.33333331f, -0.25000820f, 0.20001228f, -0.16623360f, 0.14201729f, -0.13160120f, 0.12761734f,
    -0.076348521f};
static const float sine_of_quarters[] = {1.5707964f, -0.64596349f, 0.079680227f, -0.0046021771f};
static const float cosine_of_quarters[] = {
    1.0f, -1.2337005f, 0.25366920f, -0.020860072f, 0.00090363168f};
template <int n>
static inline float polynomial(const float (&coefficients)[n], float x) {
    float value = coefficients[n - 1];
    for (int i = n - 2; i >= 0; --i) value = value * x + coefficients[i];
    return value;
}

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
                const float tail = square * f * polynomial(log_of_1_plus, f) - 0.5f * square;
                const float log = exponent * 0.693359375f
                                + (f + (tail + exponent * -2.12194440e-4f));
                const float radius = sqrtf(-2.0f * log);

                const uint32_t shifted = w1 + 0x20000000u, quarter = shifted >> 30;
                const int32_t rest = (int32_t) (shifted & 0x3FFFFFFFu) - 0x20000000;
                const float t = (float) rest * 0x1p-30f, t2 = t * t;
                const float s = t * polynomial(sine_of_quarters, t2);
                const float c = polynomial(cosine_of_quarters, t2);
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
}  // namespace adversarial
#endif
