// Numbers that a stage holds for the query heads, one each, in the caller's memory.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/types.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class K> struct PerHead {
  const K* data = nullptr;
  Index count = 0, stride = 1;

  K operator[](std::int32_t head) const { return data[head * stride]; }
};

/// For the makers of stages.
template <class K> PerHead<K> per_head(const char* stage, const char* what, const K* data, Index count, Index stride) {
  require(count >= 1, stage, what, count, "there has to be one for each query head");
  if (data == nullptr) fail(stage, "data is a null pointer", {"it has to point to ", count, " numbers"});
  return {data, count, stride};
}

/// For the makers' overloads that a vector without a name would choose.
template <class K> constexpr void refuse_temporary() {
  static_assert(sizeof(K) == 0,
                "rapt: the numbers of a temporary vector would be gone before they are read: name the vector first");
}

/// For the stages' check(). `what` is the plural of their name for a number; infinities are refused but for −∞, if that
/// is allowed.
template <class K>
void check_per_head(const PerHead<K>& numbers, const char* stage, const char* what, const ProblemShape& shape,
                    bool minus_infinity = false) {
  if (numbers.count != shape.q_heads)
    fail(stage, {"the number of ", what, " is ", numbers.count},
         {"it has to be ", shape.q_heads, ", one for each query head"});
  for (Index h = 0; h < numbers.count; ++h) {
    const double x = static_cast<double>(numbers[static_cast<std::int32_t>(h)]);
    if (!ieee::is_finite(x) && !(minus_infinity && x < 0))
      fail(stage, {"number ", h, " of the ", what, " is ", x},
           minus_infinity ? "it has to be finite, or minus infinity for none" : "it has to be finite");
  }
  shape.check_apart(MatrixView<const K>{numbers.data, 1, numbers.count, 0, numbers.stride}, stage);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
