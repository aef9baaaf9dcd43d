// Masks combined by &&, || and !.
#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::logic_test {
namespace {

using rapt::causal;
using rapt::padding;
using rapt::window;

constexpr auto even = [](Coord c) { return c.key % 2 == 0; };

template <class F> void everywhere(F f) {
  for (std::int32_t query = -3; query < 30; ++query)
    for (std::int32_t key = 0; key < 30; ++key) f(Coord{0, 0, query, key});
}

TEST(Logic, MeansWhatItSays) {
  const auto both = window(5, 2) && even;
  const auto either = padding(4) || window(3, 0);
  const auto not_one = !window(5, 2);
  const auto nested = padding(4) || (causal() && !window(3, 0));
  everywhere([&](Coord c) {
    EXPECT_EQ(both.attends(c), window(5, 2).attends(c) && even(c));
    EXPECT_EQ(either.attends(c), padding(4).attends(c) || window(3, 0).attends(c));
    EXPECT_EQ(not_one.attends(c), !window(5, 2).attends(c));
    EXPECT_EQ(nested.attends(c), c.key < 4 || (c.key <= c.query && c.query - c.key > 3));
    EXPECT_EQ((even && causal()).attends(c), even(c) && causal().attends(c));
    EXPECT_EQ((even || causal()).attends(c), even(c) || causal().attends(c));
    EXPECT_EQ((!!causal()).attends(c), causal().attends(c));
  });
}

TEST(Logic, CoversIsTrue) {
  const Shape shape{1, 1, 1, 60, 80};
  EXPECT_GT(expect_covers_is_true(padding(40) && causal(), shape, 20, false).least(), 500);
  EXPECT_GT(expect_covers_is_true(padding(40) || window(10, 10), shape, 20, false).least(), 500);
  EXPECT_GT(expect_covers_is_true(!(padding(40) || window(10, 10)), shape, 20, false).least(), 500);
  EXPECT_GT(expect_covers_is_true(!window(10, 10), shape, 20, true).least(), 500);
  expect_covers_is_true((padding(40) && even) || !causal(), shape, -20, false);
}

/// All nine answers of two masks.
TEST(Logic, CoversHasThreeValues) {
  struct Says {
    Coverage what;
    bool attends(Coord) const { return true; }
    Coverage covers(const Box&) const { return what; }
  };
  const Coverage values[] = {Coverage::none, Coverage::some, Coverage::all};
  for (const Coverage a : values) {
    for (const Coverage b : values) {
      using rapt::operator&&, rapt::operator||;
      EXPECT_EQ((Says{a} && Says{b}).covers({}), std::min(a, b));
      EXPECT_EQ((Says{a} || Says{b}).covers({}), std::max(a, b));
    }
    using rapt::operator!;
    EXPECT_EQ((!Says{a}).covers({}), a == Coverage::none ? Coverage::all : a == Coverage::all ? Coverage::none : a);
  }
}

/// A function can't say how much it lets through.
TEST(Logic, AFunctionIsAskedScoreByScore) {
  const Box before{0, 0, 0, 20, 27, 0, 7}, after{0, 0, 0, 0, 7, 20, 27};
  EXPECT_EQ((causal() && even).covers(before), Coverage::some);
  EXPECT_EQ((causal() && even).covers(after), Coverage::none);
  EXPECT_EQ((causal() || even).covers(before), Coverage::all);
  EXPECT_EQ((causal() || even).covers(after), Coverage::some);
}

TEST(Logic, KeepsTheOneAlignmentAndEveryCheck) {
  const std::vector<std::int32_t> lengths = {1, 2};
  EXPECT_EQ((padding(3) || causal(rapt::align::top_left)).align, rapt::align::top_left);
  EXPECT_EQ((!causal(rapt::align::top_left)).align, rapt::align::top_left);
  EXPECT_THROW((causal(rapt::align::top_left) && window(1, 1, rapt::align::offset(1))), std::invalid_argument);
  const std::string says = "rapt: padding: has 2 lengths; it has to have 3, one for each batch entry";
  const rapt::ProblemShape shape{3, 1, 1, 1};
  EXPECT_EQ(refusal([&] { rapt::detail::check(causal() && padding(lengths), shape); }), says);
  EXPECT_EQ(refusal([&] { rapt::detail::check(causal() || !padding(lengths), shape); }), says);
}

TEST(Logic, IsDescribed) {
  EXPECT_EQ((padding(3) || (causal() && !window(1, 2))).describe(), "(padding(3) || (causal && !window(1, 2)))");
  EXPECT_EQ(((causal() || even) | window(1, 2)).describe(), "(causal || a mask function) | window(1, 2)");
}

}  // namespace
}  // namespace rapt_test::logic_test
