// Rows into a cache: converted to the type they are kept in, values as they are, keys into blocks.
#ifndef RAPT_REGION
#include "rapt/kv/append.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

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

template <class T, class K> constexpr detail::NarrowRow<T, K> narrow_row_kernel() { return &narrow_row<T, K>; }

RAPT_REGION_CLOSE

#endif
