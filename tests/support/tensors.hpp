// Inputs and results of the tests: memory, the views of it, and the comparison of bits.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <type_traits>
#include <variant>
#include <vector>

#include "support/kernels.hpp"
#include "support/random.hpp"

namespace rapt_test {

using rapt::Index;
using rapt::Isa;
using rapt::LogSumExp;
using rapt::Options;
using rapt::View;

/// What never comes out of a computation: an output that still holds it was not written.
template <class T> inline constexpr T sentinel = T(-12345.5);

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Shape {
  Index batch = 1, q_heads = 1, kv_heads = 1, q_len = 1, kv_len = 1, head_dim = 8, value_dim = 8;

  Index rows() const { return batch * q_heads * q_len; }
  Index work() const { return rows() * kv_len * (head_dim + value_dim); }
  friend std::ostream& operator<<(std::ostream& to, const Shape& s) {
    return to << "batch " << s.batch << ", heads " << s.q_heads << "/" << s.kv_heads << ", " << s.q_len << " queries, "
              << s.kv_len << " keys, dims " << s.head_dim << "/" << s.value_dim;
  }
};

/// Any mask of the library.
using Mask = std::variant<rapt::Plain, rapt::Band>;

inline std::string describe(const Mask& mask) {
  return std::visit([](const auto& score) { return score.describe(); }, mask);
}
inline std::optional<rapt::Align> align_of(const Mask& mask) {
  return std::visit([](const auto& score) { return score.align; }, mask);
}
inline bool attends(const Mask& mask, rapt::Coord c) {
  return std::visit([c](const auto& score) { return score.attends(c); }, mask);
}
/// The position of query 0 in the sequence of the keys.
inline Index first_position(const Mask& mask, Index q_len, Index kv_len) {
  return align_of(mask).value_or(rapt::align::bottom_right).first_position(q_len, kv_len);
}
/// Whether query i attends to key j.
inline bool attends(const Mask& mask, const Shape& s, Index i, Index j) {
  return attends(mask, {0, 0, static_cast<std::int32_t>(first_position(mask, s.q_len, s.kv_len) + i),
                        static_cast<std::int32_t>(j)});
}

template <class T> std::vector<T> random_numbers(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> numbers(at(count));
  for (T& x : numbers) x = static_cast<T>(random.normal());
  return numbers;
}

/// Queries, keys and values, wherever they are.
template <class T> struct Views {
  View<const T> q, k, v;

  Shape shape() const { return {q.batch(), q.heads(), k.heads(), q.length(), k.length(), q.dim(), v.dim()}; }
};

/// Queries, keys and values in memory order [batch, head, position, dim].
template <class T> struct Inputs {
  Shape shape;
  std::vector<T> q, k, v;

  Inputs(const Shape& s, std::uint64_t seed)
      : shape(s),
        q(random_numbers<T>(s.batch * s.q_heads * s.q_len * s.head_dim, 3 * seed)),
        k(random_numbers<T>(s.batch * s.kv_heads * s.kv_len * s.head_dim, 3 * seed + 1)),
        v(random_numbers<T>(s.batch * s.kv_heads * s.kv_len * s.value_dim, 3 * seed + 2)) {}

  /// The same numbers in another type.
  template <class U>
  explicit Inputs(const Inputs<U>& other)
      : shape(other.shape),
        q(other.q.begin(), other.q.end()),
        k(other.k.begin(), other.k.end()),
        v(other.v.begin(), other.v.end()) {}

  /// Views that may be written through.
  View<T> q_view() { return rapt::bhsd(q.data(), shape.batch, shape.q_heads, shape.q_len, shape.head_dim); }
  View<T> k_view() { return rapt::bhsd(k.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.head_dim); }
  View<T> v_view() { return rapt::bhsd(v.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.value_dim); }

  Views<T> views() const {
    return {rapt::bhsd(q.data(), shape.batch, shape.q_heads, shape.q_len, shape.head_dim),
            rapt::bhsd(k.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.head_dim),
            rapt::bhsd(v.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.value_dim)};
  }
};

/// Outputs [batch, head, position, dim] and logsumexps [batch, head, position].
template <class T> struct Result {
  Shape shape;
  std::vector<T> out, lse;

  explicit Result(const Shape& s)
      : shape(s), out(at(s.rows() * s.value_dim), sentinel<T>), lse(at(s.rows()), sentinel<T>) {}

  View<T> out_view() { return rapt::bhsd(out.data(), shape.batch, shape.q_heads, shape.q_len, shape.value_dim); }
  LogSumExp<T> lse_view() { return rapt::lse_bhs(lse.data(), shape.batch, shape.q_heads, shape.q_len); }
  const T* row(Index b, Index h, Index i) const {
    return out.data() + ((b * shape.q_heads + h) * shape.q_len + i) * shape.value_dim;
  }
  T lse_of(Index b, Index h, Index i) const { return lse[at((b * shape.q_heads + h) * shape.q_len + i)]; }
};

/// rapt::attention(), with the logsumexp.
template <class T> Result<T> attend(const Views<T>& in, const Mask& mask = {}, Options<T> options = {}) {
  Result<T> result(in.shape());
  options.lse = result.lse_view();
  std::visit([&](const auto& score) { rapt::attention(in.q, in.k, in.v, result.out_view(), score, options); }, mask);
  return result;
}

/// The same by the scalar transcription of the arithmetic contract.
template <class T> Result<T> attend_by_contract(const Views<T>& in, const Mask& mask = {}, Options<T> options = {}) {
  Result<T> result(in.shape());
  options.lse = result.lse_view();
  std::visit(
      [&](const auto& score) { rapt::contract::attention<T>(in.q, in.k, in.v, result.out_view(), score, options); },
      mask);
  return result;
}

/// The same by the naive oracle.
template <class T> Result<T> attend_by_reference(const Views<T>& in, const Mask& mask = {}, Options<T> options = {}) {
  Result<T> result(in.shape());
  options.lse = result.lse_view();
  std::visit(
      [&](const auto& score) { rapt::reference::attention<T>(in.q, in.k, in.v, result.out_view(), score, options); },
      mask);
  return result;
}

template <class T> using BitsOf = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
template <class T> BitsOf<T> bits(T x) { return std::bit_cast<BitsOf<T>>(x); }
template <class T> T from_bits(BitsOf<T> x) { return std::bit_cast<T>(x); }

template <class T> testing::AssertionResult same_bits(const T* a, const T* b, Index count) {
  for (Index i = 0; i < count; ++i)
    if (bits(a[i]) != bits(b[i]))
      return testing::AssertionFailure() << "element " << i << " of " << count << " is " << a[i] << " and not " << b[i]
                                         << " (bits " << std::hex << bits(a[i]) << " and " << bits(b[i]) << ")";
  return testing::AssertionSuccess();
}
template <class T> testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << a.size() << " elements and not " << b.size();
  return same_bits(a.data(), b.data(), static_cast<Index>(a.size()));
}
template <class T> testing::AssertionResult same_bits(const Result<T>& a, const Result<T>& b) {
  if (auto out = same_bits(a.out, b.out); !out) return out << " in out";
  return same_bits(a.lse, b.lse) << " in lse";
}

}  // namespace rapt_test
