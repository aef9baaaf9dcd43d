// Caches of the tests' keys and values, and attention to them.
#pragma once

#include <optional>
#include <vector>

#include "rapt/kv/cache.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

template <class K> using Arithmetic = rapt::detail::arithmetic_t<K>;

/// Inputs whose keys and values a cache of K keeps as they are. Rounded by Eigen.
template <class K> Inputs<Arithmetic<K>> inputs_for(const Shape& shape, std::uint64_t seed) {
  using T = Arithmetic<K>;
  Inputs<T> inputs(shape, seed);
  for (T& x : inputs.k) x = static_cast<T>(K(x));
  for (T& x : inputs.v) x = static_cast<T>(K(x));
  return inputs;
}

/// Positions [first, last) of the view.
template <class T> View<T> positions(View<T> view, Index first, Index last) {
  view.data += first * view.stride[2];
  view.extent[2] = last - first;
  return view;
}
/// Entry b of the batch.
template <class T> View<T> entry(View<T> view, Index b) {
  view.data += b * view.stride[0];
  view.extent[0] = 1;
  return view;
}

template <class T> LogSumExp<T> entry_of(LogSumExp<T> lse, Index b) {
  lse.data += b * lse.stride[0];
  lse.extent[0] = 1;
  return lse;
}

inline rapt::CacheShape cache_shape(const Shape& s, Index capacity) {
  return {s.batch, s.kv_heads, capacity, s.head_dim, s.value_dim};
}

/// A cache of all the keys and values.
template <class K> rapt::KvCache<K> cache_of(const Views<Arithmetic<K>>& in, Isa isa) {
  rapt::KvCache<K> cache(cache_shape(in.shape(), std::max<Index>(in.k.length(), 1)), isa);
  cache.append(in.k, in.v);
  return cache;
}

/// rapt::attention() to a cache, with the logsumexp.
template <class K, class Kv>
Result<Arithmetic<K>> attend(const View<const Arithmetic<K>>& q, const rapt::CacheView<K, Kv>& cache, const Mask& mask,
                             Options<Arithmetic<K>> options) {
  Result<Arithmetic<K>> result({.batch = q.batch(),
                                .q_heads = q.heads(),
                                .kv_heads = cache.kv.heads(),
                                .q_len = q.length(),
                                .kv_len = cache.kv.longest(),
                                .head_dim = q.dim(),
                                .value_dim = cache.kv.value_dim()});
  options.lse = result.lse_view();
  std::visit([&](const auto& score) { rapt::attention(q, cache, result.out_view(), score, options); }, mask);
  return result;
}

/// Positions [first, last) of a sequence: its keys, then its values, [head][position][dim] each.
template <class K, class Home>
std::vector<Arithmetic<K>> contents(const rapt::detail::Cache<K, Home>& cache, Index sequence, Index first,
                                    Index last) {
  const Index rows = cache.kv_heads() * (last - first), keys = rows * cache.head_dim();
  std::vector<Arithmetic<K>> found(at(keys + rows * cache.value_dim()), sentinel<Arithmetic<K>>);
  cache.read_keys(sequence, first, rapt::bhsd(found.data(), 1, cache.kv_heads(), last - first, cache.head_dim()));
  cache.read_values(sequence, first,
                    rapt::bhsd(found.data() + keys, 1, cache.kv_heads(), last - first, cache.value_dim()));
  return found;
}

/// Rows [first, last) of `whole` are all of `piece`.
template <class T>
testing::AssertionResult same_rows(const Result<T>& piece, const Result<T>& whole, Index first, Index last) {
  const Shape& s = whole.shape;
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = first; i < last; ++i) {
        if (auto out = same_bits(piece.row(b, h, i - first), whole.row(b, h, i), s.value_dim); !out)
          return out << " in row " << i << " of head " << h << " of entry " << b;
        if (bits(piece.lse_of(b, h, i - first)) != bits(whole.lse_of(b, h, i)))
          return testing::AssertionFailure() << "another logsumexp of row " << i;
      }
  return testing::AssertionSuccess();
}

}  // namespace rapt_test
