// Stages, by the kernels and by the contract.
#pragma once

#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

/// rapt::attention() with any score, and the logsumexp; and the same by the contract.
template <class T> Result<T> by_kernel(const Views<T>& in, const auto& score, Options<T> options) {
  Result<T> result(in.shape());
  options.lse = result.lse_view();
  rapt::attention(in.q, in.k, in.v, result.out_view(), score, options);
  return result;
}
template <class T> Result<T> by_contract(const Views<T>& in, const auto& score) {
  Result<T> result(in.shape());
  rapt::contract::attention<T>(in.q, in.k, in.v, result.out_view(), rapt::detail::staged(score),
                               Options<T>{.lse = result.lse_view()});
  return result;
}

/// Shapes that few queries and many, whole tiles and pieces, and more than one span take part in.
inline std::vector<Shape> shapes_of_stages() {
  return {
      {2, 4, 2, 70, 70, 16, 8},   // a partial tile of rows and of keys
      {1, 4, 2, 3, 200, 24, 20},  // few queries
      {1, 2, 1, 33, 600, 8, 33},  // two spans
      {1, 4, 1, 1, 1, 5, 3},      // one of each
      {1, 3, 3, 65, 64, 31, 16},  // one row over a tile
      {1, 2, 2, 20, 10, 8, 8},    // more queries than keys
  };
}

/// The rows of queries [first, last), in a call of their own with the same keys. `score` knows where they stand.
template <class T>
void expect_rows(const Inputs<T>& inputs, Index first, Index last, const auto& score, Isa isa,
                 const Result<T>& expected) {
  Result<T> rows(inputs.shape);
  const Views<T> in = inputs.views();
  LogSumExp<T> lse = rows.lse_view();
  lse.data += first * lse.stride[2];
  lse.extent[2] = last - first;
  rapt::attention(positions(in.q, first, last), in.k, in.v, positions(rows.out_view(), first, last), score,
                  Options<T>{.lse = lse, .isa = isa});
  const Shape& s = inputs.shape;
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = first; i < last; ++i) {
        ASSERT_TRUE(same_bits(rows.row(b, h, i), expected.row(b, h, i), s.value_dim)) << s << ", row " << i;
        ASSERT_EQ(bits(rows.lse_of(b, h, i)), bits(expected.lse_of(b, h, i))) << s << ", row " << i;
      }
}

/// The stage make(shape, first, last), for queries [first, last) of a call of that shape, has the contract's bits: at
/// once, with threads, from a cache, and a row at a time.
template <class T> void expect_contracts_bits_of(Isa isa, const auto& make) {
  std::uint64_t seed = 7;
  ThreadExecutor threads(3);
  for (const Shape& shape : shapes_of_stages()) {
    const auto score = [&](Index first, Index last) {
      return make(shape, first, last) | rapt::Plain{rapt::align::offset(shape.kv_len - shape.q_len + first)};
    };
    const auto whole = score(0, shape.q_len);
    const Inputs<T> inputs(shape, ++seed);
    const Views<T> in = inputs.views();
    const Result<T> expected = by_contract(in, whole);
    EXPECT_TRUE(same_bits(by_kernel(in, whole, Options<T>{.isa = isa}), expected)) << shape;
    EXPECT_TRUE(same_bits(by_kernel(in, whole, Options<T>{.executor = &threads, .isa = isa}), expected))
        << shape << ", 3 threads";
    Result<T> cached(shape);
    const rapt::KvCache<T> cache = cache_of<T>(in, isa);
    rapt::attention(in.q, cache, cached.out_view(), whole, Options<T>{.lse = cached.lse_view(), .isa = isa});
    EXPECT_TRUE(same_bits(cached, expected)) << shape << ", from a cache";
    for (Index i = 0; i < shape.q_len; ++i) expect_rows(inputs, i, i + 1, score(i, i + 1), isa, expected);
  }
}

/// make(shape, first, last) of a stage that depends on nothing but the heads.
template <class T> void expect_bits_by_head(Isa isa, const auto& of_heads) {
  expect_contracts_bits_of<T>(isa, [&](const Shape& s, Index, Index) { return of_heads(s.q_heads); });
}

}  // namespace rapt_test
