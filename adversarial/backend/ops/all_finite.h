// Tests whether all values of arrays are finite, by the bits of their exponents.
#ifndef ADVERSARIAL_ALL_FINITE_H
#define ADVERSARIAL_ALL_FINITE_H

#include "arrays.h"

namespace adversarial {

// Makes `bad` nonzero if a value is not finite. Threads combine their results by bitwise or, whose
// result does not depend on their order.
template <typename Real>
bool look_for_not_finite(PyArrayObject *x, int &bad) {
    typedef typename Type<Real>::Bits Bits;
    if (bad) return true;
    const Contiguous xa(x);
    if (!xa) return false;
    const Bits *from = xa.data<Bits>(), exponent = Type<Real>::exponent;
    const npy_intp n = xa.size();
    int found = 0;
    #pragma omp parallel for reduction(|:found) if (n >= parallel_from)
    for (npy_intp i = 0; i < n; ++i) found |= (from[i] & exponent) == exponent;
    bad = found;
    return true;
}

// out = x + y, of one shape, and whether every sum is finite; `inplace` may overwrite x.
template <typename Real>
bool checked_add(PyArrayObject *x, PyArrayObject *y, bool inplace, PyArrayObject *&out,
                 PyArrayObject *&finite) {
    typedef typename Type<Real>::Bits Bits;
    const Contiguous xa(x), ya(y);
    if (!xa || !ya) return false;
    if (!xa.is_shaped_as(ya)) return refuse("shapes differ");
    if (inplace) take_over(out, x);
    if (!allocate<Real>(out, xa.ndim(), xa.dims())) return false;
    const Real *a = xa.data<Real>(), *b = ya.data<Real>();
    Real *to = data<Real>(out);
    const npy_intp n = xa.size();
    const Bits exponent = Type<Real>::exponent;
    Bits bad = 0;
    #pragma omp parallel for reduction(|:bad) if (n >= parallel_from)
    for (npy_intp i = 0; i < n; ++i) {
        union { Real real; Bits bits; } sum;
        sum.real = a[i] + b[i];
        to[i] = sum.real;
        bad |= (sum.bits & exponent) == exponent;
    }
    return set_scalar<npy_int8>(finite, !bad);
}

}  // namespace adversarial
#endif
