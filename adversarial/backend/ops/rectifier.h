// max(z, 0), or slope * z where z is negative, and its gradient.
#ifndef ADVERSARIAL_RECTIFIER_H
#define ADVERSARIAL_RECTIFIER_H

#include "arrays.h"

namespace adversarial {

// NaN passes through. With a slope of zero the negative side is 0, not 0 * v, which would be NaN
// for an infinite v.
template <typename Real> struct Rectify {
    static Real of(Real v) { return (v > 0 || v != v) ? v : 0; }
};
template <typename Real> struct LeakyRectify {
    Real slope;
    Real of(Real v) const { return v > 0 ? v : slope * v; }
};

// f(v) for every v of `in`.
template <typename Real, typename Function>
bool map(PyArrayObject *in, PyArrayObject *&out, const Function f) {
    const Contiguous a(in);
    if (!a || !allocate<Real>(out, a.ndim(), a.dims())) return false;
    const Real *from = a.data<Real>();
    Real *to = data<Real>(out);
    const npy_intp n = a.size();
    #pragma omp parallel for if (n >= parallel_from)
    for (npy_intp j = 0; j < n; ++j) to[j] = f.of(from[j]);
    return true;
}

template <typename Real>
bool rectify(PyArrayObject *z, double slope, PyArrayObject *&out) {
    if (slope == 0) return map<Real>(z, out, Rectify<Real>());
    return map<Real>(z, out, LeakyRectify<Real>{(Real) slope});
}

// output, gradient -> gradient where the output is positive, slope * gradient elsewhere.
template <typename Real>
bool rectify_grad(PyArrayObject *output, PyArrayObject *gradient, double slope,
                  PyArrayObject *&out) {
    const Contiguous p(output), g(gradient);
    if (!p || !g) return false;
    if (!p.is_shaped_as(g)) return refuse("rectifier gradient: shapes differ");
    if (!allocate<Real>(out, p.ndim(), p.dims())) return false;
    const Real *v = p.data<Real>(), *w = g.data<Real>(), left = slope;
    Real *to = data<Real>(out);
    const npy_intp n = p.size();
    #pragma omp parallel for if (n >= parallel_from)
    for (npy_intp j = 0; j < n; ++j) to[j] = v[j] > 0 ? w[j] : left * w[j];
    return true;
}

}  // namespace adversarial
#endif
