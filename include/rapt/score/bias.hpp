// A number of the caller's added to each score.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "rapt/core/coord.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// score becomes score + bias: see bias().
template <class K> struct Bias {
  View<const K> view;  // [batch, heads, query, key], with strides of 0 where it has one for all

  const K* at(std::int32_t batch, std::int32_t head, std::int32_t row, std::int32_t key) const {
    return view.row(batch, head, row) + key * view.stride[3];
  }
  /// In the element type, to which a double is rounded first.
  template <class T> constexpr T change(T score, Coord c) const {
    return score + static_cast<T>(detail::widened(*at(c.batch, c.head, c.row, c.key)));
  }
  void check(const ProblemShape& shape) const {
    const auto fits = [&](std::size_t i, const char* what, Index wanted, const char* like) {
      if (view.extent[i] != 1 && view.extent[i] != wanted)
        detail::fail("bias", {what, " is ", view.extent[i]}, {"it has to be 1, or ", wanted, like});
    };
    fits(0, "batch", shape.batch, ", as in q");
    fits(1, "the number of heads", shape.q_heads, ", as in q");
    fits(2, "the number of queries", shape.q_len, ", as in q");
    if (view.extent[3] != 1 && view.extent[3] < shape.kv_len)
      detail::fail("bias", {"the number of keys is ", view.extent[3]},
                   {"it has to be 1, or at least ", shape.kv_len, ", the number of keys"});
    shape.check_apart(view, "bias");
  }
  std::string describe() const { return "bias"; }
};

namespace detail {

/// Like check_view(), but that nothing need be there.
template <class K> void check_bias(const View<K>& view) {
  const char* const extents[4] = {"batch", "the number of heads", "the number of queries", "the number of keys"};
  const char* const strides[4] = {"the stride of batch", "the stride of heads", "the stride of queries",
                                  "the stride of keys"};
  for (std::size_t i = 0; i < 4; ++i) {
    require(view.extent[i] >= 0 && view.extent[i] < max_length, "bias", extents[i], view.extent[i],
            "it has to be from 0 to 2^30 - 1");
    require(view.extent[i] <= 1 || std::abs(view.stride[i]) <= max_reach / view.extent[i], "bias", strides[i],
            view.stride[i], "it has to keep the view within 2^56 elements");
  }
  if (!view.empty()) check_pointer(view.data, "bias");
}

}  // namespace detail

/// Adds to each score the number of its batch entry, query head, query and key:
///
///   view  [batch, q_heads, q_len, kv_len]
///
/// of float, double, Eigen::half or Eigen::bfloat16, with any strides. An extent of 1 (or a stride of 0) is for all;
/// there may be more keys than the call has, as for a cache that grows. Queries are counted within the call: whoever
/// computes rows in pieces passes the piece of the view that belongs to them. A bias of −∞ leaves a key no weight, but
/// what is to be skipped belongs in a mask: with a weight of 0, a value that is not finite still makes NaN. Fastest
/// where the keys stand side by side, and in float calls not with doubles. Refers to the view's memory.
///
/// Throws std::invalid_argument for strides or a pointer that can't be right, and when it is used, for extents that
/// don't fit the call, and for memory that the call writes to.
template <class K> Bias<std::remove_const_t<K>> bias(const View<K>& view) {
  static_assert(Element<K>, "rapt: a bias holds float, double, Eigen::half or Eigen::bfloat16");
  detail::check_bias(view);
  return {detail::broadcasting(View<const K>(view))};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
