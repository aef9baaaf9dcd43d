// The scalar transcription of the contract computes attention: within its bound of the naive oracle, and its states
// merge as they should.
#include <cmath>

#include "support/error_bound.hpp"

namespace rapt_test::contract_test {
namespace {

template <class T> using RowState = rapt::contract::RowState<T>;

TEST(Contract, IsWithinItsBoundOfTheReference) {
  const Shape shapes[] = {
      {1, 1, 1, 3, 5, 4, 4}, {2, 4, 2, 9, 130, 16, 8}, {1, 1, 1, 4, 1100, 64, 8}, {1, 1, 1, 12, 7, 4, 4}};
  const Mask masks[] = {rapt::Plain{}, rapt::causal(), rapt::window(40, 2) | rapt::causal(),
                        rapt::causal(rapt::align::top_left)};
  for (const Shape& shape : shapes)
    for (const Mask& mask : masks) {
      const Inputs<float> inputs(shape, 1);
      EXPECT_TRUE((within_bound<float, double>(attend_by_contract(inputs.views(), mask), inputs, mask)))
          << shape << ", mask " << describe(mask);
    }
}

/// The state of a tile of `count` keys whose scores begin at `first`, all with the value (1, score).
template <class T> RowState<T> state_of_tile(T first, Index count) {
  T scores[rapt::contract::tile] = {}, values[rapt::contract::tile][2] = {};
  bool attended[rapt::contract::tile] = {};
  const T* value[rapt::contract::tile] = {};
  for (Index j = 0; j < count; ++j) {
    scores[j] = first + static_cast<T>(j) / 8;
    attended[j] = true;
    values[j][0] = 1;
    values[j][1] = scores[j];
    value[j] = values[j];
  }
  RowState<T> state{.o = std::vector<T>(2)};
  state.take(scores, attended, value, 1);
  return state;
}

template <class T> bool same_state(const RowState<T>& a, const RowState<T>& b) {
  return bits(a.m) == bits(b.m) && bits(a.l) == bits(b.l) && same_bits(a.o, b.o);
}

TEST(ContractState, MergedWithAnEmptyOneIsItself) {
  const RowState<float> state = state_of_tile(-3.0f, 20), empty{.o = std::vector<float>(2)};
  RowState<float> left = empty, right = state;
  left.merge(state);
  right.merge(empty);
  EXPECT_TRUE(same_state(left, state));
  EXPECT_TRUE(same_state(right, state));
  RowState<float> both = empty;
  both.merge(empty);
  EXPECT_TRUE(same_state(both, empty));
}

TEST(ContractState, HoldsTheSumOfExponentialsAndOfWeightedValues) {
  const RowState<double> state = state_of_tile(-3.0, 20);
  double sum = 0, weighted = 0;
  for (int j = 0; j < 20; ++j) sum += std::exp(-3 + j / 8.0), weighted += std::exp(-3 + j / 8.0) * (-3 + j / 8.0);
  EXPECT_NEAR(state.l * std::exp(state.m), sum, 1e-13 * sum);
  EXPECT_NEAR(state.o[0] * std::exp(state.m), sum, 1e-13 * sum);
  EXPECT_NEAR(state.o[1] * std::exp(state.m), weighted, 1e-13 * sum * 3);
}

TEST(ContractState, MovesItsReferencePointOnlyBeyondTheHeadroom) {
  RowState<double> state = state_of_tile(0.0, 1);
  EXPECT_EQ(state.m, 0);
  double scores[rapt::contract::tile] = {double(rapt::contract::headroom)}, values[2] = {1, 2};
  bool attended[rapt::contract::tile] = {true};
  const double* value[rapt::contract::tile] = {values};
  state.take(scores, attended, value, 1);
  EXPECT_EQ(state.m, 0) << "as far as the headroom goes";
  scores[0] = std::nextafter(scores[0], 100.0);
  state.take(scores, attended, value, 1);
  EXPECT_EQ(state.m, scores[0]) << "one step beyond";
}

TEST(ContractState, IsTheSameToRoundingInWhateverOrderSpansAreMerged) {
  const RowState<double> a = state_of_tile(-30.0, 9), b = state_of_tile(5.0, 20), c = state_of_tile(3.0, 64);
  RowState<double> left = a, right = b;
  left.merge(b);
  left.merge(c);
  right.merge(c);
  RowState<double> first = a;
  first.merge(right);
  EXPECT_EQ(left.m, first.m);
  EXPECT_NEAR(left.l, first.l, 1e-14 * left.l);
  EXPECT_NEAR(left.o[1], first.o[1], 1e-14 * std::fabs(left.o[1]));
}

}  // namespace
}  // namespace rapt_test::contract_test
