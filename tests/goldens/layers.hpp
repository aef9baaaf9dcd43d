// What the cases of attention layers share.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "layer/layers.hpp"
#include "support/golden.hpp"
#include "support/isas.hpp"
#include "support/masks.hpp"

namespace rapt_test {

/// [rows, columns], 1 where the column is the row plus `from`: takes `rows` numbers out of many, or puts a few first.
inline std::vector<float> selector(Index rows, Index columns, Index from = 0) {
  std::vector<float> matrix(at(rows * columns));
  for (Index r = 0; r < rows && r + from < columns; ++r) matrix[at(r * columns + r + from)] = 1;
  return matrix;
}

/// A tensor [batch, length, size].
inline View<float> states_of(GoldenTensor& t) {
  return rapt::bsd(t.numbers.data(), t.dims.at(0), t.dims.at(1), t.dims.at(2));
}
/// A tensor [batch, heads, length, dim].
inline View<float> heads_of(GoldenTensor& t) {
  return rapt::bhsd(t.numbers.data(), t.dims.at(0), t.dims.at(1), t.dims.at(2), t.dims.at(3));
}

/// A tensor of bools [batch, length of keys] or [batch, queries, keys], in memory as a mask.
class GoldenMask {
 public:
  /// `attends`: what is in the tensor where a query attends to a key.
  GoldenMask(const GoldenTensor& t, bool attends)
      : batch_(t.dims.at(0)), rows_(t.dims.size() == 3 ? t.dims[1] : 1), keys_(t.dims.back()) {
    memory_ = std::make_unique<bool[]>(t.numbers.size());
    for (std::size_t i = 0; i < t.numbers.size(); ++i) memory_[i] = (t.numbers[i] != 0) == attends;
  }

  /// For all heads, and, if it is of keys alone, for all queries.
  AnyMask dense() const {
    return any_mask(rapt::mask(rapt::bhsd(static_cast<const bool*>(memory_.get()), batch_, 1, rows_, keys_)));
  }

  /// The same by lengths, of keys that are padded on one side: by what stands there of each entry.
  AnyMask padding() {
    const bool left = !row(0)[0];
    lengths_.clear();
    for (Index b = 0; b < batch_; ++b) {
      const bool* const from = row(b);
      const bool* const edge = std::find(from, from + keys_, left);
      EXPECT_EQ(std::find(edge, from + keys_, !left), from + keys_) << "holes in entry " << b;
      lengths_.push_back(static_cast<std::int32_t>(edge - from));
    }
    return left ? any_mask(rapt::left_padding(lengths_)) : any_mask(rapt::padding(lengths_));
  }

 private:
  const bool* row(Index b) const { return memory_.get() + b * rows_ * keys_; }

  Index batch_, rows_, keys_;
  std::unique_ptr<bool[]> memory_;
  std::vector<std::int32_t> lengths_;
};

/// Whether a mask of ones hides nothing.
inline bool hides_nothing(const GoldenTensor& mask) {
  return std::all_of(mask.numbers.begin(), mask.numbers.end(), [](float x) { return x == 1; });
}

/// The first `count` numbers of each row of `size`.
inline std::vector<float> first_of_rows(const std::vector<float>& rows, Index size, Index count) {
  std::vector<float> some;
  for (std::size_t i = 0; i < rows.size(); i += at(size))
    some.insert(some.end(), rows.begin() + static_cast<std::ptrdiff_t>(i),
                rows.begin() + static_cast<std::ptrdiff_t>(i) + count);
  return some;
}

/// All the keys and values of a cache are the tensors [batch, heads, length, dim].
inline void expect_cached(const KvCache<float>& cache, const GoldenTensor& k, const GoldenTensor& v, double tolerance) {
  std::vector<float> keys(k.numbers.size()), values(v.numbers.size());
  for (Index s = 0; s < cache.sequences(); ++s) {
    const Index length = cache.length(s), rows = cache.kv_heads() * length;
    ASSERT_EQ(length, k.dims.at(2));
    cache.read_keys(
        s, 0, rapt::bhsd(keys.data() + s * rows * cache.head_dim(), 1, cache.kv_heads(), length, cache.head_dim()));
    cache.read_values(
        s, 0, rapt::bhsd(values.data() + s * rows * cache.value_dim(), 1, cache.kv_heads(), length, cache.value_dim()));
  }
  expect_near(keys, k, tolerance);
  expect_near(values, v, tolerance);
}

}  // namespace rapt_test
