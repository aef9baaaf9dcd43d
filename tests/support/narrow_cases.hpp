// What the 16-bit types make of floats, by Eigen, and the floats where that is hardest.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "support/tensors.hpp"

namespace rapt_test {

template <class K> std::uint32_t pattern_of(const K& x) {
  return static_cast<std::uint32_t>(Eigen::numext::bit_cast<std::uint16_t>(x));
}
template <class K> K from_pattern(std::uint32_t pattern) {
  return Eigen::numext::bit_cast<K>(static_cast<std::uint16_t>(pattern));
}

/// x rounded to K by Eigen; the canonical NaN, without a sign, for every NaN.
template <class K> std::uint32_t expected_pattern(float x) {
  if (std::isnan(x)) return std::is_same_v<K, Eigen::half> ? 0x7e00 : 0x7fc0;
  return pattern_of(K(x));
}

/// Every number of K, both floats next to it, the middle between it and the next one, and both floats next to that;
/// then the edges of float itself.
template <class K> std::vector<float> edges_of() {
  using L = std::numeric_limits<float>;
  std::vector<float> found;
  const auto add_with_neighbours = [&found](float x) {
    found.insert(found.end(), {x, std::nextafter(x, L::infinity()), std::nextafter(x, -L::infinity())});
  };
  for (std::uint32_t pattern = 0; pattern <= 0xffff; ++pattern) {
    const double x = static_cast<float>(from_pattern<K>(pattern)),
                 next = static_cast<float>(from_pattern<K>((pattern + 1) & 0xffff));
    if (!std::isfinite(x)) continue;
    add_with_neighbours(static_cast<float>(x));
    if (std::isfinite(next)) add_with_neighbours(static_cast<float>((x + next) / 2));
  }
  for (const float x : {L::max(), L::min(), L::denorm_min(), L::infinity(), 65504.0f, 65520.0f, 65536.0f}) {
    add_with_neighbours(x);
    add_with_neighbours(-x);
  }
  for (const std::uint32_t nan : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu})
    found.push_back(from_bits<float>(nan));
  return found;
}

}  // namespace rapt_test
