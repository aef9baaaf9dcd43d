// Biases have the bits of the contract, whatever their type and order and whichever kernel takes the rows, on every
// instruction set, with threads, from caches, and a row at a time.
#include <Eigen/Core>
#include <array>
#include <map>
#include <vector>

#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::bias_bits_test {
namespace {

class BiasBits : public OnEveryIsa {};

/// A bias for every score of a call, as K in memory order [batch, head, query, key], or [batch, head, key, query] if
/// it is transposed; extents in `ones` are 1.
template <class K> class Biases {
 public:
  Biases(bool transposed, std::array<bool, 4> ones) : transposed_(transposed), ones_(ones) {}

  /// For queries [first, last).
  auto operator()(const Shape& s, Index first, Index last) const {
    const Index extra = ones_[3] ? 0 : 3;  // more keys than the call has
    std::array<Index, 4> extent{s.batch, s.q_heads, s.q_len, s.kv_len + extra};
    for (std::size_t i = 0; i < 4; ++i)
      if (ones_[i]) extent[i] = 1;
    std::vector<K>& numbers = kept_[extent];
    if (numbers.empty())
      for (const float x : random_numbers<float>(extent[0] * extent[1] * extent[2] * extent[3], 5))
        numbers.push_back(static_cast<K>(x));
    View<const K> view = rapt::bhsd(static_cast<const K*>(numbers.data()), extent[0], extent[1], extent[2], extent[3]);
    if (transposed_) view.stride[2] = 1, view.stride[3] = extent[2];
    return rapt::bias(ones_[2] ? view : positions(view, first, last));
  }

 private:
  bool transposed_;
  std::array<bool, 4> ones_;
  mutable std::map<std::array<Index, 4>, std::vector<K>> kept_;
};

template <class T, class K> void expect_bits_of_bias(Isa isa, bool transposed, std::array<bool, 4> ones = {}) {
  expect_contracts_bits_of<T>(isa, Biases<K>(transposed, ones));
}

TEST_P(BiasBits, OfABias) {
  expect_bits_of_bias<float, float>(GetParam(), false);
  expect_bits_of_bias<double, double>(GetParam(), false);
}

TEST_P(BiasBits, OfABiasInAnyOrder) {
  expect_bits_of_bias<float, float>(GetParam(), true);
  expect_bits_of_bias<double, double>(GetParam(), true);
}

TEST_P(BiasBits, OfABiasForManyScores) {
  for (const std::array<bool, 4>& ones : {std::array{true, true, false, false}, std::array{false, true, true, false},
                                          std::array{true, false, true, true}, std::array{true, true, true, true}})
    expect_bits_of_bias<float, float>(GetParam(), false, ones);
}

TEST_P(BiasBits, OfABiasIn16Bits) {
  expect_bits_of_bias<float, Eigen::bfloat16>(GetParam(), false);
  expect_bits_of_bias<float, Eigen::half>(GetParam(), false);
  expect_bits_of_bias<float, Eigen::half>(GetParam(), true, {false, true, true, false});
}

TEST_P(BiasBits, OfABiasOfAnotherType) {
  expect_bits_of_bias<float, double>(GetParam(), false);
  expect_bits_of_bias<double, float>(GetParam(), false);
}

/// After a change, under a mask.
TEST_P(BiasBits, OfABiasAmongOthers) {
  const Biases<float> biases(false, {});
  expect_contracts_bits_of<float>(GetParam(), [&](const Shape& s, Index first, Index last) {
    return rapt::softcap(3) | biases(s, first, last) | rapt::window(70, 2);
  });
}

/// Shorter than a tile to one side, so that some lanes are beyond it, and of several tiles.
template <class T, class K> void expect_bits_of_table(Isa isa, Index left, Index right) {
  const std::vector<float> numbers = random_numbers<float>(4 * (left + 1 + right), 6);
  std::vector<K> table;
  for (const float x : numbers) table.push_back(static_cast<K>(x));
  expect_bits_by_head<T>(isa, [&](Index heads) {
    return rapt::relative_bias(rapt::row_major(table.data(), heads, left + 1 + right), left, right);
  });
}

TEST_P(BiasBits, OfARelativeBiasByDistance) {
  expect_bits_of_table<float, float>(GetParam(), 10, 5);
  expect_bits_of_table<float, float>(GetParam(), 200, 0);
  expect_bits_of_table<double, double>(GetParam(), 40, 300);
  expect_bits_of_table<float, Eigen::bfloat16>(GetParam(), 100, 20);
}

TEST_P(BiasBits, OfT5sRelativeBias) {
  const std::vector<float> table = random_numbers<float>(32 * 4, 6);
  const auto bias = [&](Index heads) {  // of the first heads
    return rapt::relative_bias(rapt::MatrixView<const float>{table.data(), 32, heads, 4, 1}, rapt::T5Buckets{}) |
           rapt::causal();
  };
  expect_bits_by_head<float>(GetParam(), bias);
  expect_bits_by_head<double>(GetParam(), bias);
}

RAPT_ON_EVERY_ISA(BiasBits);

}  // namespace
}  // namespace rapt_test::bias_bits_test
