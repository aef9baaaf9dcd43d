// Queries, keys, values and an output for a shape, filled with the same numbers each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rapt/core/view.hpp"
#include "shapes.hpp"

namespace bench {

/// Memory orders: b batch, s position, h head, d dim.
enum class Layout { bhsd, bshd, sbhd, bhds };

template <class T> rapt::View<T> view_in(Layout layout, T* data, Index heads, Index length, Index dim) {
  switch (layout) {
    case Layout::bshd: return rapt::bshd(data, 1, length, heads, dim);
    case Layout::sbhd: return rapt::sbhd(data, length, 1, heads, dim);
    case Layout::bhds: return rapt::bhds(data, 1, heads, dim, length);
    case Layout::bhsd: break;
  }
  return rapt::bhsd(data, 1, heads, length, dim);
}

/// Numbers with mean 0 and variance 1, bell-shaped: sums of four uniform ones. The same on every machine and with every
/// library.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  double next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15;  // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    double sum = 0;
    for (int i = 0; i < 4; ++i, x >>= 16) sum += static_cast<double>(x & 0xffff) / 65535 - 0.5;
    return sum * 1.7320508075688772;
  }

 private:
  std::uint64_t state_;
};

/// `count` of them.
template <class T> std::vector<T> numbers(Index count, std::uint64_t seed) {
  std::vector<T> result(static_cast<std::size_t>(count));
  Numbers source(seed);
  for (T& x : result) x = static_cast<T>(source.next());
  return result;
}

template <class T> class Inputs {
 public:
  explicit Inputs(const Shape& s, Layout layout = Layout::bhsd)
      : q_(numbers<T>(s.q_heads * s.q_len * s.head_dim, 1)),
        kv_(numbers<T>(kv_elements(s), 2)),
        out_(static_cast<std::size_t>(s.q_heads * s.q_len * s.value_dim)),
        q(view_in<const T>(layout, q_.data(), s.q_heads, s.q_len, s.head_dim)),
        k(view_in<const T>(layout, kv_.data(), s.kv_heads, s.kv_len, s.head_dim)),
        v(view_in<const T>(layout, kv_.data() + s.kv_heads * s.kv_len * s.head_dim, s.kv_heads, s.kv_len, s.value_dim)),
        out(view_in<T>(layout, out_.data(), s.q_heads, s.q_len, s.value_dim)) {}
  Inputs(const Inputs&) = delete;  // the views point into the vectors
  Inputs& operator=(const Inputs&) = delete;

  /// The keys, then the values.
  const std::vector<T>& kv() const { return kv_; }

 private:
  std::vector<T> q_, kv_, out_;

 public:
  const rapt::View<const T> q, k, v;
  const rapt::View<T> out;
};

}  // namespace bench
