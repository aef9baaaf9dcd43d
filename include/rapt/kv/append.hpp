// Rows into a cache, on every instruction set.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/types.hpp"
#include "rapt/isa/convert.hpp"
#include "rapt/rope/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// A row of the caller's.
template <class T> struct RowStore {
  const T* from;
  Index stride, count;
  Turn<T> turn;  // by which it is turned; no pairs if it isn't
};

template <class T, class K> using StoreRow = void (*)(const RowStore<T>& row, T* turned, K* to);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/kv/append-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class K> StoreRow<T, K> store_row(Isa isa) { return RAPT_OF_REGION(isa, store_row_kernel<T, K>()); }
#if RAPT_COMPILED
RAPT_PART StoreRow<float, float> store_row<float, float>(Isa);
RAPT_PART StoreRow<double, double> store_row<double, double>(Isa);
#endif
#if RAPT_COMPILED_NARROW
RAPT_PART StoreRow<float, Eigen::half> store_row<float, Eigen::half>(Isa);
RAPT_PART StoreRow<float, Eigen::bfloat16> store_row<float, Eigen::bfloat16>(Isa);
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
