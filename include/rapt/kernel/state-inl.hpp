// The softmax state of a group of rows: (m, l, o), its merging, and what comes out of it.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Rows that the kernels work on together: one in each lane of the query registers.
template <class T> constexpr int group_lanes = Vec<T>::lanes* query_registers;

/// For each row of a group, over the keys seen so far: o = sum of exp(score − m)·value, l = sum of exp(score − m).
/// m is a reference point near the largest score, the lowest number while no key was attended; then l and o are 0.
template <class T> struct State {
  T* m;  // [stride]
  T* l;  // [stride]
  T* o;  // [value_dim][stride]
  Index stride;
};

template <class T> RAPT_NOINLINE void clear(const State<T>& s, int registers, Index value_dim) {
  constexpr int width = Vec<T>::lanes;
  for (int r = 0; r < registers; ++r) {
    store(s.m + r * width, broadcast(std::numeric_limits<T>::lowest()));
    store(s.l + r * width, broadcast(T(0)));
    for (Index d = 0; d < value_dim; ++d) store(s.o + d * s.stride + r * width, broadcast(T(0)));
  }
}

/// o *= factor, a factor a row; by steps of E it goes on.
template <class E, class T>
RAPT_NOINLINE void rescale_by(const State<T>& s, const T* factor, int registers, Index value_dim) {
  constexpr int width = Vec<T>::lanes;
  for (Index d = 0; d < value_dim; ++d)
    for (int r = 0; r < registers; ++r) {
      T* o = s.o + d * s.stride + r * width;
      store(o, times<E>(load(o), load(factor + r * width)));
    }
}
template <class E, class T>
RAPT_INLINE void rescale(const State<T>& s, const T* factor, int registers, Index value_dim) {
  const Flushing<E> flushing;
  rescale_by<E>(s, factor, registers, value_dim);
}

/// a·alpha + b·beta, the second product rounded with the sum.
template <class T> RAPT_INLINE void join(T* a, Vec<T> alpha, const T* b, Vec<T> beta) {
  store(a, fma(load(b), beta, mul(load(a), alpha)));
}

/// a takes in b, whose keys come after a's. Exact where either has seen no key.
template <class T> RAPT_NOINLINE void merge(const State<T>& a, const State<T>& b, int registers, Index value_dim) {
  constexpr int width = Vec<T>::lanes;
  for (int r = 0; r < registers; ++r) {
    const Index at = r * width;
    const Vec<T> ma = load(a.m + at), mb = load(b.m + at), m = max(ma, mb);
    const Vec<T> alpha = exp(sub(ma, m)), beta = exp(sub(mb, m));
    store(a.m + at, m);
    join(a.l + at, alpha, b.l + at, beta);
    for (Index d = 0; d < value_dim; ++d) join(a.o + d * a.stride + at, alpha, b.o + d * b.stride + at, beta);
  }
}

template <class T> RAPT_NOINLINE void copy(const State<T>& to, const State<T>& from, int registers, Index value_dim) {
  constexpr int width = Vec<T>::lanes;
  for (int r = 0; r < registers; ++r) {
    const Index at = r * width;
    store(to.m + at, load(from.m + at));
    store(to.l + at, load(from.l + at));
    for (Index d = 0; d < value_dim; ++d) store(to.o + d * to.stride + at, load(from.o + d * from.stride + at));
  }
}

/// One NaN for all: which of several a sum of NaNs keeps is the compiler's choice of operand order.
template <class T> RAPT_INLINE Vec<T> one_nan(Vec<T> a) {
  return select(is_nan(a), broadcast(std::numeric_limits<T>::quiet_NaN()), a);
}

/// o · (1 / l) to the caller's rows; 0 where no key was attended. By squares of a register's width of rows and columns,
/// from [dim][lane] to [row][dim]. 0 is added so that no −0 is left of terms that were masked out.
template <class T>
RAPT_NOINLINE void write_output(const State<T>& s, int rows, Index value_dim, std::byte* const* output, Index stride) {
  constexpr int width = Vec<T>::lanes;
  const Vec<T> zero = broadcast(ieee::zero<T>());
  for (int lane = 0; lane < rows; lane += width) {
    const Vec<T> l = load(s.l + lane);
    const Vec<T> inverse = select(is_zero(l), zero, div(broadcast(T(1)), l));
    const int here = rows - lane < width ? rows - lane : width;
    for (Index d = 0; d < value_dim; d += width) {
      if (value_dim >= width && value_dim - d < width) d = value_dim - width;  // some dims are written twice
      const Index columns = value_dim - d < width ? value_dim - d : width;
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) {
        const Index row = i < columns ? d + i : d;  // whatever stands there
        square[i] = one_nan(fma(load(s.o + row * s.stride + lane), inverse, zero));
      }
      transpose<T>(square);
      if (stride == 1 && columns == width) {
        RAPT_UNROLL
        for (int i = 0; i < width; ++i)
          if (i < here) store(reinterpret_cast<T*>(output[lane + i]) + d, square[i]);
        continue;
      }
      for (int i = 0; i < here; ++i) {
        T row[width];
        store(row, square[i]);
        for (Index c = 0; c < columns; ++c) reinterpret_cast<T*>(output[lane + i])[(d + c) * stride] = row[c];
      }
    }
  }
}

RAPT_REGION_CLOSE

#endif
