// Caches of 8-bit floating point, with scales of heads: the bits of the contract, whatever the number of queries and
// wherever the cache is.
#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/kv/pool.hpp"
#include "rapt/observe/observe.hpp"
#include "rapt/reference/scaled.hpp"
#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::fp8_cache_test {
namespace {

using rapt::fp8_e4m3, rapt::fp8_e5m2;

class Fp8Caches : public OnEveryIsa {
 protected:
  const std::vector<float> key_scales_ = {0.7f, 3}, value_scales_ = {0.01f, 1.3f};

  rapt::CacheShape shaped(const Shape& s) const {
    rapt::CacheShape shape = cache_shape(s, std::max<Index>(s.kv_len, 1));
    shape.key_scales = key_scales_;
    shape.value_scales = value_scales_;
    return shape;
  }

  /// The numbers that are kept, before they are multiplied with the scales.
  template <class F>
  static std::vector<float> kept(const std::vector<float>& x, const Shape& s, Index dim,
                                 const std::vector<float>& scales) {
    std::vector<float> numbers;
    for (std::size_t i = 0; i < x.size(); ++i) {
      F narrow{};
      const std::size_t head = i / at(s.kv_len * dim) % at(s.kv_heads);
      rapt::detail::narrow(x[i] / scales[head], narrow);
      numbers.push_back(rapt::detail::widened(narrow));
    }
    return numbers;
  }
  template <class K, class V, class S> Result<float> by_contract(const Inputs<float>& in, const S& score) const {
    Inputs<float> codes(in);
    codes.k = kept<K>(in.k, in.shape, in.shape.head_dim, key_scales_);
    codes.v = kept<V>(in.v, in.shape, in.shape.value_dim, value_scales_);
    Result<float> result(in.shape);
    rapt::contract::attention_of_scaled(in.views().q, codes.views().k, codes.views().v, key_scales_, value_scales_,
                                        result.out_view(), score, {.lse = result.lse_view()});
    return result;
  }
  template <class Cache, class S>
  Result<float> by_kernel(const Inputs<float>& in, const Cache& cache, const S& score,
                          rapt::Executor* executor = nullptr) const {
    Result<float> result(in.shape);
    rapt::attention(in.views().q, cache, result.out_view(), score,
                    {.lse = result.lse_view(), .executor = executor, .isa = GetParam()});
    return result;
  }
  template <class K, class V, class S> void expect_the_contracts(const Inputs<float>& in, const S& score) const {
    rapt::KvCache<K, V> cache(shaped(in.shape), GetParam());
    cache.append(in.views().k, in.views().v);
    EXPECT_TRUE(same_bits(by_kernel(in, cache, score), (by_contract<K, V>(in, score)))) << in.shape;
  }
};

/// Few queries, and many; spans and tiles cut short; dims that fill registers and that don't.
TEST_P(Fp8Caches, HaveTheContractsBits) {
  for (const Shape& s : {Shape{2, 4, 2, 1, 70, 32, 16}, Shape{1, 8, 2, 5, 1100, 40, 33},
                         Shape{1, 2, 2, 100, 600, 24, 20}, Shape{1, 4, 2, 3, 0, 8, 8}, Shape{1, 2, 2, 70, 63, 1, 1}}) {
    const Inputs<float> in(s, 1);
    expect_the_contracts<fp8_e4m3, fp8_e4m3>(in, rapt::causal());
    expect_the_contracts<fp8_e5m2, fp8_e5m2>(in, rapt::causal());
    expect_the_contracts<fp8_e4m3, fp8_e5m2>(in, rapt::softcap(3) | rapt::window(90, 0));
  }
}

TEST_P(Fp8Caches, AreTheSameWhereverTheyAreAndHoweverTheWorkIsCut) {
  const Inputs<float> in({1, 4, 2, 3, 1100, 40, 48}, 2);
  const Result<float> expected = by_contract<fp8_e4m3, fp8_e4m3>(in, rapt::causal());
  ThreadExecutor threads(3);
  rapt::KvCache<fp8_e4m3> cache(shaped(in.shape), GetParam());
  cache.append(in.views().k, in.views().v);
  EXPECT_TRUE(same_bits(by_kernel(in, cache, rapt::causal(), &threads), expected));
  rapt::PagePool<fp8_e4m3> pool({.pages = 80,
                                 .page_size = 16,
                                 .kv_heads = 2,
                                 .head_dim = 40,
                                 .value_dim = 48,
                                 .key_scales = key_scales_,
                                 .value_scales = value_scales_});
  rapt::PagedCache<fp8_e4m3> paged(pool, 1, 1200, GetParam());
  for (Index i = 0; i < 1100; i += 100)
    paged.append(positions(in.views().k, i, i + 100), positions(in.views().v, i, i + 100));
  EXPECT_TRUE(same_bits(by_kernel(in, paged, rapt::causal()), expected));
  EXPECT_TRUE(same_bits(contents(paged, 0, 0, 1100), contents(cache, 0, 0, 1100)));
}

/// Infinite numbers saturate, and NaN stays one; masked, it reaches nothing.
TEST_P(Fp8Caches, KeepNaN) {
  Inputs<float> in({1, 2, 2, 1, 40, 16, 16}, 3);
  in.v_view()(0, 0, 7, 3) = std::nanf("");
  rapt::KvCache<fp8_e4m3> cache(shaped(in.shape), GetParam());
  cache.append(in.views().k, in.views().v);
  Result<float> result = by_kernel(in, cache, rapt::causal());
  EXPECT_TRUE(std::isnan(result.out_view()(0, 0, 0, 3)));
  result = by_kernel(in, cache, [](rapt::Coord c) { return c.key != 7; });
  for (Index d = 0; d < 16; ++d) EXPECT_TRUE(std::isfinite(result.out_view()(0, 0, 0, d)));
}

/// What queries look at is what they attend to.
TEST_P(Fp8Caches, AreObserved) {
  const Inputs<float> in({1, 2, 2, 3, 40, 16, 16}, 4);
  rapt::KvCache<fp8_e4m3> cache(shaped(in.shape), GetParam());
  cache.append(in.views().k, in.views().v);
  Inputs<float> stored(in);
  cache.read_keys(0, 0, stored.k_view());
  std::vector<float> scores(at(2 * 3 * 40)), expected(scores.size());
  rapt::scores(in.views().q, cache, rapt::bhsd(scores.data(), 1, 2, 3, 40), {.isa = GetParam()});
  rapt::scores(in.views().q, stored.views().k, rapt::bhsd(expected.data(), 1, 2, 3, 40), {.isa = GetParam()});
  // A scale that is no power of two is rounded into the query there, and into the key here: twice half a last place of
  // each of 16 products, none of which is larger than 16.
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], expected[i], 2 * 16 * 16 * 0x1p-24);
}

TEST(Fp8Shapes, AreRefusedInWords) {
  const std::vector<float> one = {1}, wrong = {1, -2};
  EXPECT_EQ(refusal([&] { rapt::KvCache<fp8_e4m3>({.kv_heads = 2, .capacity = 8, .head_dim = 8, .key_scales = one}); }),
            "rapt: key_scales: its size is 1; it has to be 2, as in the shape: kv_heads");
  EXPECT_EQ(
      refusal([&] { rapt::KvCache<fp8_e4m3>({.kv_heads = 2, .capacity = 8, .head_dim = 8, .value_scales = wrong}); }),
      "rapt: value_scales: scale 1 is -2; it has to be more than 0, and finite");
  EXPECT_EQ(
      refusal([&] { rapt::KvCache<rapt::int8>({.kv_heads = 1, .capacity = 8, .head_dim = 8, .key_scales = one}); }),
      "rapt: key_scales: is set; it has to be unset: only fp8_e4m3 and fp8_e5m2 have a scale a head");
}

RAPT_ON_EVERY_ISA(Fp8Caches);

}  // namespace
}  // namespace rapt_test::fp8_cache_test
