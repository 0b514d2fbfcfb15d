// Helpers of the loops that elementwise.py writes over contiguous arrays.
#ifndef ADVERSARIAL_ELEMENTWISE_H
#define ADVERSARIAL_ELEMENTWISE_H

#include "arrays.h"

namespace adversarial {

// Whether `array` is as long as `whole` along each axis whose bit is set in `axes`.
inline bool is_as_long(PyArrayObject *array, PyArrayObject *whole, unsigned axes) {
    for (int axis = 0; axis < PyArray_NDIM(whole); ++axis)
        if (axes >> axis & 1 && PyArray_DIM(array, axis) != PyArray_DIM(whole, axis)) return false;
    return true;
}

// The number of elements along the axes from `start` to, not with, `stop`.
inline npy_intp length(PyArrayObject *whole, int start, int stop) {
    npy_intp n = 1;
    for (int axis = start; axis < stop; ++axis) n *= PyArray_DIM(whole, axis);
    return n;
}

}  // namespace adversarial
#endif
