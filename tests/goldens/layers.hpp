// What the cases of attention layers share.
#pragma once

#include <vector>

#include "layer/layers.hpp"
#include "support/golden.hpp"
#include "support/isas.hpp"

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
