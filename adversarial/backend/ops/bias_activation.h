// Adds a bias to each row of a matrix and applies a function, in one pass over memory.
#ifndef ADVERSARIAL_BIAS_ACTIVATION_H
#define ADVERSARIAL_BIAS_ACTIVATION_H

#include <math.h>
#include "arrays.h"
#include "maxout.h"
#include "rectifier.h"

namespace adversarial {

// 1 / (1 + exp(-x)) in plain arithmetic, which compilers vectorise, unlike calls of expf. Range
// reduction and polynomial after Cephes' expf (Moshier); relative error below 3e-7. Infinite x
// saturates; NaN passes through.
inline npy_float32 logistic(npy_float32 x) {
    npy_float32 y = x < 0 ? x : -x;
    y = y < -87.0f ? -87.0f : y;
    const npy_float32 shifted = y * 1.44269504088896341f + 12582912.0f;
    const npy_float32 n = shifted - 12582912.0f;
    npy_float32 r = y - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    npy_float32 p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { npy_int32 i; npy_float32 f; } power;
    power.i = ((npy_int32) n + 127) << 23;
    const npy_float32 e = p * power.f;
    const npy_float32 s = (x < 0 ? e : 1.0f) / (1.0f + e);
    return x != x ? x : s;
}
inline npy_float64 logistic(npy_float64 x) {
    const npy_float64 e = exp(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

template <typename Real> struct Linear {
    static Real of(Real v) { return v; }
};
template <typename Real> struct Sigmoid {
    static Real of(Real v) { return logistic(v); }
};

inline bool bias_fits(const Contiguous &z, const Contiguous &bias) {
    return z.dim(1) == bias.dim(0) || refuse("the bias does not fit the columns");
}

// f(z + bias), z (rows, columns), bias (columns,); `inplace` may overwrite z.
template <typename Real, typename Function>
bool bias_activation(PyArrayObject *z, PyArrayObject *bias, bool inplace, PyArrayObject *&out,
                     const Function f) {
    if (inplace) take_over(out, z);
    const Contiguous za(z), ba(bias);
    if (!za || !ba || !bias_fits(za, ba) || !allocate<Real>(out, 2, za.dims())) return false;
    const npy_intp rows = za.dim(0), columns = za.dim(1);
    const Real *from = za.data<Real>(), *b = ba.data<Real>();
    Real *to = data<Real>(out);
    #pragma omp parallel for if (rows * columns >= parallel_from)
    for (npy_intp i = 0; i < rows; ++i) {
        const Real *row = from + i * columns;
        Real *into = to + i * columns;
        #pragma GCC ivdep
        for (npy_intp j = 0; j < columns; ++j) into[j] = f.of(row[j] + b[j]);
    }
    return true;
}

// Maxout of z + bias: the maximum `top` (rows, columns / pieces), and the index of its piece.
template <typename Real, int pieces>
bool bias_maxout(PyArrayObject *z, PyArrayObject *bias, PyArrayObject *&top,
                 PyArrayObject *&which) {
    const Contiguous za(z), ba(bias);
    if (!za || !ba || !bias_fits(za, ba) || !splits<pieces>(za.dim(1))) return false;
    const npy_intp rows = za.dim(0), columns = za.dim(1), units = columns / pieces;
    const npy_intp shape[2] = {rows, units};
    if (!allocate<Real>(top, 2, shape) || !allocate<npy_uint8>(which, 2, shape)) return false;
    const Real *from = za.data<Real>(), *b = ba.data<Real>();
    Real *to = data<Real>(top);
    npy_uint8 *winner = data<npy_uint8>(which);
    #pragma omp parallel for if (rows * columns >= parallel_from)
    for (npy_intp i = 0; i < rows; ++i)
        maxout_row<Real, pieces>(from + i * columns, b, units, to + i * units, winner + i * units);
    return true;
}

}  // namespace adversarial
#endif
