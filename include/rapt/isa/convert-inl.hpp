// Rows of elements to what they are computed in, and back.
#ifndef RAPT_REGION
#include "rapt/isa/convert.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Elements side by side, as T.
template <class T, class K> RAPT_NOINLINE void convert(const K* from, Index count, T* to) {
  Index i = 0;
  for (; i + Vec<T>::lanes <= count; i += Vec<T>::lanes) store(to + i, load(from + i));
  for (; i < count; ++i) to[i] = detail::widened(from[i]);
}

/// Elements side by side, rounded to K. NaN becomes the canonical one.
template <class T, class K> RAPT_NOINLINE void narrow_row(const T* from, Index count, K* to) {
  constexpr int width = Vec<T>::lanes;
  const Vec<T> nan = broadcast(std::numeric_limits<T>::quiet_NaN());
  Index i = 0;
  for (; i + width <= count; i += width) {
    const Vec<T> x = load(from + i);
    if constexpr (std::is_same_v<T, K>)
      store(to + i, x);
    else
      store(to + i, select(is_nan(x), nan, x));
  }
  for (; i < count; ++i) detail::narrow(from[i], to[i]);
}

/// A row of K that stands anywhere: its elements are `stride` apart.
template <class T, class K> RAPT_NOINLINE void load_any_row(const std::byte* row, Index stride, Index count, T* to) {
  const Leaving leaving;
  const K* const from = reinterpret_cast<const K*>(row);
  if (stride == 1) return convert(from, count, to);
  for (Index i = 0; i < count; ++i) to[i] = detail::widened(from[i * stride]);
}
template <class T, class K> RAPT_NOINLINE void write_any_row(const T* from, Index count, std::byte* row, Index stride) {
  const Leaving leaving;
  K* const to = reinterpret_cast<K*>(row);
  if (stride == 1) return narrow_row(from, count, to);
  for (Index i = 0; i < count; ++i) detail::narrow(from[i], to[i * stride]);
}

template <class T, class K> constexpr detail::LoadRow<T> load_any_row_kernel() { return &load_any_row<T, K>; }
template <class T, class K> constexpr detail::WriteRow<T> write_any_row_kernel() { return &write_any_row<T, K>; }

RAPT_REGION_CLOSE

#endif
