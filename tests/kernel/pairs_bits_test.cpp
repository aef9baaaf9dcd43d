// Attention of bfloat16 has the bits of its contract on every instruction set, from everywhere that keys are kept; and
// is as near to the exact result as its roundings allow.
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/kv/pool.hpp"
#include "rapt/ragged.hpp"
#include "rapt/reference/pairs.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/scaling.hpp"
#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::pairs_bits_test {
namespace {

using Eigen::bfloat16;

class PairBits : public OnEveryPairIsa {};

/// The same numbers as bfloat16 and as floats, [batch, head, position, dim].
struct Both {
  Shape shape;
  Inputs<float> wide;
  std::vector<bfloat16> q, k, v;

  Both(const Shape& s, std::uint64_t seed) : shape(s), wide(s, seed) { narrow(); }

  void narrow() {
    const auto to = [](std::vector<float>& from) {
      std::vector<bfloat16> narrow;
      for (float& x : from) {
        narrow.push_back(static_cast<bfloat16>(x));
        x = static_cast<float>(narrow.back());
      }
      return narrow;
    };
    q = to(wide.q), k = to(wide.k), v = to(wide.v);
  }
  Views<bfloat16> views() const {
    return {rapt::bhsd(q.data(), shape.batch, shape.q_heads, shape.q_len, shape.head_dim),
            rapt::bhsd(k.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.head_dim),
            rapt::bhsd(v.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.value_dim)};
  }
};

template <class S> Result<float> by_contract(const Both& in, const S& score) {
  Result<float> result(in.shape);
  const Views<float> wide = in.wide.views();
  rapt::contract::attention_of_pairs(wide.q, wide.k, wide.v, result.out_view(), score, {.lse = result.lse_view()});
  return result;
}

/// The output is wanted as floats, so that no bit is hidden by its rounding.
template <class S>
Result<float> by_kernel(const Both& in, const S& score, Isa isa, rapt::Executor* executor = nullptr) {
  Result<float> result(in.shape);
  const Views<bfloat16> narrow = in.views();
  auto plan = rapt::plan(narrow.q, narrow.k, narrow.v, result.out_view(), score,
                         {.lse = result.lse_view(), .executor = executor, .isa = isa});
  plan.run();
  EXPECT_EQ(plan.isa(), isa);
  EXPECT_EQ(plan.ran(), isa);
  return result;
}

template <class S> void expect_the_contracts_bits(const Both& in, const S& score, Isa isa) {
  EXPECT_TRUE(same_bits(by_kernel(in, score, isa), by_contract(in, score))) << in.shape;
}

const Shape shapes[] = {
    {1, 1, 1, 1, 1, 8, 8},       {2, 4, 2, 70, 130, 16, 12},  {1, 2, 1, 5, 64, 13, 7},   {1, 8, 2, 3, 65, 40, 33},
    {1, 1, 1, 129, 63, 1, 1},    {1, 3, 3, 17, 1100, 24, 20}, {2, 6, 2, 1, 600, 32, 32}, {1, 1, 1, 64, 64, 128, 128},
    {1, 4, 1, 40, 77, 576, 512}, {1, 2, 2, 3, 0, 8, 8},
};

TEST_P(PairBits, AreTheContracts) {
  for (const Shape& s : shapes) {
    const Both in(s, 1);
    expect_the_contracts_bits(in, rapt::Plain{}, GetParam());
    expect_the_contracts_bits(in, rapt::causal(), GetParam());
    expect_the_contracts_bits(in, rapt::window(20, 3), GetParam());
  }
}

TEST_P(PairBits, AreTheContractsWithEveryKindOfStage) {
  const Both in({2, 4, 2, 70, 130, 16, 12}, 2);
  const std::vector<float> slopes = random_numbers<float>(4, 3), sinks = random_numbers<float>(4, 4);
  expect_the_contracts_bits(in, rapt::softcap(2.f) | rapt::alibi(slopes) | rapt::causal(), GetParam());
  expect_the_contracts_bits(in, rapt::causal() | rapt::sinks(sinks), GetParam());
  expect_the_contracts_bits(
      in, [](rapt::Coord c) { return (c.query * 7 + c.key) % 3 != 0; }, GetParam());
  expect_the_contracts_bits(
      in, [](float s, rapt::Coord c) { return c.key % 2 == 0 ? -s : s; }, GetParam());
}

/// Numbers so small that products and sums fall below the normal ones, and so large that they overflow.
TEST_P(PairBits, AreTheContractsAtTheEndsOfTheRange) {
  for (const float factor : {1e-19f, 3e-20f, 1e-30f, 1e15f, 1e25f}) {
    Both in({1, 2, 1, 33, 140, 17, 9}, 5);
    for (float& x : in.wide.q) x *= factor;
    for (float& x : in.wide.k) x *= factor;
    for (float& x : in.wide.v) x *= factor * 1e-18f;
    in.narrow();
    expect_the_contracts_bits(in, rapt::Plain{}, GetParam());
    expect_the_contracts_bits(in, rapt::causal(), GetParam());
  }
}

/// What is not attended to reaches nothing, whatever it is; what is attended to does.
TEST_P(PairBits, KeepOutWhatIsMasked) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  Both in({1, 2, 1, 70, 70, 8, 6}, 6);
  const View<float> k = in.wide.k_view(), v = in.wide.v_view();
  for (const Index key : {3, 17, 40, 69})
    for (Index d = 0; d < 6; ++d) {
      k(0, 0, key, d) = key % 2 == 0 ? nan : infinity;
      v(0, 0, key, d) = key % 2 == 0 ? -infinity : nan;
    }
  in.narrow();
  const auto others = [](rapt::Coord c) { return c.key != 3 && c.key != 17 && c.key != 40 && c.key != 69; };
  expect_the_contracts_bits(in, others, GetParam());
  expect_the_contracts_bits(in, rapt::causal(), GetParam());
  const Result<float> result = by_kernel(in, others, GetParam());
  for (const float x : result.out) EXPECT_TRUE(std::isfinite(x));
}

TEST_P(PairBits, DoNotDependOnThreadsChunksOrHomes) {
  const Both in({2, 4, 2, 40, 700, 24, 20}, 7);
  const Result<float> expected = by_contract(in, rapt::causal());
  ThreadExecutor threads(3);
  EXPECT_TRUE(same_bits(by_kernel(in, rapt::causal(), GetParam(), &threads), expected));
  const Views<bfloat16> narrow = in.views();
  const Views<float> wide = in.wide.views();
  rapt::KvCache<bfloat16> cache(cache_shape(in.shape, 720), GetParam());
  rapt::RingCache<bfloat16> ring(cache_shape(in.shape, 720), GetParam());
  rapt::PagePool<bfloat16> pool({.pages = 100, .kv_heads = 2, .head_dim = 24, .value_dim = 20});
  rapt::PagedCache<bfloat16> paged(pool, 2, 720, GetParam());
  cache.append(wide.k, wide.v), ring.append(wide.k, wide.v), paged.append(wide.k, wide.v);
  const auto expect_of = [&](const auto& home) {
    Result<float> result(in.shape);
    rapt::attention(narrow.q, home, result.out_view(), rapt::causal(), {.lse = result.lse_view(), .isa = GetParam()});
    EXPECT_TRUE(same_bits(result, expected));
    Result<float> chunks(in.shape);
    for (Index first = 0; first < 40; ++first) {  // as if decoded
      View<float> out = positions(chunks.out_view(), first, first + 1);
      rapt::attention(positions(narrow.q, first, first + 1), home, out, rapt::causal(rapt::align::offset(660 + first)),
                      {.isa = GetParam()});
    }
    EXPECT_TRUE(same_bits(chunks.out, expected.out));
  };
  expect_of(cache), expect_of(ring), expect_of(paged);
  const std::vector<Index> q_lengths{40, 40}, k_lengths{700, 700};
  Result<float> ragged(in.shape);
  rapt::attention(rapt::padded(narrow.q, q_lengths), rapt::padded(narrow.k, k_lengths),
                  rapt::padded(narrow.v, k_lengths), rapt::padded(ragged.out_view(), q_lengths), rapt::causal(),
                  {.isa = GetParam()});
  EXPECT_TRUE(same_bits(ragged.out, expected.out));
}

/// Views of any strides: pairs are put together from wherever their numbers stand.
TEST_P(PairBits, TakeAnyStrides) {
  const Both in({1, 2, 1, 20, 70, 12, 10}, 8);
  const auto transposed = [](const std::vector<bfloat16>& from, Index heads, Index n, Index d) {
    std::vector<bfloat16> to(from.size());
    for (Index h = 0; h < heads; ++h)
      for (Index i = 0; i < n; ++i)
        for (Index e = 0; e < d; ++e) to[at((h * d + e) * n + i)] = from[at((h * n + i) * d + e)];
    return to;
  };
  const auto q = transposed(in.q, 2, 20, 12), k = transposed(in.k, 1, 70, 12), v = transposed(in.v, 1, 70, 10);
  Result<float> result(in.shape);
  rapt::attention(rapt::bhds(q.data(), 1, 2, 12, 20), rapt::bhds(k.data(), 1, 1, 12, 70),
                  rapt::bhds(v.data(), 1, 1, 10, 70), result.out_view(), rapt::causal(),
                  {.lse = result.lse_view(), .isa = GetParam()});
  EXPECT_TRUE(same_bits(result, by_contract(in, rapt::causal())));
}

/// Exact arithmetic is that of the same numbers as floats; and the output is rounded once.
TEST_P(PairBits, AreThoseOfFloatsIfTheCallWantsItExact) {
  const Both in({2, 4, 2, 40, 70, 24, 20}, 9);
  const Views<bfloat16> narrow = in.views();
  const Views<float> wide = in.wide.views();
  Result<float> exact(in.shape), expected(in.shape);
  rapt::attention(narrow.q, narrow.k, narrow.v, exact.out_view(), rapt::causal(),
                  {.arithmetic = rapt::Arithmetic::exact, .isa = GetParam()});
  rapt::attention(wide.q, wide.k, wide.v, expected.out_view(), rapt::causal(), {.isa = GetParam()});
  EXPECT_TRUE(same_bits(exact.out, expected.out));
  std::vector<bfloat16> out(exact.out.size());
  const Result<float> pairs = by_kernel(in, rapt::causal(), GetParam());
  rapt::attention(narrow.q, narrow.k, narrow.v, rapt::bhsd(out.data(), 2, 4, 40, 20), rapt::causal(),
                  {.isa = GetParam()});
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(static_cast<float>(out[i]), static_cast<float>(static_cast<bfloat16>(pairs.out[i])));
}

/// Queries are turned in float, and rounded afterwards.
TEST_P(PairBits, RoundTurnedQueriesOnce) {
  Both in({1, 2, 2, 30, 30, 16, 12}, 10);
  const rapt::rope::Table<float> table(rapt::rope::standard(16), 40);
  Result<float> result(in.shape);
  const Views<bfloat16> narrow = in.views();
  rapt::attention(narrow.q, narrow.k, narrow.v, result.out_view(), rapt::causal(),
                  {.lse = result.lse_view(), .rope = &table, .isa = GetParam()});
  rapt::rope::rotate(in.wide.q_view(), table, {.isa = GetParam()});
  in.narrow();
  EXPECT_TRUE(same_bits(result, by_contract(in, rapt::causal())));
}

/// A weight of at most e^8 is off by half a last place, 2^-9 of itself; so is nothing else but by float's roundings.
/// The output is a mean of values by weights that are each off by so much: by 2 · 2^-9 of the largest value at most,
/// and what float adds is less than a hundredth of that here.
TEST_P(PairBits, AreNearToTheExactResult) {
  const Both in({1, 4, 2, 100, 300, 64, 48}, 11);
  const Result<float> result = by_kernel(in, rapt::causal(), GetParam());
  const Views<float> wide = in.wide.views();
  Result<float> exact(in.shape);
  rapt::attention(wide.q, wide.k, wide.v, exact.out_view(), rapt::causal(), {.isa = GetParam()});
  float largest = 0;
  for (const float x : in.wide.v) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < result.out.size(); ++i)
    ASSERT_NEAR(result.out[i], exact.out[i], largest * 0x1p-8f * 1.01f);
}

RAPT_ON_EVERY_PAIR_ISA(PairBits);

}  // namespace
}  // namespace rapt_test::pairs_bits_test
