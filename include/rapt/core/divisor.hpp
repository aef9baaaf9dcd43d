// Division of positions by a number that stays the same: a multiplication.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// n / d for n from 0 to 2^31 - 1, as n · ceil(2^s / d) / 2^s with s = 31 + ceil(log2 d): the factor is off by less
/// than d / 2^s, hence the product by less than 1 / d. (Granlund and Montgomery 1994, "Division by invariant integers
/// using multiplication".)
class Divisor {
 public:
  constexpr explicit Divisor(std::int32_t d)
      : divisor_(d),
        shift_(31 + static_cast<int>(std::bit_width(static_cast<std::uint32_t>(d - 1)))),
        factor_(((std::uint64_t(1) << shift_) + static_cast<std::uint32_t>(d - 1)) / static_cast<std::uint32_t>(d)) {}

  constexpr std::int32_t value() const { return divisor_; }
  constexpr std::int32_t divide(std::int32_t n) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(n) * factor_ >> shift_);
  }
  /// Rounded down, for any n.
  constexpr std::int32_t floor(std::int32_t n) const { return n >= 0 ? divide(n) : ~divide(~n); }

 private:
  std::int32_t divisor_;
  int shift_;
  std::uint64_t factor_;
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
