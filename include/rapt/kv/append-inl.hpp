// Rows into a cache: converted to the type they are kept in, values as they are, keys into blocks.
#ifndef RAPT_REGION
#include "rapt/kv/append.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// A row of the caller's to elements side by side: turned, if it is to be, by way of `turned`, and rounded.
template <class T, class K> RAPT_NOINLINE void store_row(const detail::RowStore<T>& row, T* turned, K* to) {
  const Leaving leaving;
  const T* from = row.from;
  Index stride = row.stride;
  if (row.turn.pairs > 0) {
    turn_row(row.turn, from, stride, turned, 1);
    from = turned;
    stride = 1;
  }
  if (stride == 1)
    narrow_row(from, row.count, to);
  else
    for (Index d = 0; d < row.count; ++d) detail::narrow(from[d * stride], to[d]);
}

template <class T, class K> constexpr detail::StoreRow<T, K> store_row_kernel() { return &store_row<T, K>; }

RAPT_REGION_CLOSE

#endif
