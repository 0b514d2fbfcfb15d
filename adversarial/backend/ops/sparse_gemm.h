// Matrix products (GEMM) that skip zeros when a factor is sparse: see sparse_gemm.py.
//
// z = alpha * s b + beta * z, where s (rows x inner) has the zeros. A row of z is a sum of some
// rows of b. As many rows of b as the fastest cache holds (`step`) are copied into a panel a few
// vectors wide; the same columns of a row of z are added up in registers. Each matrix may be stored
// by rows or by columns, so that y x is computed as the transpose of x' y'. Writing a z that is
// stored by columns is slow, so its panels are narrow and long, and it is written seldom.
#ifndef ADVERSARIAL_SPARSE_GEMM_H
#define ADVERSARIAL_SPARSE_GEMM_H

#include <Python.h>
#include <numpy/arrayobject.h>
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

// As Aesara declares them.
extern "C" {
void sgemm_(char *, char *, const int *, const int *, const int *, const float *, const float *,
            const int *, const float *, const int *, const float *, float *, const int *);
void dgemm_(char *, char *, const int *, const int *, const int *, const double *, const double *,
            const int *, const double *, const int *, const double *, double *, const int *);
// MKL's product of bfloat16 matrices; `layout` and the transpositions are CBLAS's numbers.
void cblas_gemm_bf16bf16f32(int layout, int, int, int, int, int, float, const npy_uint16 *, int,
                            const npy_uint16 *, int, float, float *, int);
}

namespace adversarial {

// The factors that the BLAS gets: as they are; or, in a product of float32 matrices that is not too
// small, rounded to bfloat16, as its 16 bits or as the same number in float32.
struct Exact {};
template <typename To> struct RoundedTo {};

// When to skip zeros, and how to share the work. `is_parallel`: among threads. `most_callers`:
// threads that may call the BLAS at once. `densest_percent`: of entries that are not zero; above
// it a BLAS is faster. `least_work`: multiplications; fewer are over before entries are gathered.
// `Rounds`: one of the two above.
template <bool is_parallel, int most_callers, int densest_percent, long least_work, typename Rounds>
struct GemmChoice {
    typedef Rounds Rounding;
    enum { parallel = is_parallel };
    static double densest() { return densest_percent / 100.0; }
    static constexpr double least = least_work;
    static int callers() {
#ifdef _OPENMP
        return std::min(omp_get_max_threads(), most_callers);
#else
        return 1;
#endif
    }
};

template <typename Real>
struct Matrix {
    Real *data;
    npy_intp down, right;  // from a row to the next, from a column to the next
    Real &operator()(npy_intp i, npy_intp j) const { return data[i * down + j * right]; }
    Matrix transposed() const { return {data, right, down}; }
    Matrix below(npy_intp i) const { return {data + i * down, down, right}; }
    Matrix right_of(npy_intp j) const { return {data + j * right, down, right}; }
};

inline void gemm(char *of_y, char *of_x, int *m, int *n, int *k, float *a, float *y, int *ldy,
                 float *x, int *ldx, float *b, float *z, int *ldz) {
    sgemm_(of_y, of_x, m, n, k, a, y, ldy, x, ldx, b, z, ldz);
}
inline void gemm(char *of_y, char *of_x, int *m, int *n, int *k, double *a, double *y, int *ldy,
                 double *x, int *ldx, double *b, double *z, int *ldz) {
    dgemm_(of_y, of_x, m, n, k, a, y, ldy, x, ldx, b, z, ldz);
}
// A template, so that it needs no MKL where nothing calls it.
template <typename Bits>
inline void gemm(char *of_y, char *of_x, int *m, int *n, int *k, float *a, Bits *y, int *ldy,
                 Bits *x, int *ldx, float *b, float *z, int *ldz) {
    enum { by_columns = 102, as_it_is = 111, transposed = 112 };
    cblas_gemm_bf16bf16f32(by_columns, *of_y == 'N' ? as_it_is : transposed,
                           *of_x == 'N' ? as_it_is : transposed, *m, *n, *k, *a, y, *ldy, x, *ldx,
                           *b, z, *ldz);
}

// A copy of a matrix, each entry rounded to the nearest bfloat16 number (ties: to the even one).
template <typename To, bool parallel>
class Rounded {
    std::unique_ptr<To[]> values;

    // NaN stays NaN, whose last bits may be those that are cut off.
    static npy_uint32 round(npy_uint32 bits) {
        const npy_uint32 nearest = bits + 0x7fff + (bits >> 16 & 1), quiet = bits | 0x400000;
        return ((bits & 0x7fffffff) > 0x7f800000 ? quiet : nearest) & 0xffff0000;
    }
    static void put(npy_uint32 bits, npy_uint16 &to) { to = bits >> 16; }
    static void put(npy_uint32 bits, float &to) { std::memcpy(&to, &bits, sizeof to); }
    void copy(const float *from, npy_intp lines, npy_intp stride, npy_intp length) {
        #pragma omp parallel for schedule(static) if (parallel)
        for (npy_intp i = 0; i < lines; ++i) {
            To *to = values.get() + i * length;
            for (npy_intp j = 0; j < length; ++j) {
                npy_uint32 bits;
                std::memcpy(&bits, from + i * stride + j, sizeof bits);
                put(round(bits), to[j]);
            }
        }
    }

public:
    Matrix<To> matrix;
    Rounded(Matrix<float> m, npy_intp rows, npy_intp columns)
        : values(new To[rows * columns]), matrix() {
        if (m.right == 1) {
            copy(m.data, rows, m.down, columns);
            matrix = {values.get(), columns, 1};
        } else {
            copy(m.data, columns, m.right, rows);
            matrix = {values.get(), 1, rows};
        }
    }
};

// The share of nonzero entries in the upper and the lower half of the rows, from a sample.
struct Shares {
    double top, bottom, all;
    template <typename Real>
    Shares(Matrix<Real> s, npy_intp rows, npy_intp columns) {
        const int looked_at = 500;
        int n[2] = {}, found[2] = {};
        npy_uint64 place = 0;
        for (int i = 0; i < looked_at; ++i) {
            place += 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio spreads the sample evenly
            const npy_intp at = (npy_intp) ((place >> 33) * (npy_uint64) (rows * columns) >> 31);
            const int half = at / columns >= rows / 2;
            ++n[half];
            found[half] += s(at / columns, at % columns) != 0;
        }
        top = found[0] / (double) n[0];
        bottom = found[1] / (double) n[1];
        all = (found[0] + found[1]) / (double) looked_at;
    }
};

template <typename Real, typename Choice>
class SparseProduct {
    typedef adversarial::Matrix<Real> Matrix;
#ifdef __AVX512F__
    enum { bytes = 64 };
#else
    enum { bytes = 32 };
#endif
    typedef Real Pack __attribute__((vector_size(bytes), may_alias));
    typedef Real Loose __attribute__((vector_size(bytes), may_alias, aligned(sizeof(Real))));
    enum {
        lanes = bytes / sizeof(Real),
        wide = 256 / bytes, narrow = 128 / bytes,  // width of a panel, in packs
        height = 16,  // height of a tile of z
        // Entries of b in a panel. It is a little larger than an L1 cache of 32 KiB: longer rows of
        // entries save more than misses of a few lines cost (docs/PERFORMANCE.md).
        cached = 40 * 1024 / sizeof(Real),
        gathered = 1 << 21  // size of the block of s whose entries are gathered at a time
    };
    struct Entry { Real value; npy_int32 place; };  // `place`: offset of the row of b in the panel

    Matrix s, b, z;
    npy_intp rows, inner, columns;
    Real alpha, beta;
    int packs, width;
    npy_intp steps, step;
    std::vector<npy_intp> first;  // index of the first entry of each row and step

    // Entries of the rows from `from` to `end`: counted, and then put where `first` says. For each
    // row and step there is room for one more, so that none need be skipped before it is written.
    void count(npy_intp from, npy_intp end) {
        for (npy_intp t = 0; t < steps; ++t) {
            const npy_intp top = t * step, bottom = std::min(inner, top + step);
            npy_int32 found[height] = {};
            if (s.right == 1)
                for (npy_intp i = from; i < end; ++i) {
                    npy_int32 n = 0;
                    for (npy_intp k = top; k < bottom; ++k) n += s.data[i * s.down + k] != 0;
                    found[i - from] = n;
                }
            else
                for (npy_intp k = top; k < bottom; ++k)
                    for (npy_intp i = from; i < end; ++i) found[i - from] += s(i, k) != 0;
            for (npy_intp i = from; i < end; ++i)
                first[i * steps + t + 1] = found[i - from] + 1;
        }
    }
    void gather(npy_intp from, npy_intp end, Entry *entries) {
        for (npy_intp t = 0; t < steps; ++t) {
            const npy_intp top = t * step, bottom = std::min(inner, top + step);
            Entry *to[height];
            for (npy_intp i = from; i < end; ++i)
                to[i - from] = entries + first[i * steps + t];
            if (s.right == 1)
                for (npy_intp i = from; i < end; ++i) {
                    Entry *e = to[i - from];
                    for (npy_intp k = top; k < bottom; ++k) {
                        const Real value = s.data[i * s.down + k];
                        *e = {value, (npy_int32) ((k - top) * width)};
                        e += value != 0;
                    }
                }
            else
                for (npy_intp k = top; k < bottom; ++k)
                    for (npy_intp i = from; i < end; ++i) {
                        const Real value = s(i, k);
                        *to[i - from] = {value, (npy_int32) ((k - top) * width)};
                        to[i - from] += value != 0;
                    }
        }
    }
    // Rows of b from `top` on, n of their columns, as `panel`.
    void pack(npy_intp top, npy_intp left, npy_intp n, Real *panel) const {
        const npy_intp m = std::min(inner - top, step);
        if (n < width) std::fill(panel, panel + m * width, 0);
        // By rows, also if b is stored by columns: then a cache line of each column serves the next
        // rows, and the panel is written in order.
        for (npy_intp k = 0; k < m; ++k)
            if (b.right == 1) std::copy_n(&b(top + k, left), n, panel + k * width);
            else for (npy_intp j = 0; j < n; ++j) panel[k * width + j] = b(top + k, left + j);
    }
    // to = scale * the sum of the entries' rows + keep * to
    template <int packs>
    static void add_up(const Entry *e, const Entry *end, const Real *panel, Real scale, Real keep,
                       Real *to) {
        Pack sums[packs] = {};
        for (; e < end; ++e) {
            const Pack *row = (const Pack *) (panel + e->place);
            for (int p = 0; p < packs; ++p) sums[p] += e->value * row[p];
        }
        for (int p = 0; p < packs; ++p) {
            const Pack sum = scale * sums[p];
            ((Loose *) to)[p] = keep == 0 ? sum : keep * ((Loose *) to)[p] + sum;
        }
    }
    void put(const Real *tile, npy_intp top, npy_intp m, npy_intp left, npy_intp n, Real keep) {
        if (z.right == 1)
            for (npy_intp i = 0; i < m; ++i)
                for (npy_intp j = 0; j < n; ++j)
                    put(tile[i * width + j], z(top + i, left + j), keep);
        else
            for (npy_intp j = 0; j < n; ++j)
                for (npy_intp i = 0; i < m; ++i)
                    put(tile[i * width + j], z(top + i, left + j), keep);
    }
    static void put(Real sum, Real &to, Real keep) { to = keep == 0 ? sum : keep * to + sum; }
    void multiply(npy_intp start, npy_intp end, npy_intp left, const Entry *entries) {
        alignas(64) Real panel[cached], tile[height * wide * lanes];
        const npy_intp n = std::min<npy_intp>(width, columns - left);
        const bool at_once = z.right == 1 && n == width;
        for (npy_intp t = 0; t < steps; ++t) {
            pack(t * step, left, n, panel);
            const Real keep = t == 0 ? beta : 1;
            for (npy_intp top = start; top < end; top += height) {
                const npy_intp m = std::min<npy_intp>(height, end - top);
                for (npy_intp i = 0; i < m; ++i) {
                    const npy_intp *at = &first[(top + i) * steps + t];
                    const Entry *e = entries + at[0], *end = entries + at[1] - 1;
                    Real *to = at_once ? &z(top + i, left) : tile + i * width;
                    if (packs == wide) add_up<wide>(e, end, panel, alpha, at_once ? keep : 0, to);
                    else add_up<narrow>(e, end, panel, alpha, at_once ? keep : 0, to);
                }
                if (!at_once) put(tile, top, m, left, n, keep);
            }
        }
    }

public:
    SparseProduct(
        Matrix s, Matrix b, Matrix z, npy_intp rows, npy_intp inner, npy_intp columns,
        Real alpha, Real beta
    ) : s(s), b(b), z(z), rows(rows), inner(inner), columns(columns), alpha(alpha), beta(beta),
        packs(z.right == 1 ? wide : narrow), width(packs * lanes),
        steps((inner - 1) / (cached / width) + 1), step((inner - 1) / steps + 1) {}

    // Throws std::bad_alloc only before it writes to z.
    void run() {
        first.assign(rows * steps + 1, 0);
        #pragma omp parallel for schedule(static) if (Choice::parallel)
        for (npy_intp i = 0; i < rows; i += height)
            count(i, std::min<npy_intp>(rows, i + height));
        for (size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
        const npy_intp at_a_time = std::max<npy_intp>(height, gathered / inner);
        npy_intp most = 0;
        for (npy_intp start = 0; start < rows; start += at_a_time) {
            const npy_intp end = std::min(rows, start + at_a_time);
            most = std::max(most, first[end * steps] - first[start * steps]);
        }
        std::vector<Entry> gathered_entries(most);
        for (npy_intp start = 0; start < rows; start += at_a_time) {
            const npy_intp end = std::min(rows, start + at_a_time);
            Entry *entries = gathered_entries.data() - first[start * steps];
            #pragma omp parallel for schedule(static) if (Choice::parallel)
            for (npy_intp i = start; i < end; i += height)
                gather(i, std::min<npy_intp>(end, i + height), entries);
            #pragma omp parallel for schedule(static) if (Choice::parallel)
            for (npy_intp j = 0; j < columns; j += width) multiply(start, end, j, entries);
        }
    }
};

// z (n x m) = alpha * x y + beta * z, of matrices that have a stride of 1 each.
template <typename Real, typename Choice>
class Multiplication {
    typedef adversarial::Matrix<Real> Matrix;
    // Rows or columns of z; with fewer, and in halves with fewer, a BLAS is faster.
    enum { least_side = 8, least_half = 16 };
    // Of z, too: with fewer, rounding the factors takes longer than multiplying them.
    enum { least_rounded = 32 };
    npy_intp inner, m;
    Real alpha, beta;

    void dense(Matrix x, Matrix y, Matrix z, npy_intp n) {
        typedef typename std::conditional<std::is_same<Real, float>::value,
                                          typename Choice::Rounding, Exact>::type Rounding;
        if ((double) n * inner * m < Choice::least || std::min(n, m) < least_rounded)
            in_parts(x, y, z, n);
        else dense(x, y, z, n, Rounding());
    }
    void dense(Matrix x, Matrix y, Matrix z, npy_intp n, Exact) { in_parts(x, y, z, n); }
    template <typename To>
    void dense(Matrix x, Matrix y, Matrix z, npy_intp n, RoundedTo<To>) {
        try {
            const Rounded<To, Choice::parallel> x_(x, n, inner), y_(y, inner, m);
            in_parts(x_.matrix, y_.matrix, z, n);
        } catch (std::bad_alloc &) {
            in_parts(x, y, z, n);
        }
    }
    // Each thread computes a slice of the longer side of z: the threads of a BLAS are slower for
    // small products.
    template <typename Factor>
    void in_parts(adversarial::Matrix<Factor> x, adversarial::Matrix<Factor> y, Matrix z,
                  npy_intp n) {
        const bool wide = m >= n;
        const npy_intp length = wide ? m : n, most = Choice::callers();
        const npy_intp parts = (double) n * inner * m < Choice::least ? 1 : most;
        const npy_intp part = ((length - 1) / parts / 16 + 1) * 16;
        #pragma omp parallel for schedule(static) if (Choice::parallel)
        for (npy_intp from = 0; from < length; from += part) {
            const npy_intp rest = std::min(part, length - from);
            if (wide) blas(x, y.right_of(from), z.right_of(from), n, rest);
            else blas(x.below(from), y, z.below(from), rest, m);
        }
    }
    template <typename Factor>
    void blas(adversarial::Matrix<Factor> x, adversarial::Matrix<Factor> y, Matrix z,
              npy_intp rows, npy_intp columns) {
        if (z.right != 1) {
            const adversarial::Matrix<Factor> first = y.transposed();
            y = x.transposed(), x = first, z = z.transposed();
            std::swap(rows, columns);
        }
        // Row by row; both strides of a row or a column can be 1.
        const bool is_x = x.right == 1 && x.down >= inner, is_y = y.right == 1 && y.down >= columns;
        char of_x = is_x ? 'N' : 'T', of_y = is_y ? 'N' : 'T';
        int ldx = is_x ? x.down : x.right, ldy = is_y ? y.down : y.right;
        int ldz = z.down, rows_ = rows, columns_ = columns, inner_ = inner;
        gemm(&of_y, &of_x, &columns_, &rows_, &inner_, &alpha, y.data, &ldy,
                         x.data, &ldx, &beta, z.data, &ldz);
    }

public:
    Multiplication(npy_intp inner, npy_intp m, Real alpha, Real beta)
        : inner(inner), m(m), alpha(alpha), beta(beta) {}

    void run(Matrix x, Matrix y, Matrix z, npy_intp n) {
        if (std::min(n, m) < least_side || (double) n * inner * m < Choice::least)
            return dense(x, y, z, n);
        const Shares in_x(x, n, inner), in_y(y, inner, m);
        if (std::min(in_x.all, in_y.all) <= Choice::densest()) try {
            if (in_x.all <= in_y.all)
                SparseProduct<Real, Choice>(x, y, z, n, inner, m, alpha, beta).run();
            else
                SparseProduct<Real, Choice>(
                    y.transposed(), x.transposed(), z.transposed(), m, inner, n, alpha, beta).run();
            return;
        } catch (std::bad_alloc &) {
            return dense(x, y, z, n);
        }
        // The rows of samples and of data, in one matrix, have different shares of zeros.
        if (n / 2 < least_half || std::min(in_x.top, in_x.bottom) > Choice::densest())
            return dense(x, y, z, n);
        const npy_intp half = n / 2;
        run(x, y, z, half);
        run(x.below(half), y, z.below(half), n - half);
    }
};

// The same with the arguments of a BLAS, whose matrices are column-major.
template <typename Choice, typename Real>
inline void sparse_gemm(
    const char *of_a, const char *of_b, const int *m, const int *n, const int *k,
    const Real *alpha, Real *a, const int *lda, Real *b, const int *ldb, const Real *beta,
    Real *c, const int *ldc
) {
    const Matrix<Real> x = {b, *ldb, 1}, y = {a, *lda, 1}, z = {c, *ldc, 1};
    Multiplication<Real, Choice>(*k, *m, *alpha, *beta).run(
        *of_b == 'N' ? x : x.transposed(), *of_a == 'N' ? y : y.transposed(), z, *n);
}

}  // namespace adversarial
#endif
