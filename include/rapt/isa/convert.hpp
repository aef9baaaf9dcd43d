// Conversions between element types, on every instruction set.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <limits>
#include <type_traits>

#include "rapt/core/any_view.hpp"
#include "rapt/isa/vocabulary.hpp"

#define RAPT_EACH_REGION "rapt/isa/convert-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class K> LoadRow<T> load_row(Isa isa) { return RAPT_OF_REGION(isa, load_any_row_kernel<T, K>()); }
template <class T, class K> WriteRow<T> write_row(Isa isa) { return RAPT_OF_REGION(isa, write_any_row_kernel<T, K>()); }

/// For queries of Q and outputs of O: only a program that has narrow ones compiles what it takes.
template <class T, class Q, class O> constexpr RowAccessOf<T> row_access() {
  RowAccessOf<T> access;
  if constexpr (!std::is_same_v<Q, T>) access.load = &load_row<T, Q>;
  if constexpr (!std::is_same_v<O, T>) access.write = &write_row<T, O>;
  return access;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
