// Rows into a cache, on every instruction set.
#pragma once

#include "rapt/core/types.hpp"
#include "rapt/isa/vocabulary.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class K> using NarrowRow = void (*)(const T* from, Index count, K* to);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/kv/append-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class K> NarrowRow<T, K> narrow_row(Isa isa) {
  return RAPT_OF_REGION(isa, narrow_row_kernel<T, K>());
}

}  // namespace detail
RAPT_NAMESPACE_END
