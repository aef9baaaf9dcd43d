// Every instruction set gives the bits of the contract's scalar transcription, over the shapes, heads, masks and scales
// there are.
#include <array>
#include <set>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::forward_bits_test {
namespace {

constexpr std::array<Index, 16> lengths = {0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1100};
constexpr std::array<Index, 13> dims = {1, 2, 3, 7, 8, 16, 17, 64, 96, 128, 200, 256, 576};
constexpr std::array<Index, 6> groups = {1, 2, 3, 4, 8, 1};

std::vector<Mask> masks() {
  using namespace rapt;
  return {Plain{},
          causal(),
          causal(align::top_left),
          causal(align::offset(40)),
          causal(align::offset(-20)),
          window(100, 0),
          window(0, 0),
          window(-1, 30),
          window(70, 200, align::top_left),
          window(5, -1) | causal(align::offset(600)),
          causal() | window(64, 64),
          window(10, 10, align::offset(5000)),
          Plain{align::top_left}};
}

struct Case {
  Shape shape;
  Mask mask;
  std::optional<double> scale;
};

/// What one case may cost: the scalar transcription takes a few nanoseconds for each multiplication.
constexpr Index affordable = 4'000'000;

/// Each mask with each number of keys. The other extents go round their lists at paces that have nothing in common, and
/// are cut down where a case would cost too much.
std::vector<Case> grid() {
  std::vector<Case> cases;
  Index turn = 0;
  for (const Mask& mask : masks())
    for (const Index kv_len : lengths) {
      const auto pick = [&](const auto& list, Index pace) {
        return list[at(turn * pace % static_cast<Index>(list.size()))];
      };
      ++turn;
      Case c{{}, mask, {}};
      c.shape.batch = 1 + turn % 2;
      c.shape.kv_heads = 1 + turn / 2 % 2;
      c.shape.q_heads = c.shape.kv_heads * pick(groups, 1);
      c.shape.q_len = pick(lengths, 5);
      c.shape.kv_len = kv_len;
      c.shape.head_dim = pick(dims, 3);
      c.shape.value_dim = turn % 3 == 0 ? c.shape.head_dim : pick(dims, 7);
      if (turn % 5 == 1) c.scale = 0.3;
      if (turn % 5 == 2) c.scale = -0.2;
      if (turn % 17 == 3) c.scale = 0.0;
      if (turn % 11 == 4) c.scale = 3.0;
      if (c.shape.work() > affordable) c.shape.batch = 1;
      if (c.shape.work() > affordable) c.shape.q_heads /= c.shape.kv_heads, c.shape.kv_heads = 1;
      while (c.shape.work() > affordable && c.shape.value_dim > 20) c.shape.value_dim = c.shape.value_dim / 2 + 1;
      while (c.shape.work() > affordable && c.shape.head_dim > 20) c.shape.head_dim = c.shape.head_dim / 2 + 1;
      if (c.shape.work() > affordable) c.shape.q_heads = 1;
      while (c.shape.work() > affordable) c.shape.q_len = c.shape.q_len / 2 + 1;
      cases.push_back(c);
    }
  // Few keys, so that each dim and each number of queries is there in full.
  for (const Index dim : dims) cases.push_back({{1, 2, 1, 3, 70, dim, 577 - dim}, rapt::causal(), {}});
  for (const Index q_len : lengths) cases.push_back({{1, 1, 1, q_len, 130, 9, 5}, rapt::causal(), {}});
  for (const Index group : groups) cases.push_back({{1, 2 * group, 2, 11, 150, 24, 10}, rapt::causal(), {}});
  return cases;
}

std::string text(const Case& c) {
  std::ostringstream to;
  to << c.shape << ", mask " << describe(c.mask) << ", scale " << (c.scale ? std::to_string(*c.scale) : "unset");
  return to.str();
}

class ForwardBits : public testing::TestWithParam<int> {};

/// Compiling a test a case would be slow to no purpose: the grid is dealt out to a few.
constexpr int shares = 8;

template <class T> void expect_bits_of_contract(int share) {
  const std::vector<Case> cases = grid();
  for (std::size_t i = static_cast<std::size_t>(share); i < cases.size(); i += shares) {
    const Case& c = cases[i];
    SCOPED_TRACE(text(c));
    const Inputs<T> inputs(c.shape, i);
    const Result<T> expected = attend_by_contract(inputs.views(), c.mask, Options<T>{.scale = c.scale});
    for (const Isa isa : rapt::supported_isas())
      ASSERT_TRUE(same_bits(attend(inputs.views(), c.mask, Options<T>{.scale = c.scale, .isa = isa}), expected))
          << rapt::name(isa);
  }
}

TEST_P(ForwardBits, InFloatAreThoseOfTheContractOnEveryInstructionSet) { expect_bits_of_contract<float>(GetParam()); }
TEST_P(ForwardBits, InDoubleAreThoseOfTheContractOnEveryInstructionSet) { expect_bits_of_contract<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Grid, ForwardBits, testing::Range(0, shares));

TEST(ForwardBitsGrid, HoldsEveryLengthDimensionAndGroup) {
  std::set<Index> q_lens, kv_lens, head_dims, group_sizes;
  for (const Case& c : grid()) {
    q_lens.insert(c.shape.q_len);
    kv_lens.insert(c.shape.kv_len);
    head_dims.insert(c.shape.head_dim);
    group_sizes.insert(c.shape.q_heads / c.shape.kv_heads);
  }
  for (const Index n : lengths) EXPECT_TRUE(q_lens.count(n) == 1 && kv_lens.count(n) == 1) << n;
  for (const Index n : dims) EXPECT_TRUE(head_dims.count(n) == 1) << n;
  for (const Index n : groups) EXPECT_TRUE(group_sizes.count(n) == 1) << n;
}

class Forward : public OnEveryIsa {};

template <class T> void expect_nothing_for_rows_without_keys(Isa isa) {
  const Shape shape{2, 4, 2, 40, 30, 8, 11};
  const Inputs<T> inputs(shape, 1);
  const Mask mask = rapt::causal();  // bottom-right: the first ten queries stand before the first key
  const Result<T> result = attend(inputs.views(), mask, Options<T>{.isa = isa});
  for (Index b = 0; b < shape.batch; ++b)
    for (Index h = 0; h < shape.q_heads; ++h)
      for (Index i = 0; i < shape.q_len; ++i) {
        EXPECT_EQ(result.lse_of(b, h, i) == -std::numeric_limits<T>::infinity(), i < 10) << i;
        for (Index d = 0; d < shape.value_dim; ++d) EXPECT_EQ(bits(result.row(b, h, i)[d]) == 0, i < 10) << i;
      }
}
TEST_P(Forward, GivesExactlyZeroAndMinusInfinityToARowWithoutKeys) {
  expect_nothing_for_rows_without_keys<float>(GetParam());
  expect_nothing_for_rows_without_keys<double>(GetParam());
}

TEST_P(Forward, GivesZeroAndMinusInfinityWhenThereAreNoKeysAtAll) {
  const Inputs<float> inputs({1, 2, 1, 5, 0, 8, 6}, 1);
  for (const Mask& mask : masks()) {
    const Result<float> result = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
    for (const float x : result.out) EXPECT_EQ(bits(x), 0u);
    for (const float x : result.lse) EXPECT_EQ(x, -std::numeric_limits<float>::infinity());
  }
}

TEST_P(Forward, WritesNothingWhenThereAreNoQueriesOrNoBatch) {
  for (const Shape& shape : {Shape{1, 2, 1, 0, 9, 8, 6}, Shape{0, 2, 1, 3, 9, 8, 6}}) {
    const Inputs<float> inputs(shape, 1);
    auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, Result<float>(shape).out_view(),
                           rapt::causal(), Options<float>{.isa = GetParam()});
    EXPECT_EQ(plan.work_items(), 0);
    plan.run();
    EXPECT_FALSE(plan.ran().has_value());
  }
}

TEST_P(Forward, GivesTheSameOutputWhetherOrNotTheLogsumexpIsWanted) {
  const Inputs<float> inputs({1, 4, 2, 33, 90, 16, 16}, 1);
  const Result<float> with = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  Result<float> without(inputs.shape);
  rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, without.out_view(), rapt::causal(),
                  {.isa = GetParam()});
  EXPECT_TRUE(same_bits(with.out, without.out));
  for (const float x : without.lse) EXPECT_EQ(x, sentinel<float>);
}

TEST_P(Forward, ReturnsTheValueItselfWhenThereIsOneKey) {
  const Inputs<float> inputs({1, 1, 1, 20, 20, 8, 8}, 1);
  const Result<float> result = attend(inputs.views(), rapt::window(0, 0), Options<float>{.isa = GetParam()});
  EXPECT_TRUE(same_bits(result.out, inputs.v));
}

RAPT_ON_EVERY_ISA(Forward);

}  // namespace
}  // namespace rapt_test::forward_bits_test
