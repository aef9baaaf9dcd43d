// A number for each batch entry: what masks of lengths are made of.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "rapt/core/coord.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/integers.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// A number for each batch entry, which stays the caller's memory, or one for all of them.
class PerBatch {
 public:
  template <std::integral N> PerBatch(N n) : all_(static_cast<Index>(n)) {}
  template <detail::Numbers R> PerBatch(const R& numbers) : each_(numbers) {}
  template <detail::OwnNumbers R> PerBatch(const R&& numbers) = delete;

  std::int32_t of(std::int32_t batch) const {
    return each_.data() == nullptr ? static_cast<std::int32_t>(all_) : each_.low(batch);
  }

  /// What can be said before the call is known: whether the one number is from 0 to 2^31 - 1.
  void check(const char* mask, const char* what) const {
    if (each_.data() == nullptr)
      detail::require(all_ >= 0 && all_ < Index(1) << 31, mask, what, all_, "it has to be 0 or more, and fit 32 bits");
  }
  /// That there are as many as batch entries, and that they are 0 or more.
  void check(const char* mask, const char* what, const ProblemShape& shape) const {
    if (each_.data() == nullptr) return;
    const Index count = each_.size();
    if (count != shape.batch)
      detail::fail(mask, {"has ", count, " ", what, "s"},
                   {"it has to have ", shape.batch, ", one for each batch entry"});
    for (Index b = 0; b < count; ++b)
      if (each_[b] < 0 || each_[b] >= Index(1) << 31)
        detail::fail(mask, {"the ", what, " of batch entry ", b, " is ", each_[b]},
                     "it has to be 0 or more, and fit 32 bits");
    shape.check_apart(each_, mask);
  }

  std::string describe() const { return each_.data() == nullptr ? std::to_string(all_) : "one for each batch entry"; }

 private:
  detail::Integers each_{};
  Index all_ = 0;  // if there is not one for each
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
