// What a spec is, and what it refuses to be.
#include "rapt/rope/spec.hpp"

#include <limits>

#include "rope/specs.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::spec_test {
namespace {

namespace rope = rapt::rope;

TEST(RopeSpec, StandardIsAGeometricLadderFromOne) {
  const rope::Spec spec = rope::standard(128, 500000);
  EXPECT_EQ(spec.rotary_dim(), 128);
  EXPECT_EQ(spec.pairs(), 64);
  EXPECT_EQ(spec.position_components(), 1);
  EXPECT_EQ(spec.pairing, rope::Pairing::half);
  EXPECT_EQ(spec.inverse_frequencies[0], 1.0);
  for (Index p = 0; p < 64; ++p)
    EXPECT_NEAR(spec.inverse_frequencies[at(p)] / std::pow(500000.0, static_cast<double>(-p) / 64), 1, 1e-15);
}

TEST(RopeSpec, ProportionalKeepsTheFastPairsAndStopsTheRest) {
  const rope::Spec all = rope::standard(256, 1e6), some = rope::proportional(256, 64, 1e6, 2);
  EXPECT_EQ(some.pairs(), all.pairs());
  for (std::size_t p = 0; p < 128; ++p)
    EXPECT_EQ(some.inverse_frequencies[p], p < 32 ? all.inverse_frequencies[p] / 2 : 0.0);
}

TEST(RopeSpec, TakesTheCallersFrequencies) {
  EXPECT_EQ(rope::from_inverse_frequencies({1, 0.5, 0}).inverse_frequencies, (std::vector<double>{1, 0.5, 0}));
}

TEST(RopeSpec, OfEveryKindPassesItsOwnCheck) {
  for (const auto& [name, spec] : every_spec(64)) {
    SCOPED_TRACE(name);
    EXPECT_EQ(spec.rotary_dim(), 64);
    EXPECT_NO_THROW(rapt::detail::check_spec(spec));
  }
}

TEST(RopeSpec, MakersRefuseWhatCantBe) {
  EXPECT_EQ(refusal([] { rope::standard(127); }),
            "rapt: rope: rotary_dim is 127; it has to be even, 2 or more, and less than 2^30");
  EXPECT_NE(refusal([] { rope::standard(0); }), "");
  EXPECT_NE(refusal([] { rope::standard(-2); }), "");
  EXPECT_EQ(refusal([] { rope::standard(64, 0); }), "rapt: rope: base is 0; it has to be finite and more than 0");
  EXPECT_NE(refusal([] { rope::standard(64, std::numeric_limits<double>::infinity()); }), "");
  EXPECT_NE(refusal([] { rope::standard(64, std::numeric_limits<double>::quiet_NaN()); }), "");
  EXPECT_EQ(refusal([] { rope::proportional(64, 66); }),
            "rapt: rope: turning_dim is 66; it has to be even, and from 0 to rotary_dim");
  EXPECT_NE(refusal([] { rope::proportional(64, 31); }), "");
  EXPECT_EQ(refusal([] { rope::from_inverse_frequencies({}); }),
            "rapt: spec: the number of inverse_frequencies is 0; it has to be 1 or more");
  EXPECT_EQ(refusal([] {
              rope::from_inverse_frequencies({1, std::numeric_limits<double>::infinity()});
            }),
            "rapt: spec: inverse_frequencies[1] is inf; it has to be finite");
}

/// What is said of a standard spec that `change` was made to.
template <class F> std::string refusal_of(F change) {
  rope::Spec spec = rope::standard(8);
  change(spec);
  return refusal([&] { rapt::detail::check_spec(spec); });
}

TEST(RopeSpec, ThatWasChangedIsCheckedAgain) {
  EXPECT_EQ(refusal_of([](rope::Spec&) {}), "");
  EXPECT_EQ(refusal_of([](rope::Spec& s) { s.offset = -1; }),
            "rapt: spec: offset is -1; it has to be from 0 to 2^30 - 1");
  EXPECT_EQ(refusal_of([](rope::Spec& s) {
              s.components = {0, 1};
            }),
            "rapt: spec: the number of components is 2; it has to be 0 or 4, as that of inverse_frequencies");
  EXPECT_EQ(refusal_of([](rope::Spec& s) {
              s.components = {0, 1, -1, 0};
            }),
            "rapt: spec: a component is -1; it has to be from 0 to 15");
  EXPECT_EQ(refusal_of([](rope::Spec& s) { s.growth = {0}; }),
            "rapt: spec: the number of growth is 1; it has to be 0 or 4, as that of inverse_frequencies");
  EXPECT_NE(refusal_of([](rope::Spec& s) { s.attention_factor = std::numeric_limits<double>::quiet_NaN(); }), "");
  EXPECT_NE(refusal_of([](rope::Spec& s) { s.centre = std::numeric_limits<double>::infinity(); }), "");
}

}  // namespace
}  // namespace rapt_test::spec_test
