// Arrays of random numbers from a state of four words (key low, key high, step low, step high).
#ifndef ADVERSARIAL_RANDOM_DRAW_H
#define ADVERSARIAL_RANDOM_DRAW_H

#include <cmath>
#include "arrays.h"
#include "philox.h"

namespace adversarial {

// The same numbers as in random_draw.py.
enum Kind { uniform, normal, binomial, coin };

// `out` of `shape` (an int64 vector of `ndim` lengths): uniform in [a, b), normal of mean a and
// deviation b, or 1 with probability a (coin: 1/2) and else 0.
template <typename Real>
bool draw(PyArrayObject *state, PyArrayObject *shape, PyArrayObject *first, PyArrayObject *second,
          int ndim, npy_int64 kind, npy_uint32 stream, PyArrayObject *&out) {
    if (PyArray_DIM(shape, 0) != ndim || PyArray_DIM(state, 0) != 4
        || PyArray_STRIDE(state, 0) != 4)
        return refuse("random draw: state or shape is malformed");
    npy_intp dims[NPY_MAXDIMS];
    npy_intp n = 1;
    for (int i = 0; i < ndim; ++i) {
        dims[i] = (npy_intp) *(npy_int64 *) PyArray_GETPTR1(shape, i);
        if (dims[i] < 0) {
            PyErr_Format(PyExc_ValueError, "a random array cannot have an axis of length %lld",
                         (long long) dims[i]);
            return false;
        }
        n *= dims[i];
    }
    if (!allocate<Real>(out, ndim, dims)) return false;
    const npy_uint32 *words = data<npy_uint32>(state);
    const double a = *data<npy_float64>(first), b = *data<npy_float64>(second);
    Real *to = data<Real>(out);
    switch (kind) {
    case uniform: {
        if (!(a <= b)) return refuse("uniform: low must not be above high");
        const Real low = a, high = b;
        const philox::Uniform<Real> make = {low, high - low, std::nextafter(high, low)};
        philox::draw(words, stream, to, n, make);
        return true;
    }
    case normal: {
        if (!(b >= 0)) return refuse("normal: std must not be negative");
        const philox::Normal<Real> make = {(Real) a, (Real) b};
        philox::draw(words, stream, to, n, make);
        return true;
    }
    case binomial: {
        if (!(a >= 0 && a <= 1)) return refuse("binomial: p must be in [0, 1]");
        const philox::Binomial<Real> make = {(uint64_t) std::floor(a * 4294967296.0 + 0.5)};
        philox::draw(words, stream, to, n, make);
        return true;
    }
    default:
        philox::draw(words, stream, to, n, philox::Coin<Real>());
        return true;
    }
}

// `out`: the state with the step incremented. The last two words are a 64-bit integer.
inline bool advance(PyArrayObject *state, PyArrayObject *&out) {
    // A new array each time: the old state may be an output of the same function.
    const npy_intp words = 4;
    Py_XDECREF(out);
    out = (PyArrayObject *) PyArray_EMPTY(1, (npy_intp *) &words, NPY_UINT32, 0);
    if (out == NULL) return false;
    npy_uint32 *to = data<npy_uint32>(out);
    for (int i = 0; i < 4; ++i) to[i] = *(npy_uint32 *) PyArray_GETPTR1(state, i);
    if (++to[2] == 0) ++to[3];
    return true;
}

}  // namespace adversarial
#endif
