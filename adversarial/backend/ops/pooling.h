// Maxima over windows of images, and over groups of neighbouring maps; and their gradient.
#ifndef ADVERSARIAL_POOLING_H
#define ADVERSARIAL_POOLING_H

#include <vector>
#include "arrays.h"

namespace adversarial {

// A window of `high` x `wide` pixels, `down` and `right` to the next one.
struct Window { npy_intp high, wide, down, right; };

// One row of windows of one group of maps. `best` and `place` have room for a row of pixels.
template <typename Real>
void pool_row(
    const Real *group, npy_intp pieces, npy_intp rows, npy_intp columns, Window window,
    npy_intp first, npy_intp windows, Real *best, npy_int32 *place, Real *to, npy_int32 *places
) {
    // The maximum of each column of the windows' rows, then of each window.
    const npy_intp last = first + window.high < rows ? first + window.high : rows;
    for (int c = 0; c < columns; ++c) {
        best[c] = group[first * columns + c];
        place[c] = (npy_int32) (first * columns) + c;
    }
    for (npy_intp p = 0; p < pieces; ++p)
        for (npy_intp r = first + (p == 0); r < last; ++r) {
            const npy_int32 start = (npy_int32) (p * rows * columns + r * columns);
            const Real *row = group + start;
            #pragma GCC ivdep
            for (int c = 0; c < columns; ++c) {
                const Real v = row[c];
                const int takes = (v > best[c]) | ((v != v) & (best[c] == best[c]));
                best[c] = takes ? v : best[c];
                place[c] = takes ? start + c : place[c];
            }
        }
    for (npy_intp j = 0; j < windows; ++j) {
        const npy_intp left = j * window.right;
        const npy_intp end = left + window.wide < columns ? left + window.wide : columns;
        npy_intp chosen = left;
        Real most = best[left];
        for (npy_intp c = left + 1; c < end; ++c) {
            const Real v = best[c];
            const int takes = (v > most) | ((v != v) & (most == most));
            most = takes ? v : most;
            chosen = takes ? c : chosen;
        }
        to[j] = most;
        places[j] = place[chosen];
    }
}

// x (batch, groups * pieces, rows, columns) -> the maxima (batch, groups, windows down, windows
// across), and the flat index of each in its group of maps.
template <typename Real>
bool max_pool(PyArrayObject *x, Window window, npy_intp pieces, PyArrayObject *&top,
              PyArrayObject *&which) {
    const npy_intp maps = PyArray_DIM(x, 1), rows = PyArray_DIM(x, 2), columns = PyArray_DIM(x, 3);
    if (rows < window.high || columns < window.wide || maps % pieces) {
        PyErr_Format(PyExc_ValueError, "cannot pool windows of (%lld, %lld) in images of "
            "(%lld, %lld), and groups of %lld in %lld maps", (long long) window.high,
            (long long) window.wide, (long long) rows, (long long) columns, (long long) pieces,
            (long long) maps);
        return false;
    }
    const npy_intp shape[4] = {
        PyArray_DIM(x, 0), maps / pieces,
        (rows - window.high + window.down - 1) / window.down + 1,
        (columns - window.wide + window.right - 1) / window.right + 1};
    const Contiguous xa(x);
    if (!xa || !allocate<Real>(top, 4, shape) || !allocate<npy_int32>(which, 4, shape))
        return false;
    const npy_intp groups = shape[0] * shape[1], area = rows * columns;
    const npy_intp down = shape[2], across = shape[3];
    const Real *from = xa.data<Real>();
    Real *to = data<Real>(top);
    npy_int32 *places = data<npy_int32>(which);
    #pragma omp parallel for if (groups * area * pieces >= parallel_from)
    for (npy_intp g = 0; g < groups; ++g) {
        std::vector<Real> best(columns);
        std::vector<npy_int32> place(columns);
        for (npy_intp i = 0; i < down; ++i) {
            const npy_intp line = (g * down + i) * across;
            pool_row(from + g * pieces * area, pieces, rows, columns, window, i * window.down,
                     across, best.data(), place.data(), to + line, places + line);
        }
    }
    return true;
}

// The gradient of x: `gradient` at the indices of `max_pool`, zero elsewhere. A pixel that is the
// maximum of several windows gets the sum of their gradients.
template <typename Real>
bool max_pool_grad(PyArrayObject *which, PyArrayObject *gradient, npy_intp rows, npy_intp columns,
                   npy_intp pieces, PyArrayObject *&out) {
    const Contiguous places(which), values(gradient);
    if (!places || !values) return false;
    if (!places.is_shaped_as(values)) return refuse("max_pool gradient: shapes differ");
    const npy_intp shape[4] = {places.dim(0), places.dim(1) * pieces, rows, columns};
    if (!allocate<Real>(out, 4, shape)) return false;
    const npy_intp groups = shape[0] * places.dim(1), area = pieces * rows * columns;
    const npy_intp windows = places.dim(2) * places.dim(3);
    const npy_int32 *place = places.data<npy_int32>();
    const Real *value = values.data<Real>();
    Real *start = data<Real>(out);
    #pragma omp parallel for if (groups * area >= parallel_from)
    for (npy_intp g = 0; g < groups; ++g) {
        Real *to = start + g * area;
        for (npy_intp k = 0; k < area; ++k) to[k] = 0;
        for (npy_intp k = 0; k < windows; ++k)
            to[place[g * windows + k]] += value[g * windows + k];
    }
    return true;
}

}  // namespace adversarial
#endif
