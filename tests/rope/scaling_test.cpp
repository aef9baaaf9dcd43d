// What the scalings do to the frequencies: properties of each, and formulas written out. (The numbers of others are in
// golden_test.cpp.)
#include "rapt/rope/scaling.hpp"

#include <numbers>

#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::scaling_test {
namespace {

namespace rope = rapt::rope;

const rope::Spec plain = rope::standard(128);

/// How many times slower pair p turns than without scaling.
double slowed(const rope::Spec& spec, Index p) {
  return plain.inverse_frequencies[at(p)] / spec.inverse_frequencies[at(p)];
}

TEST(RopeScaling, LinearSlowsEverythingAlike) {
  const rope::Spec spec = rope::linear(128, 4);
  for (Index p = 0; p < 64; ++p) EXPECT_EQ(slowed(spec, p), 4);
}

TEST(RopeScaling, NtkKeepsTheFastestAndSlowsTheSlowestByTheRatio) {
  const rope::Spec spec = rope::ntk(128, 8);
  EXPECT_EQ(slowed(spec, 0), 1);
  EXPECT_NEAR(slowed(spec, 63), 8, 1e-13);
  const double base = 10000 * std::pow(8.0, 128.0 / 126);
  for (Index p = 0; p < 64; ++p)
    EXPECT_NEAR(spec.inverse_frequencies[at(p)] * std::pow(base, static_cast<double>(p) / 64), 1, 1e-13);
  EXPECT_EQ(rope::ntk(2, 8).inverse_frequencies, std::vector<double>{1.0}) << "one pair has only the fastest";
}

TEST(RopeScaling, DynamicNtkFollowsTheLength) {
  const rope::DynamicNtk options{.factor = 2, .original_length = 1000};
  rope::DynamicNtk longer = options;
  for (const Index length : {0, 1, 999, 1000}) {
    longer.length = length;
    EXPECT_EQ(rope::dynamic_ntk(128, longer).inverse_frequencies, plain.inverse_frequencies) << length;
  }
  longer.length = 3000;
  EXPECT_EQ(rope::dynamic_ntk(128, longer).inverse_frequencies, rope::ntk(128, 2 * 3 - 1).inverse_frequencies);
}

TEST(RopeScaling, YarnKeepsTheFastSlowsTheSlowAndClimbsInBetween) {
  const rope::Yarn options{.factor = 16, .original_length = 4096};
  for (const bool truncate : {true, false}) {
    rope::Yarn chosen = options;
    chosen.truncate = truncate;
    const rope::Spec spec = rope::yarn(128, chosen);
    Index kept = 0, full = 0;
    for (Index p = 0; p < 64; ++p) {
      const double turns = 4096 * plain.inverse_frequencies[at(p)] / (2 * std::numbers::pi);
      // Rounding to whole pairs moves the ramp's ends outwards, by less than a pair each.
      if (turns > 32 * (truncate ? 1.16 : 1)) {
        EXPECT_EQ(slowed(spec, p), 1) << p;
      }
      if (turns < 1 / (truncate ? 1.16 : 1)) {
        EXPECT_NEAR(slowed(spec, p), 16, 1e-13) << p;
      }
      EXPECT_GE(slowed(spec, p), slowed(spec, std::max<Index>(p - 1, 0))) << p;
      kept += slowed(spec, p) == 1;
      full += slowed(spec, p) > 15.999;
    }
    EXPECT_GT(kept, 10);
    EXPECT_GT(full, 10);
    EXPECT_LT(kept + full, 60);
  }
  rope::Yarn untruncated = options;
  untruncated.truncate = false;
  EXPECT_NE(rope::yarn(128, options).inverse_frequencies, rope::yarn(128, untruncated).inverse_frequencies);
}

TEST(RopeScaling, YarnsAttentionFactorHasItsThreeForms) {
  rope::Yarn options{.factor = 40, .original_length = 4096};
  const auto factor = [&] { return rope::yarn(64, options).attention_factor; };
  const double usual = 0.1 * std::log(40.0) + 1;
  EXPECT_NEAR(factor(), usual, 1e-15);
  options.mscale = 0.707;
  EXPECT_NEAR(factor(), usual, 1e-15) << "one of DeepSeek's numbers alone says nothing";
  options.mscale_all_dim = 1;
  EXPECT_NEAR(factor(), (0.0707 * std::log(40.0) + 1) / usual, 1e-15);
  options.mscale = 1;
  EXPECT_EQ(factor(), 1) << "DeepSeek-V3: both are 1, and the scale of the scores has it all";
  options.attention_factor = 0.5;
  EXPECT_EQ(factor(), 0.5);
  EXPECT_EQ(rope::yarn_mscale(1, 5), 1);
  EXPECT_EQ(rope::yarn_mscale(0.5), 1);
  EXPECT_NEAR(rope::yarn_mscale(40, 0.707), 0.0707 * std::log(40.0) + 1, 1e-15);
}

TEST(RopeScaling, LongRopeTakesTheFactorsOfTheLength) {
  std::vector<double> near(64), far(64);
  for (std::size_t p = 0; p < 64; ++p) near[p] = 1 + 0.01 * static_cast<double>(p), far[p] = 2 + static_cast<double>(p);
  rope::LongRope options{.short_factors = near, .long_factors = far, .length = 4096, .factor = 32};
  const rope::Spec within = rope::long_rope(128, options);
  options.length = 4097;
  const rope::Spec beyond = rope::long_rope(128, options);
  for (std::size_t p = 0; p < 64; ++p) {
    EXPECT_EQ(within.inverse_frequencies[p], plain.inverse_frequencies[p] / near[p]);
    EXPECT_EQ(beyond.inverse_frequencies[p], plain.inverse_frequencies[p] / far[p]);
  }
  EXPECT_NEAR(beyond.attention_factor, std::sqrt(1 + std::log(32.0) / std::log(4096.0)), 1e-15);
  options.factor = 1;
  EXPECT_EQ(rope::long_rope(128, options).attention_factor, 1);
  options.attention_factor = 1.25;
  EXPECT_EQ(rope::long_rope(128, options).attention_factor, 1.25);
}

TEST(RopeScaling, Llama3GoesByWavelength) {
  const rope::Spec before = rope::standard(128, 500000), after = rope::llama3(128);
  int ramp = 0;
  for (std::size_t p = 0; p < 64; ++p) {
    const double f = before.inverse_frequencies[p], wavelength = 2 * std::numbers::pi / f;
    if (wavelength < 8192.0 / 4) {
      EXPECT_EQ(after.inverse_frequencies[p], f) << p;
    } else if (wavelength > 8192.0) {
      EXPECT_EQ(after.inverse_frequencies[p], f / 8) << p;
    } else {
      const double smooth = (8192 / wavelength - 1) / (4 - 1);
      EXPECT_NEAR(after.inverse_frequencies[p], (1 - smooth) * f / 8 + smooth * f, 1e-15 * f) << p;
      ++ramp;
    }
  }
  EXPECT_GT(ramp, 2);
}

TEST(RopeScaling, RefusesWhatCantBe) {
  EXPECT_EQ(refusal([] { rope::linear(128, 0); }), "rapt: rope: factor is 0; it has to be finite and more than 0");
  EXPECT_NE(refusal([] { rope::linear(127, 2); }), "");
  EXPECT_NE(refusal([] { rope::ntk(128, -1); }), "");
  EXPECT_NE(refusal([] { rope::dynamic_ntk(128, {.factor = 0.5}); }), "");
  EXPECT_NE(refusal([] { rope::dynamic_ntk(128, {.original_length = 0}); }), "");
  EXPECT_NE(refusal([] { rope::dynamic_ntk(128, {.length = -1}); }), "");
  EXPECT_NE(refusal([] { rope::yarn(128, {.factor = -3}); }), "");
  EXPECT_NE(refusal([] { rope::yarn(128, {.original_length = 0}); }), "");
  EXPECT_EQ(refusal([] { rope::yarn(128, {.base = 1}); }), "rapt: rope: base is 1; it has to be more than 1");
  EXPECT_EQ(refusal([] { rope::yarn(128, {.beta_fast = 1, .beta_slow = 2}); }),
            "rapt: rope: beta_fast is 1; it has to be finite, and beta_slow or more");
  EXPECT_NE(refusal([] { rope::yarn_mscale(0); }), "");
  EXPECT_EQ(refusal([] {
              rope::long_rope(8, {.short_factors = {1, 1, 1, 1}, .long_factors = {1, 1, 1}});
            }),
            "rapt: rope: the number of long_factors is 3; it has to be 4, half of rotary_dim");
  EXPECT_EQ(refusal([] {
              rope::long_rope(4, {.short_factors = {1, 0}, .long_factors = {1, 1}});
            }),
            "rapt: rope: short_factors is 0; it has to be finite and more than 0");
  EXPECT_NE(refusal([] { rope::long_rope(2, {.short_factors = {1}, .long_factors = {1}, .original_length = 1}); }), "");
  EXPECT_EQ(refusal([] { rope::llama3(128, {.low_frequency_factor = 5}); }),
            "rapt: rope: high_frequency_factor is 4; it has to be finite, and low_frequency_factor or more");
  EXPECT_NE(refusal([] { rope::llama3(128, {.factor = 0}); }), "");
  EXPECT_NE(refusal([] { rope::llama3(128, {.original_length = -5}); }), "");
}

}  // namespace
}  // namespace rapt_test::scaling_test
