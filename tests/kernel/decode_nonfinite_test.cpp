// Few queries and extreme numbers: NaN, infinities, huge scores, tiny values, nothing but scores of minus infinity.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::decode_nonfinite_test {
namespace {

class DecodeNonFinite : public OnEveryIsa {};

/// Fills the inputs with something extreme.
template <class T> struct Extreme {
  const char* name;
  void (*fill)(Inputs<T>&, Random&);
};

template <class T> std::vector<Extreme<T>> extremes() {
  using L = std::numeric_limits<T>;
  static constexpr auto some = [](std::vector<T>& to, Random& random, T x, Index one_in) {
    for (T& element : to)
      if (random.below(one_in) == 0) element = random.uniform() < 0 ? -x : x;
  };
  return {{"scores that overflow",
           [](Inputs<T>& in, Random&) {
             for (T& x : in.q) x *= std::sqrt(L::max());
             for (T& x : in.k) x *= std::sqrt(L::max());
           }},
          {"scores far apart",
           [](Inputs<T>& in, Random&) {
             for (T& x : in.k) x *= T(200);
           }},
          {"scores that rise",
           [](Inputs<T>& in, Random&) {
             in.q.assign(in.q.size(), T(1));
             for (std::size_t i = 0; i < in.k.size(); ++i) in.k[i] = static_cast<T>(i) / T(100);
           }},
          {"some scores of minus infinity",
           [](Inputs<T>& in, Random&) {
             in.q.assign(in.q.size(), T(1));
             for (std::size_t i = 0; i < in.k.size(); i += 2 * at(in.shape.head_dim)) in.k[i] = -L::infinity();
           }},
          {"nothing but scores of minus infinity",
           [](Inputs<T>& in, Random&) {
             in.q.assign(in.q.size(), T(1));
             in.k.assign(in.k.size(), -L::infinity());
           }},
          {"scores of plus infinity",
           [](Inputs<T>& in, Random&) {
             in.q.assign(in.q.size(), T(1));
             for (std::size_t i = 0; i < in.k.size(); i += 9 * at(in.shape.head_dim)) in.k[i] = L::infinity();
           }},
          {"huge values", [](Inputs<T>& in, Random& random) { some(in.v, random, L::max(), 2); }},
          {"denormal inputs",
           [](Inputs<T>& in, Random& random) {
             some(in.q, random, L::denorm_min() * T(3), 3);
             some(in.k, random, L::min() / T(5), 3);
             for (T& x : in.v) x *= L::min() / T(7);
           }},
          {"negative zeros", [](Inputs<T>& in, Random&) { in.v.assign(in.v.size(), T(-0.0)); }},
          {"NaN and infinities here and there", [](Inputs<T>& in, Random& random) {
             some(in.q, random, L::quiet_NaN(), 60);
             some(in.k, random, L::infinity(), 500);
             some(in.v, random, L::quiet_NaN(), 300);
             some(in.v, random, L::infinity(), 300);
           }}};
}

template <class T> void expect_extremes_keep_to_the_contract(Isa isa) {
  for (const Extreme<T>& extreme : extremes<T>())
    for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(30, 10))})
      for (const Index q_len : {1, 5}) {
        Inputs<T> inputs({1, 3, 1, q_len, 600, 9, 11}, 1);
        Random random(2);
        extreme.fill(inputs, random);
        ASSERT_TRUE(
            same_bits(attend(inputs.views(), mask, Options<T>{.isa = isa}), attend_by_contract(inputs.views(), mask)))
            << extreme.name << ", " << q_len << " queries, mask " << describe(mask);
      }
}
TEST_P(DecodeNonFinite, ExtremeInputsGiveTheContractsBits) {
  expect_extremes_keep_to_the_contract<float>(GetParam());
  expect_extremes_keep_to_the_contract<double>(GetParam());
}

/// Whatever the bits of the keys and values that no query attends to, in tiles of which some are attended to.
TEST_P(DecodeNonFinite, WhatIsMaskedIsOfNoConsequence) {
  const Shape shape{1, 2, 1, 6, 150, 16, 32};
  const Inputs<float> inputs(shape, 3);
  for (const Mask& mask :
       {Mask(rapt::causal(rapt::align::offset(70))), Mask(rapt::window(30, 3, rapt::align::offset(60)))}) {
    Result<float> expected = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
    for (const float x : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), from_bits<float>(0xff812345)}) {
      Inputs<float> poisoned = inputs;
      for (Index j = 0; j < shape.kv_len; ++j) {
        bool attended = false;
        for (Index i = 0; i < shape.q_len; ++i) attended = attended || attends(mask, shape, i, j);
        for (Index d = 0; d < 16 && !attended; ++d) poisoned.k_view()(0, 0, j, d) = x;
        for (Index d = 0; d < 32 && !attended; ++d) poisoned.v_view()(0, 0, j, d) = x;
      }
      EXPECT_TRUE(same_bits(attend(poisoned.views(), mask, Options<float>{.isa = GetParam()}), expected))
          << x << ", mask " << describe(mask);
    }
  }
}

/// A query that is NaN has rows of NaN, and the rows next to it, which go through the keys with it, have their own.
TEST_P(DecodeNonFinite, AQueryOfNaNLeavesItsNeighboursAlone) {
  const Shape shape{1, 4, 1, 3, 130, 8, 24};
  const Inputs<float> inputs(shape, 4);
  const Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  Inputs<float> poisoned = inputs;
  poisoned.q_view()(0, 1, 1, 3) = std::numeric_limits<float>::quiet_NaN();
  const Result<float> found = attend(poisoned.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  for (Index h = 0; h < 4; ++h)
    for (Index i = 0; i < 3; ++i) {
      if (h == 1 && i == 1) {
        EXPECT_TRUE(std::isnan(found.lse_of(0, h, i)));
        for (Index d = 0; d < 24; ++d) EXPECT_TRUE(std::isnan(found.row(0, h, i)[d]));
      } else {
        EXPECT_TRUE(same_bits(found.row(0, h, i), expected.row(0, h, i), 24)) << "head " << h << ", row " << i;
      }
    }
}

TEST_P(DecodeNonFinite, ARowWithoutAKeyIsZeroAndItsLogsumexpMinusInfinity) {
  const Inputs<float> inputs({1, 2, 1, 3, 70, 8, 9}, 5);
  const Result<float> found =
      attend(inputs.views(), rapt::causal(rapt::align::offset(-2)), Options<float>{.isa = GetParam()});
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < 2; ++i) {
      EXPECT_EQ(found.lse_of(0, h, i), -std::numeric_limits<float>::infinity());
      for (Index d = 0; d < 9; ++d) EXPECT_EQ(bits(found.row(0, h, i)[d]), 0u);
    }
  EXPECT_TRUE(std::isfinite(found.lse_of(0, 0, 2)));
}

TEST_P(DecodeNonFinite, EveryNaNThatComesOutIsTheSameOne) {
  Inputs<float> inputs({1, 2, 1, 2, 40, 8, 8}, 6);
  inputs.v[3] = from_bits<float>(0xffffffff);
  inputs.v[4] = from_bits<float>(0x7fa00001);  // a signalling one
  inputs.k[0] = from_bits<float>(0xffc00123);
  for (const float x : attend(inputs.views(), {}, Options<float>{.isa = GetParam()}).out)
    EXPECT_EQ(bits(x), bits(std::numeric_limits<float>::quiet_NaN()));
}

RAPT_ON_EVERY_ISA(DecodeNonFinite);

}  // namespace
}  // namespace rapt_test::decode_nonfinite_test
