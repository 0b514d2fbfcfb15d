// Maximum, mean, minimum and range over the examples of each unit, and maximum, mean and minimum
// of each of these over the units, in one pass.
#ifndef ADVERSARIAL_UNIT_STATISTICS_H
#define ADVERSARIAL_UNIT_STATISTICS_H

#include <math.h>
#include "arrays.h"

namespace adversarial {

// Statistics over examples: maximum, mean, minimum, range.
enum { over_examples = 4 };

// `of[k]`: maximum, mean and minimum over the units of the k-th statistic over examples. NaN where
// any of a unit's values is. Sums are accumulated in double precision.
template <typename Real>
bool unit_statistics(PyArrayObject *x, npy_float64 (&of)[over_examples][3]) {
    const Contiguous xa(x);
    if (!xa) return false;
    const npy_intp rows = xa.dim(0), columns = xa.dim(1);
    if (rows == 0 || columns == 0) {
        PyErr_Format(PyExc_ValueError, "no statistics of %zd examples of %zd units",
                     (Py_ssize_t) rows, (Py_ssize_t) columns);
        return false;
    }
    const Real *from = xa.data<Real>();
    for (int k = 0; k < over_examples; ++k) {
        of[k][0] = -HUGE_VAL;
        of[k][1] = 0;
        of[k][2] = HUGE_VAL;
    }
    // Blocks of columns, so that the running values stay in the L1 cache.
    enum { width = 128 };
    for (npy_intp start = 0; start < columns; start += width) {
        const npy_intp n = columns - start < width ? columns - start : width;
        Real high[width], low[width];
        npy_float64 sum[width] = {0};
        int bad[width] = {0};
        for (npy_intp j = 0; j < n; ++j) high[j] = low[j] = from[start + j];
        for (npy_intp i = 0; i < rows; ++i) {
            const Real *row = from + i * columns + start;
            for (npy_intp j = 0; j < n; ++j) {
                const Real v = row[j];
                high[j] = v > high[j] ? v : high[j];
                low[j] = v < low[j] ? v : low[j];
                bad[j] |= v != v;
            }
            for (npy_intp j = 0; j < n; ++j) sum[j] += row[j];
        }
        for (npy_intp j = 0; j < n; ++j) {
            const Real top = bad[j] ? (Real) NAN : high[j];
            const Real bottom = bad[j] ? (Real) NAN : low[j];
            const Real of_unit[over_examples] = {
                top, (Real) (sum[j] / rows), bottom, top - bottom};
            for (int k = 0; k < over_examples; ++k) {
                const npy_float64 v = of_unit[k];
                npy_float64 *u = of[k];
                // A maximum that is NaN stays NaN: no comparison with NaN is true.
                u[0] = v > u[0] || v != v ? v : u[0];
                u[1] += v;
                u[2] = v < u[2] || v != v ? v : u[2];
            }
        }
    }
    for (int k = 0; k < over_examples; ++k) of[k][1] /= columns;
    return true;
}

}  // namespace adversarial
#endif
