// Cosines and sines of position times frequency: how exact, and the same bits on every instruction set.
#include "rapt/rope/angle.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::angle_test {
namespace {

/// A frequency with so few bits that its product with a position is exact in a long double of 64.
double short_number(double x) {
  const double scale = std::ldexp(1.0, std::ilogb(x) - 32);
  return std::nearbyint(x / scale) * scale;
}

struct Angles {
  std::vector<double> position, frequency, cosine, sine;

  void compute(Isa isa) {
    cosine.assign(position.size(), sentinel<double>);
    sine = cosine;
    rapt::detail::angle_kernel(isa)(position.data(), frequency.data(), static_cast<Index>(position.size()),
                                    cosine.data(), sine.data());
  }
};

Angles random_angles(Index count, double largest_position) {
  Random random(7);
  Angles angles;
  for (Index i = 0; i < count; ++i) {
    angles.position.push_back(std::floor(random.uniform() * largest_position));
    const double frequency = std::pow(10000.0, -std::fabs(random.uniform()));
    angles.frequency.push_back(short_number(i % 3 == 0 ? -frequency : frequency));
  }
  return angles;
}

class RopeAngle : public OnEveryIsa {};

/// Off by 2^-53 at most. The last addition rounds by 2^-54, as its result is below 1. In the cosine, the square is
/// rounded by 2^-54 and halved, 2^-55; what is added last is below 0.02 and its roundings of no weight. In the sine, it
/// is below 0.08, and three roundings of it are a quarter of 2^-53.
TEST_P(RopeAngle, IsExactToHalfAnUlpOfOneWhateverThePosition) {
  if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "long double has fewer than 64 bits";
  for (const double largest : {1.0, 10.0, 1e3, 1e6, 1e9}) {
    Angles angles = random_angles(100000, largest);
    angles.compute(GetParam());
    for (std::size_t i = 0; i < angles.position.size(); ++i) {
      const long double angle = static_cast<long double>(angles.position[i]) * angles.frequency[i];
      ASSERT_LE(std::fabs(static_cast<long double>(angles.cosine[i]) - std::cos(angle)), 0x1p-53L)
          << angles.position[i] << " · " << angles.frequency[i];
      ASSERT_LE(std::fabs(static_cast<long double>(angles.sine[i]) - std::sin(angle)), 0x1p-53L)
          << angles.position[i] << " · " << angles.frequency[i];
    }
  }
}

TEST_P(RopeAngle, HasTheSameBitsOnEveryInstructionSet) {
  Angles angles = random_angles(80000, 1e6), generic = angles;
  angles.compute(GetParam());
  generic.compute(Isa::generic);
  EXPECT_TRUE(same_bits(angles.cosine, generic.cosine));
  EXPECT_TRUE(same_bits(angles.sine, generic.sine));
}

TEST_P(RopeAngle, OfZeroIsExactAndOfItsNegativeIsTheMirrorImage) {
  Angles angles = random_angles(8000, 1e6);
  angles.position[0] = 0;
  Angles mirrored = angles;
  for (double& position : mirrored.position) position = -position;
  angles.compute(GetParam());
  mirrored.compute(GetParam());
  EXPECT_EQ(angles.cosine[0], 1.0);
  EXPECT_EQ(bits(angles.sine[0]), bits(0.0));
  for (std::size_t i = 1; i < angles.position.size(); ++i) {
    ASSERT_EQ(angles.cosine[i], mirrored.cosine[i]);
    ASSERT_EQ(angles.sine[i], -mirrored.sine[i]);
  }
}

RAPT_ON_EVERY_ISA(RopeAngle);

}  // namespace
}  // namespace rapt_test::angle_test
