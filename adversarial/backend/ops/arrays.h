// Helpers of the kernels in this folder: NumPy arrays as contiguous memory, allocation of outputs.
//
// A function that returns bool returns true on success; on failure a Python exception is set.
#ifndef ADVERSARIAL_ARRAYS_H
#define ADVERSARIAL_ARRAYS_H

#include <Python.h>
#include <numpy/arrayobject.h>

namespace adversarial {

// Below this number of elements, starting a second thread costs more than it saves.
enum { parallel_from = 32768 };

template <typename Real> struct Type;
template <> struct Type<npy_float32> {
    enum { number = NPY_FLOAT32 };
    typedef npy_int32 Signed;
    typedef npy_uint32 Bits;
    // The bits of the exponent, which are all set in NaN and the infinities and nowhere else.
    static const Bits exponent = 0x7f800000u;
};
template <> struct Type<npy_float64> {
    enum { number = NPY_FLOAT64 };
    typedef npy_int64 Signed;
    typedef npy_uint64 Bits;
    static const Bits exponent = 0x7ff0000000000000u;
};
template <> struct Type<npy_int8> { enum { number = NPY_INT8 }; };
template <> struct Type<npy_uint8> { enum { number = NPY_UINT8 }; };
template <> struct Type<npy_int32> { enum { number = NPY_INT32 }; };

// A C-contiguous view of an array: the array itself, or a copy that the destructor frees.
class Contiguous {
public:
    explicit Contiguous(PyArrayObject *array) : array(PyArray_GETCONTIGUOUS(array)) {}
    ~Contiguous() { Py_XDECREF(array); }
    Contiguous(const Contiguous &) = delete;
    Contiguous &operator=(const Contiguous &) = delete;

    // False, with a Python exception set, if there was no memory for a copy.
    explicit operator bool() const { return array != NULL; }
    npy_intp size() const { return PyArray_SIZE(array); }
    npy_intp dim(int axis) const { return PyArray_DIM(array, axis); }
    const npy_intp *dims() const { return PyArray_DIMS(array); }
    int ndim() const { return PyArray_NDIM(array); }
    bool is_shaped_as(const Contiguous &other) const {
        return PyArray_SAMESHAPE(array, other.array);
    }
    template <typename T> const T *data() const { return (const T *) PyArray_DATA(array); }

private:
    PyArrayObject *array;
};

// Makes `out` a writable contiguous array of this shape; reuses its old array if that fits.
template <typename T>
bool allocate(PyArrayObject *&out, int ndim, const npy_intp *shape) {
    bool fits = out != NULL && PyArray_NDIM(out) == ndim && PyArray_IS_C_CONTIGUOUS(out)
        && PyArray_ISWRITEABLE(out);
    for (int axis = 0; fits && axis < ndim; ++axis) fits = PyArray_DIM(out, axis) == shape[axis];
    if (fits) return true;
    Py_XDECREF(out);
    out = (PyArrayObject *) PyArray_EMPTY(ndim, (npy_intp *) shape, Type<T>::number, 0);
    return out != NULL;
}

// Makes `out` the array `in` itself, for an in-place Op, if `in` is contiguous and writable.
inline void take_over(PyArrayObject *&out, PyArrayObject *in) {
    if (!PyArray_IS_C_CONTIGUOUS(in) || !PyArray_ISWRITEABLE(in)) return;
    Py_INCREF(in);
    Py_XDECREF(out);
    out = in;
}

template <typename T> T *data(PyArrayObject *array) { return (T *) PyArray_DATA(array); }

// Makes `out` a scalar of this value.
template <typename T>
bool set_scalar(PyArrayObject *&out, T value) {
    if (!allocate<T>(out, 0, NULL)) return false;
    *data<T>(out) = value;
    return true;
}

// Sets a ValueError and returns false.
inline bool refuse(const char *message) {
    PyErr_SetString(PyExc_ValueError, message);
    return false;
}

}  // namespace adversarial
#endif
