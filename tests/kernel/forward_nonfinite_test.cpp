// NaN and infinities: what is masked never reaches an output, what is attended always does, and huge numbers keep to
// the contract.
#include <cmath>
#include <limits>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::forward_nonfinite_test {
namespace {

template <class T> std::vector<T> poisons() {
  using L = std::numeric_limits<T>;
  return {L::quiet_NaN(), -L::quiet_NaN(), L::infinity(), -L::infinity(), from_bits<T>(~BitsOf<T>(0))};
}

std::vector<Mask> masks() {
  using namespace rapt;
  return {causal(), causal(align::top_left), window(20, 5), causal(align::offset(-30)),
          window(3, -1) | causal(align::offset(70))};
}

/// Writes x to all of [batch 0, head h, position j] or, if `only` is not negative, to that element of it.
template <class T> void poison(const View<T>& view, Index h, Index j, T x, Index only = -1) {
  for (Index d = 0; d < view.dim(); ++d)
    if (only < 0 || only == d) view(0, h, j, d) = x;
}

template <class T> bool all_nan(const T* x, Index count) {
  for (Index i = 0; i < count; ++i)
    if (!std::isnan(x[i])) return false;
  return true;
}

class ForwardNonFinite : public OnEveryIsa {};

const Shape shape{1, 2, 2, 75, 140, 12, 10};
const Index poisoned_keys[] = {0, 1, 15, 16, 20, 63, 64, 70, 77, 100, 139};

/// With key and value j of head 1 poisoned: rows that don't attend to j have the bits that they have without the
/// poison.
template <class T> void expect_masked_poison_stays_out(Isa isa) {
  const Inputs<T> clean(shape, 1);
  for (const Mask& mask : masks()) {
    const Result<T> expected = attend(clean.views(), mask, Options<T>{.isa = isa});
    for (const T x : poisons<T>())
      for (const Index j : poisoned_keys) {
        Inputs<T> inputs = clean;
        poison(inputs.k_view(), 1, j, x);
        poison(inputs.v_view(), 1, j, x);
        const Result<T> result = attend(inputs.views(), mask, Options<T>{.isa = isa});
        for (Index h = 0; h < shape.q_heads; ++h)
          for (Index i = 0; i < shape.q_len; ++i) {
            const bool reached = h == 1 && attends(mask, shape, i, j);
            SCOPED_TRACE(testing::Message() << "mask " << describe(mask) << ", poison " << x << " at key " << j
                                            << ", row " << i << " of head " << h);
            if (reached) {
              ASSERT_TRUE(all_nan(result.row(0, h, i), shape.value_dim));
              continue;
            }
            ASSERT_TRUE(same_bits(result.row(0, h, i), expected.row(0, h, i), shape.value_dim));
            ASSERT_EQ(bits(result.lse_of(0, h, i)), bits(expected.lse_of(0, h, i)));
          }
      }
  }
}
TEST_P(ForwardNonFinite, PoisonInAKeyAndItsValueReachesExactlyTheRowsThatAttendToIt) {
  expect_masked_poison_stays_out<float>(GetParam());
  expect_masked_poison_stays_out<double>(GetParam());
}

TEST_P(ForwardNonFinite, NaNInOneElementOfAValueReachesExactlyThatColumn) {
  const Inputs<float> clean(shape, 2);
  for (const Mask& mask : masks()) {
    const Result<float> expected = attend(clean.views(), mask, Options<float>{.isa = GetParam()});
    for (const Index j : poisoned_keys) {
      Inputs<float> inputs = clean;
      poison(inputs.v_view(), 0, j, std::nanf(""), 7);
      const Result<float> result = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
      ASSERT_TRUE(same_bits(result.lse, expected.lse));
      for (Index h = 0; h < shape.q_heads; ++h)
        for (Index i = 0; i < shape.q_len; ++i)
          for (Index d = 0; d < shape.value_dim; ++d) {
            const bool reached = h == 0 && d == 7 && attends(mask, shape, i, j);
            const float found = result.row(0, h, i)[d];
            ASSERT_TRUE(reached ? std::isnan(found) : bits(found) == bits(expected.row(0, h, i)[d]))
                << "key " << j << ", row " << i << ", column " << d;
          }
    }
  }
}

TEST_P(ForwardNonFinite, NaNInAQueryReachesExactlyItsRow) {
  const Inputs<float> clean(shape, 3);
  const Mask mask = rapt::window(20, 5);
  const Result<float> expected = attend(clean.views(), mask, Options<float>{.isa = GetParam()});
  for (const Index poisoned : {0, 1, 17, 63, 64, 74}) {
    Inputs<float> inputs = clean;
    poison(inputs.q_view(), 1, poisoned, std::nanf(""), 5);
    const Result<float> result = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
    for (Index h = 0; h < shape.q_heads; ++h)
      for (Index i = 0; i < shape.q_len; ++i)
        if (h == 1 && i == poisoned) {
          ASSERT_TRUE(all_nan(result.row(0, h, i), shape.value_dim));
          ASSERT_TRUE(std::isnan(result.lse_of(0, h, i)));
        } else {
          ASSERT_TRUE(same_bits(result.row(0, h, i), expected.row(0, h, i), shape.value_dim)) << "row " << i;
        }
  }
}

TEST_P(ForwardNonFinite, AnInfinityThatAValueHoldsComesOutWithItsSign) {
  Inputs<float> inputs({1, 1, 1, 40, 40, 8, 8}, 4);
  const float infinity = std::numeric_limits<float>::infinity();
  inputs.v_view()(0, 0, 10, 2) = infinity;
  inputs.v_view()(0, 0, 20, 3) = -infinity;
  inputs.v_view()(0, 0, 5, 4) = infinity;
  inputs.v_view()(0, 0, 6, 4) = -infinity;
  const Result<float> result = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  for (Index i = 0; i < 40; ++i) {
    EXPECT_EQ(result.row(0, 0, i)[2] == infinity, i >= 10) << i;
    EXPECT_EQ(result.row(0, 0, i)[3] == -infinity, i >= 20) << i;
    EXPECT_EQ(std::isnan(result.row(0, 0, i)[4]), i >= 6) << i;
    EXPECT_TRUE(std::isfinite(result.row(0, 0, i)[5])) << i;
  }
}

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
  return {
      {"scores that overflow",
       [](Inputs<T>& in, Random&) {
         for (T& x : in.q) x *= std::sqrt(L::max());
         for (T& x : in.k) x *= std::sqrt(L::max());
       }},
      {"scores near the largest number",
       [](Inputs<T>& in, Random&) {
         in.q.assign(in.q.size(), T(0));
         for (std::size_t i = 0; i < in.q.size(); i += at(in.shape.head_dim)) in.q[i] = T(1);
         for (std::size_t i = 0; i < in.k.size(); i += at(in.shape.head_dim))
           in.k[i] = (i % 3 == 0 ? T(1) : T(-1)) * L::max();
       }},
      {"scores of minus infinity",
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
      {"values that underflow to negative zero",
       [](Inputs<T>& in, Random&) {
         for (T& x : in.k) x *= T(30);
         in.v.assign(in.v.size(), -L::denorm_min());
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
      {"NaN and infinities here and there",
       [](Inputs<T>& in, Random& random) {
         some(in.q, random, L::quiet_NaN(), 400);
         some(in.k, random, L::infinity(), 500);
         some(in.v, random, L::quiet_NaN(), 300);
         some(in.v, random, L::infinity(), 300);
       }},
  };
}

template <class T> void expect_extremes_keep_to_the_contract(Isa isa) {
  for (const Extreme<T>& extreme : extremes<T>())
    for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(30, 10))}) {
      SCOPED_TRACE(std::string(extreme.name) + ", mask " + describe(mask));
      Inputs<T> inputs({1, 2, 1, 50, 600, 9, 11}, 6);
      Random random(7);
      extreme.fill(inputs, random);
      const Result<T> found = attend(inputs.views(), mask, Options<T>{.isa = isa}),
                      expected = attend_by_contract(inputs.views(), mask);
      ASSERT_TRUE(same_bits(found, expected));
    }
}
TEST_P(ForwardNonFinite, ExtremeInputsGiveTheContractsBits) {
  expect_extremes_keep_to_the_contract<float>(GetParam());
  expect_extremes_keep_to_the_contract<double>(GetParam());
}

TEST_P(ForwardNonFinite, NoOutputIsANegativeZeroOfMaskedTerms) {
  Inputs<float> inputs({1, 1, 1, 70, 70, 8, 8}, 8);
  inputs.v.assign(inputs.v.size(), -0.0f);
  for (const float x : attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()}).out)
    EXPECT_EQ(bits(x), 0u);
}

TEST_P(ForwardNonFinite, EveryNaNThatComesOutIsTheSameOne) {
  Inputs<float> inputs({1, 1, 1, 40, 40, 8, 8}, 9);
  inputs.v[3] = from_bits<float>(0xffffffff);
  inputs.v[4] = from_bits<float>(0x7fa00001);  // a signalling one
  inputs.k[0] = from_bits<float>(0xffc00123);
  for (const float x : attend(inputs.views(), {}, Options<float>{.isa = GetParam()}).out) {
    ASSERT_TRUE(std::isnan(x));
    EXPECT_EQ(bits(x), bits(std::numeric_limits<float>::quiet_NaN()));
  }
}

RAPT_ON_EVERY_ISA(ForwardNonFinite);

}  // namespace
}  // namespace rapt_test::forward_nonfinite_test
