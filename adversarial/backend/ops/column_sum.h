// The sum over the rows of a matrix, in double precision.
#ifndef ADVERSARIAL_COLUMN_SUM_H
#define ADVERSARIAL_COLUMN_SUM_H

#include "arrays.h"

namespace adversarial {

template <typename Real>
bool column_sum(PyArrayObject *x, PyArrayObject *&out) {
    const Contiguous xa(x);
    if (!xa) return false;
    const npy_intp rows = xa.dim(0), columns = xa.dim(1);
    if (!allocate<Real>(out, 1, &columns)) return false;
    const Real *from = xa.data<Real>();
    Real *to = data<Real>(out);
    // Blocks of columns, so that the running sums stay in the L1 cache.
    enum { width = 128 };
    const npy_intp blocks = (columns + width - 1) / width;
    #pragma omp parallel for if (rows * columns >= parallel_from)
    for (npy_intp block = 0; block < blocks; ++block) {
        const npy_intp start = block * width;
        const npy_intp n = columns - start < width ? columns - start : width;
        npy_float64 sums[width] = {0};
        for (npy_intp i = 0; i < rows; ++i) {
            const Real *row = from + i * columns + start;
            for (npy_intp j = 0; j < n; ++j) sums[j] += row[j];
        }
        for (npy_intp j = 0; j < n; ++j) to[start + j] = (Real) sums[j];
    }
    return true;
}

}  // namespace adversarial
#endif
