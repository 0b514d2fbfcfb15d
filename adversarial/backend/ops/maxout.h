// Maxout: the maximum of each group of `pieces` adjacent columns, and its gradient.
#ifndef ADVERSARIAL_MAXOUT_H
#define ADVERSARIAL_MAXOUT_H

#include <string.h>
#include "arrays.h"

namespace adversarial {

// One row: the maximum of each group of `pieces` entries of z + bias (of z, if `bias` is NULL), and
// its index in the group. NaN counts as the largest. With few pieces, the maximum of `pieces`
// neighbours is computed at every column, though only every `pieces`-th is used: this needs no
// strided reads, and SIMD instructions do sixteen columns at once. Indices have the width of the
// numbers, so that the masks of comparisons fit both.
template <typename Real, int pieces>
inline void maxout_row(
    const Real *z, const Real *bias, npy_intp units, Real *to, npy_uint8 *winner
) {
    typedef typename Type<Real>::Signed Index;
    enum { block = pieces <= 16 ? 64 : 8, step = pieces <= 16 ? 1 : pieces };
    Real v[block * pieces], best[block * pieces];
    Index first[block * pieces];
    for (npy_intp start = 0; start < units; start += block) {
        const npy_intp n = units - start < block ? units - start : block;
        const Real *from = z + start * pieces;
        if (bias)
            for (npy_intp j = 0; j < n * pieces; ++j) v[j] = from[j] + bias[start * pieces + j];
        else
            for (npy_intp j = 0; j < n * pieces; ++j) v[j] = from[j];
        for (npy_intp j = 0; j <= (n - 1) * pieces; j += step) {
            Real b = v[j];
            Index f = 0;
            for (int k = 1; k < pieces; ++k) {
                const Real x = v[j + k];
                const bool takes = (x > b) | (x != x);
                b = takes ? x : b;
                f = takes ? k : f;
            }
            best[j] = b;
            first[j] = f;
        }
        for (npy_intp u = 0; u < n; ++u) {
            to[start + u] = best[u * pieces];
            winner[start + u] = (npy_uint8) first[u * pieces];
        }
    }
}

// Whether `columns` can be split into units of `pieces`; else sets ValueError.
template <int pieces>
bool splits(npy_intp columns) {
    if (columns % pieces == 0) return true;
    PyErr_Format(PyExc_ValueError, "maxout: %lld columns cannot be split into units of %d pieces",
                 (long long) columns, pieces);
    return false;
}

// z (batch, units * pieces) -> maximum `top` (batch, units), and the index of its piece.
template <typename Real, int pieces>
bool maxout(PyArrayObject *z, PyArrayObject *&top, PyArrayObject *&which) {
    const npy_intp batch = PyArray_DIM(z, 0), columns = PyArray_DIM(z, 1);
    if (!splits<pieces>(columns)) return false;
    const npy_intp units = columns / pieces, shape[2] = {batch, units};
    const Contiguous rows(z);
    if (!rows || !allocate<Real>(top, 2, shape) || !allocate<npy_uint8>(which, 2, shape))
        return false;
    const Real *from = rows.data<Real>();
    Real *to = data<Real>(top);
    npy_uint8 *winner = data<npy_uint8>(which);
    #pragma omp parallel for if (batch * columns >= parallel_from)
    for (npy_intp i = 0; i < batch; ++i)
        maxout_row<Real, pieces>(
            from + i * columns, NULL, units, to + i * units, winner + i * units);
    return true;
}

// which (batch, units), gradient (batch, units) -> (batch, units * pieces), zero but at `which`.
template <typename Real>
bool maxout_grad(
    PyArrayObject *which, PyArrayObject *gradient, npy_intp pieces, PyArrayObject *&out
) {
    const Contiguous won(which), given(gradient);
    if (!won || !given) return false;
    if (!won.is_shaped_as(given)) return refuse("maxout gradient: shapes differ");
    const npy_intp batch = won.dim(0), units = won.dim(1), shape[2] = {batch, units * pieces};
    if (!allocate<Real>(out, 2, shape)) return false;
    const npy_uint8 *winner = won.data<npy_uint8>();
    const Real *value = given.data<Real>();
    Real *start = data<Real>(out);
    #pragma omp parallel for if (batch * units * pieces >= parallel_from)
    for (npy_intp i = 0; i < batch; ++i) {
        Real *to = start + i * units * pieces;
        memset(to, 0, units * pieces * sizeof(Real));
        for (npy_intp u = 0; u < units; ++u)
            to[u * pieces + winner[i * units + u]] = value[i * units + u];
    }
    return true;
}

}  // namespace adversarial
#endif
