// NaN and infinity in a cache: attended, they come out; masked, forgotten or behind the end, they can't.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/isas.hpp"

namespace rapt_test::cache_nonfinite_test {
namespace {

class CacheNonFinite : public OnEveryIsa {};

/// NaN, or an infinity: none of them may be added with a weight of 0.
constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

template <class T> void fill(Inputs<T>& inputs, T x) {
  inputs.k.assign(inputs.k.size(), x);
  inputs.v.assign(inputs.v.size(), x);
}

template <class K> void expect_no_trace_of_what_stands_behind_the_end(Isa isa, float x) {
  using T = Arithmetic<K>;
  for (const Index q_len : {1, 5, 20}) {
    const Shape shape{1, 3, 1, q_len, 640, 9, 19};
    const Inputs<T> inputs(shape, 1);
    Inputs<T> poison(shape, 1);
    fill(poison, static_cast<T>(x));
    rapt::KvCache<K> cache(cache_shape(shape, 640), isa);
    cache.append(poison.views().k, poison.views().v);
    for (const Index length : {1, 15, 17, 63, 64, 65, 513, 600}) {
      cache.truncate(0, 0);
      rapt::KvCache<K> fresh(cache_shape(shape, 640), isa);
      for (rapt::KvCache<K>* filled : {&cache, &fresh})
        filled->append(positions(inputs.views().k, 0, length), positions(inputs.views().v, 0, length));
      for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(10, 3))})
        ASSERT_TRUE(same_bits(attend<K>(inputs.views().q, cache.view(), mask, {.isa = isa}),
                              attend<K>(inputs.views().q, fresh.view(), mask, {.isa = isa})))
            << x << ", " << shape << ", length " << length << ", mask " << describe(mask);
      cache.truncate(0, 0);
      cache.append(poison.views().k, poison.views().v);
    }
  }
}
TEST_P(CacheNonFinite, BehindTheEndHaveNoEffect) {
  for (const float x : {nan, infinity, -infinity}) {
    expect_no_trace_of_what_stands_behind_the_end<float>(GetParam(), x);
    expect_no_trace_of_what_stands_behind_the_end<Eigen::half>(GetParam(), x);
  }
}

/// The ring's first positions are NaN; then come as many finite ones as it takes for no query to see those.
template <class K> void expect_no_trace_of_what_is_out_of_the_window(Isa isa) {
  const Shape shape{1, 3, 1, 10, 500, 9, 19};
  const Inputs<float> inputs(shape, 2);
  Inputs<float> poisoned = inputs;
  for (Index i = 0; i < 130; ++i) {
    for (Index d = 0; d < 9; ++d) poisoned.k_view()(0, 0, i, d) = nan;
    for (Index d = 0; d < 19; ++d) poisoned.v_view()(0, 0, i, d) = nan;
  }
  rapt::RingCache<K> ring(cache_shape(shape, 64), isa);
  rapt::KvCache<K> clean(cache_shape(shape, 500), isa);
  for (Index end = 1; end <= 330; ++end) {
    ring.append(positions(poisoned.views().k, end - 1, end), positions(poisoned.views().v, end - 1, end));
    clean.append(positions(inputs.views().k, end - 1, end), positions(inputs.views().v, end - 1, end));
    for (const Index queries : {1, 10}) {
      const Index left = std::min<Index>(end - 130, 64) - queries;  // the first query is `left` after what it may see
      if (left < 0 || (left == 64 - queries && end % 5 != 0)) continue;
      const View<const float> q = positions(inputs.views().q, 0, queries);
      const rapt::Band mask = rapt::window(left, 0);
      ASSERT_TRUE(
          same_bits(attend<K>(q, ring.view(), mask, {.isa = isa}), attend<K>(q, clean.view(), mask, {.isa = isa})))
          << queries << " queries at " << end;
    }
  }
}
TEST_P(CacheNonFinite, OutOfTheWindowHaveNoEffect) {
  expect_no_trace_of_what_is_out_of_the_window<float>(GetParam());
  expect_no_trace_of_what_is_out_of_the_window<Eigen::bfloat16>(GetParam());
}

/// NaN in the key or the value of one position reaches the rows that attend to it, and no other's bits.
template <class K> void expect_only_attending_rows_poisoned(Isa isa, bool in_key, const Mask& mask) {
  const Shape shape{1, 2, 1, 40, 200, 9, 19};
  const Inputs<float> inputs(shape, 3);
  for (const Index queries : {1, 7, 40})
    for (const Index position : {0, 127, 160, 161, 170, 199}) {
      Inputs<float> poisoned = inputs;
      (in_key ? poisoned.k_view() : poisoned.v_view())(0, 0, position, 4) = nan;
      const View<const float> q = positions(inputs.views().q, 0, queries);
      const Shape asked{1, 2, 1, queries, 200, 9, 19};
      const auto found = attend<K>(q, cache_of<K>(poisoned.views(), isa).view(), mask, {.isa = isa}),
                 clean = attend<K>(q, cache_of<K>(inputs.views(), isa).view(), mask, {.isa = isa});
      for (Index h = 0; h < 2; ++h)
        for (Index i = 0; i < queries; ++i) {
          if (attends(mask, asked, i, position)) {
            for (Index d = 0; d < 19; ++d)
              ASSERT_EQ(std::isnan(found.row(0, h, i)[d]), in_key || d == 4) << "row " << i << ", key " << position;
            ASSERT_EQ(std::isnan(found.lse_of(0, h, i)), in_key);
          } else {
            ASSERT_TRUE(same_bits(found.row(0, h, i), clean.row(0, h, i), 19)) << "row " << i << ", key " << position;
            ASSERT_EQ(bits(found.lse_of(0, h, i)), bits(clean.lse_of(0, h, i)));
          }
        }
    }
}
TEST_P(CacheNonFinite, ReachTheRowsThatAttendToThemAndNoOthers) {
  for (const bool in_key : {true, false})
    for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(20, 2))}) {
      SCOPED_TRACE(std::string(in_key ? "a key, mask " : "a value, mask ") + describe(mask));
      expect_only_attending_rows_poisoned<float>(GetParam(), in_key, mask);
      expect_only_attending_rows_poisoned<Eigen::half>(GetParam(), in_key, mask);
    }
}

/// What doesn't fit into a half is an infinity, in memory as in the cache.
TEST_P(CacheNonFinite, AreWhatTheRoundingMakesOfLargeNumbers) {
  const Shape shape{1, 2, 1, 3, 70, 8, 8};
  Inputs<float> inputs(shape, 4);
  for (std::size_t i = 0; i < inputs.v.size(); i += 5) inputs.v[i] *= 60000;
  Inputs<float> rounded = inputs;
  for (std::vector<float>* numbers : {&rounded.k, &rounded.v})
    for (float& x : *numbers) x = static_cast<float>(Eigen::half(x));
  const Options<float> options{.isa = GetParam()};
  EXPECT_TRUE(same_bits(attend<Eigen::half>(inputs.views().q, cache_of<Eigen::half>(inputs.views(), GetParam()).view(),
                                            rapt::causal(), options),
                        attend_by_contract(rounded.views(), rapt::causal())));
}

RAPT_ON_EVERY_ISA(CacheNonFinite);

}  // namespace
}  // namespace rapt_test::cache_nonfinite_test
