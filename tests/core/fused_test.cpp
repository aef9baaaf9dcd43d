// The fma of our own, which stands in where a platform's is missing or wrong: the bits of the one that the test's own
// platform has, which is right wherever ieee::fma trusts it.
#include "rapt/core/fused.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "rapt/core/ieee.hpp"
#include "support/tensors.hpp"

#if RAPT_TRUSTS_FMA

namespace rapt_test::fused_test {
namespace {

template <class T> T trusted(T a, T b, T c) {
  if constexpr (sizeof(T) == 8)
    return __builtin_fma(a, b, c);
  else
    return __builtin_fmaf(a, b, c);
}

/// The same number, or both NaN: whose payload it is, platforms do not agree on.
template <class T> void expect_right(T a, T b, T c) {
  const T expected = trusted(a, b, c), found = rapt::detail::fused(a, b, c);
  if (std::isnan(expected))
    ASSERT_TRUE(std::isnan(found)) << a << " * " << b << " + " << c;
  else
    ASSERT_EQ(bits(found), bits(expected))
        << std::hexfloat << a << " * " << b << " + " << c << ": " << found << " and not " << expected;
}

template <class T> class Fused : public testing::Test {};
using Elements = testing::Types<float, double>;
TYPED_TEST_SUITE(Fused, Elements);

/// Where formats end, and next to it: all triples of them, of either sign.
TYPED_TEST(Fused, IsRightAtTheEdges) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  std::vector<T> edges{0,
                       1,
                       3,
                       T(0.1),
                       Limits::epsilon(),
                       Limits::min(),
                       Limits::denorm_min(),
                       Limits::max(),
                       Limits::infinity(),
                       Limits::quiet_NaN(),
                       std::sqrt(Limits::min()),
                       std::sqrt(Limits::max()),
                       std::sqrt(Limits::denorm_min())};
  for (std::size_t i = 0, n = edges.size(); i < n; ++i) {
    edges.push_back(std::nextafter(edges[i], T(0)));
    edges.push_back(std::nextafter(edges[i], Limits::infinity()));
  }
  for (std::size_t i = 0, n = edges.size(); i < n; ++i) edges.push_back(-edges[i]);
  for (const T a : edges)
    for (const T b : edges)
      for (const T c : edges) expect_right(a, b, c);
}

/// Any bits; and addends near the product, its rounding's error, half of its last digit and of the least number.
TYPED_TEST(Fused, IsRightOfAnyNumbers) {
  using T = TypeParam;
  Random random(7);
  const auto any = [&] { return from_bits<T>(static_cast<BitsOf<T>>(random.next())); };
  const auto near_one = [&] {
    return static_cast<T>(std::ldexp(1 + random.uniform(), static_cast<int>(random.next() % 9) - 4));
  };
  for (int i = 0; i < 200000; ++i) {
    const T a = any(), b = any(), x = near_one(), y = near_one(), product = x * y;
    ASSERT_NO_FATAL_FAILURE(expect_right(a, b, any()));
    for (const T c :
         {product, std::nextafter(product, T(0)), static_cast<T>(product * std::numeric_limits<T>::epsilon()),
          static_cast<T>(product * std::numeric_limits<T>::epsilon() / 2), trusted(x, y, -product)})
      for (const T sign : {T(1), T(-1)}) ASSERT_NO_FATAL_FAILURE(expect_right(x, y, sign * c));
    const T small = std::numeric_limits<T>::min() * x;  // products that are denormal
    for (const T c : {T(0), std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min()})
      for (const T sign : {T(1), T(-1)}) ASSERT_NO_FATAL_FAILURE(expect_right(small, y / 64, sign * c));
  }
}

/// A product of few digits is a tie, or next to one that the addend breaks from far away.
TYPED_TEST(Fused, BreaksTiesByWhatIsFarBehind) {
  using T = TypeParam;
  constexpr int digits = std::numeric_limits<T>::digits;
  for (int odd = 1; odd < 64; odd += 2)
    for (int far = digits; far < 3 * digits + 40; ++far)
      for (const T sign : {T(1), T(-1)}) {
        const T a = 1 + static_cast<T>(std::ldexp(odd, -digits + 1)), b = 1 + static_cast<T>(std::ldexp(1, -1));
        ASSERT_NO_FATAL_FAILURE(expect_right(a, b, sign * static_cast<T>(std::ldexp(1, -far))));
        ASSERT_NO_FATAL_FAILURE(expect_right(static_cast<T>(std::ldexp(odd, -far)), T(1), sign * a));
      }
}

static_assert(rapt::detail::fused(0x1.0000000000001p0, 0x1.0000000000001p0, -1.0) == 0x1.0000000000000p-51 + 0x1p-104);

}  // namespace
}  // namespace rapt_test::fused_test

#endif
