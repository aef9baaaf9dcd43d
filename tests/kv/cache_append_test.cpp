// However keys and values come into a cache, it holds the same bits; and what is taken back or forked leaves no trace.
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/isas.hpp"

namespace rapt_test::cache_append_test {
namespace {

/// Ends of chunks that make up n positions: `size` at a time, or at random where that is 0.
std::vector<Index> ends_of_chunks(Index n, Index size) {
  Random random(1);
  std::vector<Index> ends;
  for (Index end = 0; end < n;) {
    end = std::min(n, end + (size > 0 ? size : random.below(40)));  // none at all, now and then
    ends.push_back(end);
  }
  return ends;
}

template <class K> void append(rapt::detail::Cache<K>& cache, const Views<Arithmetic<K>>& in, Index first, Index last) {
  cache.append(positions(in.k, first, last), positions(in.v, first, last));
}
/// Of entry b of the batch, to a sequence.
template <class K>
void append(rapt::detail::Cache<K>& cache, Index sequence, const Views<Arithmetic<K>>& in, Index b, Index first,
            Index last) {
  cache.append(sequence, positions(entry(in.k, b), first, last), positions(entry(in.v, b), first, last));
}

class CacheAppend : public OnEveryIsa {
 protected:
  static constexpr Index n = 200;
  const Shape shape{2, 4, 2, n, n, 21, 19};

  template <class K> rapt::KvCache<K> empty_cache() const {
    return rapt::KvCache<K>(cache_shape(shape, n), GetParam());
  }
  template <class K>
  Result<Arithmetic<K>> attend_causally(const View<const Arithmetic<K>>& q, const rapt::KvCache<K>& cache) {
    return attend<K>(q, cache.view(), rapt::causal(), {.isa = GetParam()});
  }
  template <class K> void expect_reads_back() const;
  template <class K> void expect_chunks_agree();
  template <class K> void expect_prefill_is_decoding();
};

template <class K> void CacheAppend::expect_reads_back() const {
  using T = Arithmetic<K>;
  const Inputs<T> inputs(shape, 2), rounded = inputs_for<K>(shape, 2);
  rapt::KvCache<K> cache = empty_cache<K>();
  append(cache, inputs.views(), 0, n);
  for (Index s = 0; s < shape.batch; ++s) {
    const std::size_t keys = rounded.k.size() / 2, values = rounded.v.size() / 2;
    const T *const k = rounded.k.data() + at(s) * keys, *const v = rounded.v.data() + at(s) * values;
    std::vector<T> expected(k, k + keys);
    expected.insert(expected.end(), v, v + values);
    EXPECT_EQ(cache.length(s), n);
    EXPECT_EQ(cache.first(s), 0);
    EXPECT_TRUE(same_bits(contents(cache, s, 0, n), expected));
  }
}
TEST_P(CacheAppend, ReadsBackWhatItTookInRounded) {
  expect_reads_back<float>();
  expect_reads_back<double>();
  expect_reads_back<Eigen::half>();
  expect_reads_back<Eigen::bfloat16>();
}

TEST_P(CacheAppend, ReadsBackAnyPositions) {
  const Inputs<float> inputs(shape, 2);
  rapt::KvCache<float> cache = empty_cache<float>();
  append(cache, inputs.views(), 0, n);
  for (const Index position : {0, 15, 16, 100, 198}) {
    std::vector<float> keys(2 * 2 * 21);
    cache.read_keys(1, position, rapt::bhsd(keys.data(), 1, 2, 2, 21));
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < 2; ++i)
        EXPECT_TRUE(same_bits(keys.data() + (h * 2 + i) * 21, inputs.views().k.row(1, h, position + i), 21));
  }
}

/// NaN of every sign and payload, beside one another and alone at the end of a row.
TEST_P(CacheAppend, KeepsTheCanonicalNaNIn16Bits) {
  rapt::KvCache<Eigen::half> halves({1, 1, 1, 37}, GetParam());
  rapt::KvCache<Eigen::bfloat16> bfloat16s({1, 1, 1, 37}, GetParam());
  std::vector<float> row(37);
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = from_bits<float>((i % 2 == 0 ? 0xff800001u : 0x7fffffffu) - (i % 3 == 0 ? 0x1234u : 0u) +
                              (i % 2 == 0 ? 0x4000u : 0u));
  const View<const float> view = rapt::bhsd(static_cast<const float*>(row.data()), 1, 1, 1, 37);
  halves.append(view, view);
  bfloat16s.append(view, view);
  for (const float x : contents(halves, 0, 0, 1)) EXPECT_EQ(bits(x), 0x7fc00000u);
  for (const float x : contents(bfloat16s, 0, 0, 1)) EXPECT_EQ(bits(x), 0x7fc00000u);
}

template <class K> void CacheAppend::expect_chunks_agree() {
  using T = Arithmetic<K>;
  const Inputs<T> inputs(shape, 3);
  const Views<T> in = inputs.views();
  rapt::KvCache<K> whole = empty_cache<K>();
  append(whole, in, 0, n);
  const Result<T> expected = attend_causally(in.q, whole);
  for (const Index size : {1, 3, 16, 17, 64, 199, 0}) {
    SCOPED_TRACE(testing::Message() << "chunks of " << size);
    rapt::KvCache<K> together = empty_cache<K>(), apart = empty_cache<K>();
    Index first = 0;
    for (const Index last : ends_of_chunks(n, size)) {
      append(together, in, first, last);
      append(apart, 1, in, 1, first, last);
      first = last;
    }
    append(apart, 0, in, 0, 0, n);
    for (const rapt::KvCache<K>* cache : {&together, &apart}) {
      for (Index s = 0; s < 2; ++s) ASSERT_TRUE(same_bits(contents(*cache, s, 0, n), contents(whole, s, 0, n)));
      ASSERT_TRUE(same_bits(attend_causally(in.q, *cache), expected));
    }
  }
}
TEST_P(CacheAppend, ChunksDoNotChangeABit) {
  expect_chunks_agree<float>();
  expect_chunks_agree<double>();
  expect_chunks_agree<Eigen::half>();
  expect_chunks_agree<Eigen::bfloat16>();
}

template <class K> void CacheAppend::expect_prefill_is_decoding() {
  using T = Arithmetic<K>;
  const Inputs<T> inputs(shape, 4);
  const Views<T> in = inputs.views();
  rapt::KvCache<K> whole = empty_cache<K>();
  append(whole, in, 0, n);
  const Result<T> expected = attend_causally(in.q, whole);
  for (const Index size : {1, 3, 8, 9, 70, 0}) {
    rapt::KvCache<K> cache = empty_cache<K>();
    Index first = 0;
    for (const Index last : ends_of_chunks(n, size)) {
      append(cache, in, first, last);
      const View<const T> queries = positions(in.q, first, last);
      ASSERT_TRUE(same_rows(attend_causally(queries, cache), expected, first, last))
          << "from " << first << " to " << last;
      first = last;
    }
  }
}
TEST_P(CacheAppend, PrefillAtOnceInChunksAndTokenByTokenGiveTheSameBits) {
  expect_prefill_is_decoding<float>();
  expect_prefill_is_decoding<Eigen::bfloat16>();
}

/// The numbers of a view in memory order [batch, head, dim, position], and with gaps, backwards.
TEST_P(CacheAppend, TakesRowsFromAnyMemory) {
  const Inputs<float> inputs(shape, 5);
  const View<const float> k = inputs.views().k, v = inputs.views().v;
  rapt::KvCache<Eigen::half> expected = empty_cache<Eigen::half>(), cache = empty_cache<Eigen::half>();
  expected.append(k, v);
  std::vector<float> transposed(inputs.k.size()), backwards(3 * inputs.v.size());
  const View<float> k_there = rapt::bhds(transposed.data(), 2, 2, 21, n);
  const View<float> v_there = rapt::strided(backwards.data() + backwards.size() - 1, v.extent,
                                            {-3 * v.stride[0], -3 * v.stride[1], -3 * v.stride[2], -3});
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < n; ++i) {
        for (Index d = 0; d < 21; ++d) k_there(b, h, i, d) = k(b, h, i, d);
        for (Index d = 0; d < 19; ++d) v_there(b, h, i, d) = v(b, h, i, d);
      }
  cache.append(k_there, v_there);
  for (Index s = 0; s < 2; ++s) EXPECT_TRUE(same_bits(contents(cache, s, 0, n), contents(expected, s, 0, n)));
}

TEST_P(CacheAppend, NothingIsNothing) {
  const Inputs<float> inputs(shape, 6);
  rapt::KvCache<float> cache = empty_cache<float>();
  append(cache, inputs.views(), 0, 0);
  EXPECT_EQ(cache.length(0), 0);
  append(cache, inputs.views(), 0, n);
  append(cache, inputs.views(), n, n);  // full, and yet there is room for none
  EXPECT_EQ(cache.length(1), n);
}

/// Proposed, refused in part, and proposed again: speculative decoding.
template <class K> void expect_no_trace_of_what_was_truncated(Isa isa) {
  using T = Arithmetic<K>;
  const Shape shape{1, 4, 2, 5, 200, 9, 24};
  const Inputs<T> refused(shape, 7), accepted(shape, 8);
  rapt::KvCache<K> expected(cache_shape(shape, 200), isa);
  append(expected, accepted.views(), 0, 200);
  for (const Index kept : {0, 1, 15, 16, 63, 64, 65, 130, 199, 200}) {
    rapt::KvCache<K> cache(cache_shape(shape, 200), isa);
    append(cache, accepted.views(), 0, kept);
    append(cache, refused.views(), kept, 200);
    cache.truncate(0, kept);
    EXPECT_EQ(cache.length(0), kept);
    for (const rapt::Band& mask : {rapt::causal(), rapt::window(30, 0)}) {
      const Views<T> in = accepted.views();
      const Result<T> cut = attend<K>(in.q, cache.view(), mask, {.isa = isa});
      rapt::KvCache<K> fresh(cache_shape(shape, 200), isa);
      append(fresh, in, 0, kept);
      EXPECT_TRUE(same_bits(cut, attend<K>(in.q, fresh.view(), mask, {.isa = isa}))) << kept;
    }
    append(cache, accepted.views(), kept, 200);
    EXPECT_TRUE(same_bits(contents(cache, 0, 0, 200), contents(expected, 0, 0, 200))) << kept;
  }
}
TEST_P(CacheAppend, WhatIsTruncatedLeavesNoTrace) {
  expect_no_trace_of_what_was_truncated<float>(GetParam());
  expect_no_trace_of_what_was_truncated<Eigen::half>(GetParam());
}

/// One beginning, and two continuations of it that know nothing of each other.
template <class K> void expect_forks_go_their_own_ways(Isa isa) {
  using T = Arithmetic<K>;
  const Shape shape{3, 4, 2, 2, 150, 9, 24};
  const Inputs<T> inputs(shape, 9);
  const Views<T> in = inputs.views();
  for (const Index prefix : {0, 1, 16, 33, 64, 100}) {
    rapt::KvCache<K> cache(cache_shape(shape, 150), isa), expected(cache_shape(shape, 150), isa);
    append(cache, 0, in, 0, 0, 100);
    append(cache, 1, in, 2, 0, 140);  // is to be forgotten
    cache.fork(0, 1);
    cache.copy_prefix(0, 2, prefix);
    EXPECT_EQ(cache.length(1), 100);
    EXPECT_EQ(cache.length(2), prefix);
    for (Index s = 0; s < 3; ++s) {
      const Index begin = s == 2 ? prefix : 100;
      append(cache, s, in, s, begin, 150);
      append(expected, s, in, 0, 0, begin);
      append(expected, s, in, s, begin, 150);
    }
    for (Index s = 0; s < 3; ++s)
      EXPECT_TRUE(same_bits(contents(cache, s, 0, 150), contents(expected, s, 0, 150))) << s << ", " << prefix;
    const Options<T> options{.isa = isa};
    EXPECT_TRUE(same_bits(attend<K>(in.q, cache.view(), rapt::causal(), options),
                          attend<K>(in.q, expected.view(), rapt::causal(), options)));
  }
}
TEST_P(CacheAppend, ForksGoTheirOwnWays) {
  expect_forks_go_their_own_ways<float>(GetParam());
  expect_forks_go_their_own_ways<Eigen::bfloat16>(GetParam());
}

TEST_P(CacheAppend, APrefixOfItselfIsTheRestForgotten) {
  const Inputs<float> inputs(shape, 10);
  rapt::KvCache<float> cache = empty_cache<float>();
  append(cache, inputs.views(), 0, n);
  const std::vector<float> expected = contents(cache, 1, 0, 50);
  cache.copy_prefix(1, 1, 50);
  EXPECT_EQ(cache.length(1), 50);
  EXPECT_EQ(cache.length(0), n);
  EXPECT_TRUE(same_bits(contents(cache, 1, 0, 50), expected));
}

TEST_P(CacheAppend, AMovedCacheIsTheSame) {
  const Inputs<float> inputs(shape, 11);
  rapt::KvCache<float> cache = empty_cache<float>();
  append(cache, inputs.views(), 0, 100);
  const std::vector<float> expected = contents(cache, 1, 0, 100);
  rapt::KvCache<float> moved = std::move(cache);
  EXPECT_TRUE(same_bits(contents(moved, 1, 0, 100), expected));
  append(moved, inputs.views(), 100, n);
  EXPECT_EQ(moved.length(0), n);
}

RAPT_ON_EVERY_ISA(CacheAppend);

}  // namespace
}  // namespace rapt_test::cache_append_test
