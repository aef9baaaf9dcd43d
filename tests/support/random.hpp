// Random numbers that are the same with every standard library.
#pragma once

#include <cmath>
#include <cstdint>

namespace rapt_test {

/// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  /// From 0 to limit - 1.
  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(limit));
  }
  /// In [-1, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1.0; }
  /// Mean 0, variance 1, and bell-shaped enough: four uniform numbers' sum.
  double normal() { return (uniform() + uniform() + uniform() + uniform()) * std::sqrt(0.75); }

 private:
  std::uint64_t state_;
};

}  // namespace rapt_test
