// Shapes of attention, and what they cost.
#pragma once

#include <algorithm>
#include <cstdint>

#include "rapt/core/types.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/stage.hpp"

namespace bench {

using rapt::Index;

struct Shape {
  Index q_heads, kv_heads;
  Index q_len, kv_len;
  Index head_dim, value_dim;
  rapt::Band mask{};  // with both sides unbounded: none
};

/// As many queries as keys, and values as wide as keys: what most models have.
constexpr Shape square(Index q_heads, Index kv_heads, Index dim, Index length, rapt::Band mask = {}) {
  return {q_heads, kv_heads, length, length, dim, dim, mask};
}

constexpr bool masked(const Shape& s) {
  return s.mask.left != rapt::Band::unbounded || s.mask.right != rapt::Band::unbounded;
}

/// The position of query 0, as all shapes here align their last query with their last key.
constexpr Index first_position(const Shape& s) { return s.kv_len - s.q_len; }

/// The keys that a query attends to: [begin, end).
struct KeyRange {
  Index begin, end;
};
constexpr KeyRange attended_keys(const Shape& s, Index query) {
  const Index position = first_position(s) + query;
  return {std::clamp<Index>(position - s.mask.left, 0, s.kv_len),
          std::clamp<Index>(position + s.mask.right + 1, 0, s.kv_len)};
}

/// Multiplications and additions that can't be avoided: one of each for each dim of each attended pair of a query and a
/// key, and for each dim of the key's value.
constexpr double operations(const Shape& s) {
  Index pairs = 0;
  for (Index i = 0; i < s.q_len; ++i) {
    const KeyRange keys = attended_keys(s, i);
    pairs += std::max<Index>(keys.end - keys.begin, 0);
  }
  return 2.0 * static_cast<double>(pairs * s.q_heads * (s.head_dim + s.value_dim));
}

/// Elements of the keys and values.
constexpr Index kv_elements(const Shape& s) { return s.kv_heads * s.kv_len * (s.head_dim + s.value_dim); }

/// Calls f with the shape's mask: Plain if it has none, as a caller would.
template <class F> auto with_mask(const Shape& s, F&& f) { return masked(s) ? f(s.mask) : f(rapt::Plain{}); }

namespace shape {

using rapt::causal;

/// The window of a model that attends to `keys` keys, the query's own among them.
constexpr rapt::Band sliding(Index keys) { return {static_cast<std::int32_t>(keys - 1), 0, {}}; }

constexpr Shape bert_base(Index length) { return square(12, 12, 64, length); }
constexpr Shape llama3_8b(Index length) { return square(32, 8, 128, length, causal()); }
/// The four query heads of one of Mistral 7B's eight groups.
constexpr Shape mistral_7b_group(Index length) { return square(4, 1, 128, length, sliding(4096)); }
constexpr Shape gemma(Index length) { return square(8, 4, 256, length, causal()); }
constexpr Shape one_head(Index length) { return square(1, 1, 128, length, causal()); }

}  // namespace shape
}  // namespace bench
