// Every pair of score changes, one after the other in either order, has the bits of its two steps, each rounded: in the
// scalar code of the stages, and in the kernels of every instruction set.
//
// A compiler may make one operation of a product and of a sum that it is added to, where the CPU has that: so this file
// is compiled for a CPU that does (tests/CMakeLists.txt), and scalar code and portable kernels are put to that test
// too.
#include <Eigen/Core>
#include <cmath>
#include <rapt/rapt.hpp>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/tensors.hpp"

namespace rapt_test::changes_test {

/// Where the scores of a tile stand.
struct Tile {
  std::int32_t batch, first_key, first_query;
  const std::int32_t *head, *position;  // of the lanes; a row is lane 0
  Index count;                          // of keys
};

/// What a region makes of the scores of a tile: [key][lane], and of one row, [key].
template <class T, class S> struct Changes {
  int lanes;
  void (*lanes_of)(const S& stage, const Tile& tile, T* scores);
  void (*row_of)(const S& stage, const Tile& tile, T* scores);
};

}  // namespace rapt_test::changes_test

#define RAPT_EACH_REGION "fused/changes-inl.hpp"
#include "rapt/isa/each_region.hpp"

namespace rapt_test::changes_test {
namespace {

using rapt::Coord;

constexpr Index heads = 4, queries = 90, keys = 128;
constexpr int most_lanes = 64;

template <class T> std::vector<T> random_numbers(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> all(at(count));
  for (T& x : all) x = static_cast<T>(random.normal());
  return all;
}

/// Calls f with each of the library's score changes, of the kinds that a call in T takes in differently.
template <class T, class F> void each_change(F f) {
  static const std::vector<float> slopes = rapt::alibi_slopes(heads);
  static const std::vector<T> factors = random_numbers<T>(heads, 1),
                              biases = random_numbers<T>(heads * queries * keys, 2),
                              table = random_numbers<T>(heads * 61, 3);
  f(rapt::softcap(1.7));
  f(rapt::alibi(slopes));
  f(rapt::bias(rapt::bhsd(biases.data(), 1, heads, queries, keys)));
  f(rapt::relative_bias(rapt::row_major(table.data(), heads, 61), 40, 20));
  f(rapt::scale_by_head(factors));
}

/// One step, rounded: nothing is known of the score, nor of what becomes of what it comes to.
template <class T, class S> RAPT_NOINLINE T rounded(const S& stage, T score, const Coord& c) {
  volatile T in = score;
  volatile T out = rapt::detail::changed<T>(stage, in, c);
  return out;
}

template <class T, class A, class B> void expect_rounded_steps(const A& a, const B& b, Isa isa) {
  using namespace rapt;  // for RAPT_OF_REGION
  const auto both = a | b;
  using Both = std::remove_const_t<decltype(both)>;
  SCOPED_TRACE(both.describe());
  const Changes<T, Both> changes = RAPT_OF_REGION(isa, changes_of_region<T, Both>());
  ASSERT_LE(changes.lanes, most_lanes);
  std::int32_t head[most_lanes], position[most_lanes];
  const std::int32_t first_query = 38;
  for (int i = 0; i < changes.lanes; ++i) head[i] = i % 4, position[i] = first_query + i;
  for (const Index count : {Index(64), Index(29)}) {
    const Tile tile{0, 64, first_query, head, position, count};
    std::vector<T> lanes = random_numbers<T>(64 * changes.lanes, 4), row = random_numbers<T>(64, 5);
    std::vector<T> expected_lanes = lanes, scalar_lanes = lanes, expected_row = row, scalar_row = row;
    for (Index j = 0; j < count; ++j)
      for (int i = 0; i < changes.lanes; ++i) {
        const Coord c = detail::coord(0, head[i], position[i], tile.first_key + j, position[i] - first_query);
        T& x = expected_lanes[at(j * changes.lanes + i)];
        x = rounded(b, rounded(a, x, c), c);
        T& scalar = scalar_lanes[at(j * changes.lanes + i)];
        scalar = detail::changed<T>(both, scalar, c);
        if (i != 0) continue;
        expected_row[at(j)] = rounded(b, rounded(a, expected_row[at(j)], c), c);
        scalar_row[at(j)] = detail::changed<T>(both, scalar_row[at(j)], c);
      }
    EXPECT_TRUE(same_bits(scalar_lanes, expected_lanes)) << "scalar code";
    EXPECT_TRUE(same_bits(scalar_row, expected_row)) << "scalar code";
    changes.lanes_of(both, tile, lanes.data());
    changes.row_of(both, tile, row.data());
    EXPECT_TRUE(same_bits(lanes.data(), expected_lanes.data(), count * changes.lanes)) << "queries in the lanes";
    EXPECT_TRUE(same_bits(row.data(), expected_row.data(), count)) << "keys in the lanes";
  }
}

class FusedChanges : public OnEveryIsa {
 protected:
  template <class T> void expect_pairs() {
    each_change<T>(
        [&](const auto& a) { each_change<T>([&](const auto& b) { expect_rounded_steps<T>(a, b, GetParam()); }); });
  }
};

/// The test of the test: without a fused operation at hand, scalar code can't go wrong.
TEST(FusedChangesInScalarCode, AreCompiledForACpuThatFuses) {
#if !defined(__FP_FAST_FMA) && !defined(__FMA__) && !defined(__aarch64__)
  GTEST_SKIP() << "this CPU has no fused multiply-add";
#endif
}

TEST_P(FusedChanges, InPairsAreTwoStepsInFloat) { expect_pairs<float>(); }
TEST_P(FusedChanges, InPairsAreTwoStepsInDouble) { expect_pairs<double>(); }

/// All of them, from keys to outputs, by the contract's transcription as it is compiled here.
TEST_P(FusedChanges, OfAllOneAfterTheOtherHaveTheContractsBits) {
  const std::vector<float> slopes = rapt::alibi_slopes(heads), factors = random_numbers<float>(heads, 1),
                           biases = random_numbers<float>(heads * queries * keys, 2),
                           table = random_numbers<float>(heads * 61, 3);
  const auto all = rapt::scale_by_head(factors) | rapt::bias(rapt::bhsd(biases.data(), 1, heads, queries, keys)) |
                   rapt::softcap(1.7) | rapt::relative_bias(rapt::row_major(table.data(), heads, 61), 40, 20) |
                   rapt::alibi(slopes);
  const Inputs<float> inputs({1, heads, 2, queries, keys, 20, 12}, 6);
  const Views<float> in = inputs.views();
  Result<float> found(inputs.shape), expected(inputs.shape);
  rapt::attention(in.q, in.k, in.v, found.out_view(), all, {.lse = found.lse_view(), .isa = GetParam()});
  rapt::contract::attention(in.q, in.k, in.v, expected.out_view(), all, Options<float>{.lse = expected.lse_view()});
  EXPECT_TRUE(same_bits(found, expected));
}

RAPT_ON_EVERY_ISA(FusedChanges);

}  // namespace
}  // namespace rapt_test::changes_test
