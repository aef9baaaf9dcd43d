// Attention to keys and values that a cache keeps as codes has the bits of its contract on every instruction set,
// however a cache came to hold them and however the work is cut; and is near to that of the numbers that the codes
// stand for.
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/kv/pool.hpp"
#include "rapt/ragged.hpp"
#include "rapt/reference/attention.hpp"
#include "rapt/reference/integers.hpp"
#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::code_bits_test {
namespace {

using rapt::int8, rapt::q4_0, rapt::q4_1, rapt::q5_0, rapt::q5_1, rapt::q8_0;

class CodeBits : public OnEveryQuadIsa {
 protected:
  template <class K, class V, class S> Result<float> by_contract(const Inputs<float>& in, const S& score) const {
    Result<float> result(in.shape);
    const Views<float> views = in.views();
    rapt::contract::attention_of_codes<K, V>(views.q, views.k, views.v, result.out_view(), score,
                                             {.lse = result.lse_view()});
    return result;
  }
  template <class Cache, class S>
  Result<float> by_kernel(const Inputs<float>& in, const Cache& cache, const S& score,
                          rapt::Executor* executor = nullptr) const {
    Result<float> result(in.shape);
    auto plan = rapt::plan(in.views().q, cache, result.out_view(), score,
                           {.lse = result.lse_view(), .executor = executor, .isa = GetParam()});
    plan.run();
    EXPECT_EQ(plan.isa(), GetParam());
    EXPECT_EQ(plan.ran(), GetParam());
    return result;
  }
  template <class K, class V, class S> void expect_the_contracts(const Inputs<float>& in, const S& score) const {
    rapt::KvCache<K, V> cache(cache_shape(in.shape, std::max<Index>(in.shape.kv_len, 1)), GetParam());
    cache.append(in.views().k, in.views().v);
    EXPECT_TRUE(same_bits(by_kernel(in, cache, score), (by_contract<K, V>(in, score)))) << in.shape;
  }
  template <class S> void expect_of_every_format(const Inputs<float>& in, const S& score) const {
    expect_the_contracts<int8, int8>(in, score);
    expect_the_contracts<q8_0, q8_0>(in, score);
    expect_the_contracts<q4_0, q4_0>(in, score);
    expect_the_contracts<q4_1, q4_1>(in, score);
    expect_the_contracts<q5_0, q5_0>(in, score);
    expect_the_contracts<q5_1, q5_1>(in, score);
  }
};

/// One query and many, head_dims that fill groups and registers and that don't, no key, tiles and spans cut short.
const Shape shapes[] = {
    {1, 1, 1, 1, 1, 8, 8},      {2, 4, 2, 3, 70, 32, 16},   {1, 8, 2, 5, 130, 40, 33}, {1, 1, 1, 70, 63, 1, 1},
    {1, 2, 2, 17, 600, 64, 72}, {1, 2, 1, 2, 65, 576, 520}, {1, 2, 2, 3, 0, 8, 8},     {1, 3, 1, 1, 1030, 24, 20},
};

TEST_P(CodeBits, AreTheContracts) {
  for (const Shape& s : shapes) {
    const Inputs<float> in(s, 1);
    expect_of_every_format(in, rapt::causal());
  }
  expect_of_every_format(Inputs<float>({2, 4, 2, 3, 150, 32, 40}, 2), rapt::Plain{});
}

TEST_P(CodeBits, AreTheContractsOfKeysAndValuesOfTheirOwn) {
  const Inputs<float> in({2, 4, 2, 5, 150, 40, 48}, 3);
  expect_the_contracts<q8_0, q4_0>(in, rapt::causal());
  expect_the_contracts<int8, q5_1>(in, rapt::causal());
  expect_the_contracts<q4_1, int8>(in, rapt::window(60, 0));
  expect_the_contracts<int8, float>(in, rapt::causal());
  expect_the_contracts<float, q8_0>(in, rapt::causal());
}

TEST_P(CodeBits, AreTheContractsWithEveryKindOfStage) {
  const Inputs<float> in({2, 4, 2, 20, 140, 32, 32}, 4);
  const std::vector<float> slopes = random_numbers<float>(4, 3), sinks = random_numbers<float>(4, 4);
  const auto expect = [&](const auto& score) {
    expect_the_contracts<int8, int8>(in, score);
    expect_the_contracts<q4_1, q5_0>(in, score);
  };
  expect(rapt::softcap(2.f) | rapt::alibi(slopes) | rapt::causal());
  expect(rapt::causal() | rapt::sinks(sinks));
  expect(rapt::window(20, 3));
  expect([](rapt::Coord c) { return (c.query * 7 + c.key) % 3 != 0; });
  expect([](float s, rapt::Coord c) { return c.key % 2 == 0 ? -s : s; });
}

/// Numbers whose scales are denormal or overflow a half, and queries that count as 0 or overflow.
TEST_P(CodeBits, AreTheContractsAtTheEndsOfTheRange) {
  for (const float factor : {1e-38f, 1e-32f, 1e-20f, 1e-6f, 1e5f, 1e18f, 1e37f}) {
    Inputs<float> in({1, 2, 1, 3, 140, 40, 33}, 5);
    for (float& x : in.q) x *= factor;
    for (float& x : in.k) x *= factor;
    for (float& x : in.v) x *= factor;
    expect_of_every_format(in, rapt::causal());
  }
}

/// What is not attended to reaches nothing, whatever it is; what is attended to does.
TEST_P(CodeBits, KeepOutWhatIsMasked) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  Inputs<float> in({1, 2, 1, 70, 70, 32, 40}, 6);
  for (const Index key : {3, 17, 40, 69}) {
    in.k_view()(0, 0, key, 5) = key % 2 == 0 ? nan : infinity;
    in.v_view()(0, 0, key, 7) = key % 2 == 0 ? infinity : nan;
  }
  const auto others = [](rapt::Coord c) { return c.key != 3 && c.key != 17 && c.key != 40 && c.key != 69; };
  expect_of_every_format(in, others);
  expect_of_every_format(in, rapt::causal());
  in.q[40] = nan;
  expect_of_every_format(in, rapt::causal());
  rapt::KvCache<q8_0> cache(cache_shape(in.shape, 70), GetParam());
  cache.append(in.views().k, in.views().v);
  Result<float> result = by_kernel(in, cache, others);
  for (Index d = 0; d < 40; ++d) EXPECT_TRUE(std::isfinite(result.out_view()(0, 0, 5, d)));
}

/// Whatever the threads, and the number of queries at once.
TEST_P(CodeBits, AreTheSameHoweverTheWorkIsCut) {
  const Inputs<float> in({1, 4, 2, 40, 1100, 40, 40}, 7);
  rapt::KvCache<int8, q4_1> cache(cache_shape(in.shape, 1100), GetParam());
  cache.append(in.views().k, in.views().v);
  Result<float> alone = by_kernel(in, cache, rapt::causal());
  EXPECT_TRUE(same_bits(alone, (by_contract<int8, q4_1>(in, rapt::causal()))));
  ThreadExecutor threads(3);
  ReverseExecutor seven(7);
  EXPECT_TRUE(same_bits(by_kernel(in, cache, rapt::causal(), &threads), alone));
  EXPECT_TRUE(same_bits(by_kernel(in, cache, rapt::causal(), &seven), alone));
  // A query at a time, and with threads that share its keys out.
  for (const Index i : {0, 17, 39}) {
    const View<const float> q = positions(in.views().q, i, i + 1);
    Result<float> one({1, 4, 2, 1, 1100, 40, 40});
    rapt::attention(q, cache, one.out_view(), rapt::causal(rapt::align::offset(1060 + i)),
                    {.executor = &seven, .isa = GetParam()});
    for (Index h = 0; h < 4; ++h)
      for (Index d = 0; d < 40; ++d) EXPECT_EQ(one.out_view()(0, h, 0, d), alone.out_view()(0, h, i, d)) << i;
  }
}

/// Chunks, rings, pages and copies hold the same codes.
TEST_P(CodeBits, AreTheSameWhereverTheyAreKept) {
  const Inputs<float> in({2, 4, 2, 3, 150, 40, 48}, 8);
  const Views<float> views = in.views();
  rapt::KvCache<q5_1, int8> whole(cache_shape(in.shape, 150), GetParam());
  whole.append(views.k, views.v);
  const Result<float> expected = by_kernel(in, whole, rapt::window(70, 0));
  EXPECT_TRUE(same_bits(expected, (by_contract<q5_1, int8>(in, rapt::window(70, 0)))));

  rapt::RingCache<q5_1, int8> ring(cache_shape(in.shape, 80), GetParam());
  rapt::PagePool<q5_1, int8> pool({.pages = 30, .page_size = 16, .kv_heads = 2, .head_dim = 40, .value_dim = 48});
  rapt::PagedCache<q5_1, int8> paged(pool, 2, 160, GetParam());
  for (Index i = 0; i < 150; i += 7) {
    const auto k = positions(views.k, i, std::min<Index>(i + 7, 150)),
               v = positions(views.v, i, std::min<Index>(i + 7, 150));
    ring.append(k, v);
    paged.append(k, v);
  }
  EXPECT_TRUE(same_bits(by_kernel(in, ring, rapt::window(70, 0)), expected));
  EXPECT_TRUE(same_bits(by_kernel(in, paged, rapt::window(70, 0)), expected));
  const std::vector<std::int32_t> turned = {1, 0};
  rapt::KvCache<q5_1, int8> other(cache_shape(in.shape, 150), GetParam());
  other.append(turned, views.k, views.v);
  EXPECT_TRUE(same_bits(by_kernel(in, other.view(turned), rapt::window(70, 0)), expected));
  other.copy_prefix(1, 0, 150);
  EXPECT_TRUE(same_bits(contents(other, 0, 0, 150), contents(whole, 0, 0, 150)));
}

/// The arithmetic adds to the codes' own error a hundredth of that or less: queries and weights are rounded to one part
/// in 65278 of their largest, at most, so that a score is off by head_dim · |q| · |k| / 65278, …
TEST_P(CodeBits, AreNearToTheNumbersThatTheCodesStandFor) {
  const Inputs<float> in({1, 4, 2, 5, 300, 64, 64}, 9);
  const auto expect_near = [&]<class K>(K) {
    rapt::KvCache<K> cache(cache_shape(in.shape, 300), GetParam());
    cache.append(in.views().k, in.views().v);
    Inputs<float> kept(in);
    cache.read_keys(0, 0, kept.k_view());
    cache.read_values(0, 0, kept.v_view());
    Result<double> exact(in.shape);
    const Inputs<double> wide(kept);
    rapt::reference::attention(wide.views().q, wide.views().k, wide.views().v, exact.out_view(), rapt::causal());
    const Result<float> result = by_kernel(in, cache, rapt::causal());
    float most_q = 0, most_k = 0, most_v = 0;
    for (const float x : in.q) most_q = std::max(most_q, std::abs(x));
    for (const float x : kept.k) most_k = std::max(most_k, std::abs(x));
    for (const float x : kept.v) most_v = std::max(most_v, std::abs(x));
    // Half a step of the largest query, for each dim, makes a score wrong by this at most, and a weight by as large a
    // part of it; a weight itself by half a step of the largest of its tile, of which there are five. Values are mixed
    // of that, twice, as the weights' sum is wrong as well. Rounding in float is less than a tenth of it.
    const double step = 0.5 / rapt::contract::most_digits, scores = 64 * most_q * step * most_k / 8;
    const double bound = 1.1 * most_v * (2 * scores + 300 * step * 2);
    for (std::size_t i = 0; i < result.out.size(); ++i) EXPECT_NEAR(result.out[i], exact.out[i], bound);
  };
  expect_near(int8{}), expect_near(q8_0{}), expect_near(q4_0{}), expect_near(q4_1{}), expect_near(q5_0{}),
      expect_near(q5_1{});
}

RAPT_ON_EVERY_QUAD_ISA(CodeBits);

}  // namespace
}  // namespace rapt_test::code_bits_test
