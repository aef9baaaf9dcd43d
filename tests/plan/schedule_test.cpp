// How the work is cut: every row and every span is somebody's, once, whatever the shapes and the number of workers.
#include "rapt/plan/schedule.hpp"

#include <gtest/gtest.h>

#include <set>
#include <tuple>
#include <vector>

#include "support/random.hpp"

namespace rapt_test::schedule_test {
namespace {

using rapt::Index;
using rapt::detail::Extents;
using rapt::detail::make_schedule;
using rapt::detail::Schedule;

struct Given {
  Extents extents;
  Index lanes, few_rows, workers;
};

std::vector<Given> all_kinds() {
  std::vector<Given> found;
  Random random(1);
  const Index lanes[] = {1, 2, 4, 8, 16, 32, 64}, dims[] = {1, 8, 64, 128, 576, 5000},
              lengths[] = {0, 1, 2, 5, 33, 48, 64, 100, 513, 4096, 131072};
  const auto one_of = [&](const auto& list) { return list[random.below(static_cast<Index>(std::size(list)))]; };
  for (int i = 0; i < 20000; ++i)
    found.push_back({{random.below(4), 1 + random.below(9), 1 + random.below(9), one_of(lengths), one_of(lengths),
                      one_of(dims), one_of(dims), 4 + 4 * random.below(2)},
                     one_of(lanes),
                     i % 2 == 0 ? 0 : 16,
                     i % 3 == 0 ? 1 : 1 + random.below(70)});
  return found;
}

std::ostream& operator<<(std::ostream& to, const Given& g) {
  const Extents& e = g.extents;
  return to << "batch " << e.batch << ", kv_heads " << e.kv_heads << ", group " << e.group << ", q_len " << e.q_len
            << ", kv_len " << e.kv_len << ", dims " << e.head_dim << "/" << e.value_dim << ", element " << e.element
            << ", lanes " << g.lanes << ", few rows " << g.few_rows << ", workers " << g.workers;
}

TEST(Schedule, GivesEachRowOfEachHeadToExactlyOneBlock) {
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    ASSERT_EQ(s.rows, g.extents.group * g.extents.q_len) << g;
    ASSERT_EQ(s.heads, g.extents.batch * g.extents.kv_heads) << g;
    ASSERT_GE(s.groups, 1) << g;
    ASSERT_EQ(s.block_rows(), s.lanes * s.groups) << g;
    ASSERT_GE(s.blocks * s.block_rows(), s.rows) << g;
    ASSERT_TRUE(s.rows == 0 ? s.blocks == 0 : (s.blocks - 1) * s.block_rows() < s.rows) << g << ": no block is empty";
  }
}

TEST(Schedule, GivesEachSpanOfABlockToExactlyOnePart) {
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    ASSERT_EQ(s.spans, (g.extents.kv_len + rapt::contract::span - 1) / rapt::contract::span) << g;
    ASSERT_GE(s.parts, 1) << g;
    ASSERT_LE(s.parts, std::max<Index>(s.spans, 1)) << g << ": no part is empty";
    Index next = 0;
    for (Index part = 0; part < s.parts; ++part) {
      ASSERT_EQ(s.spans * part / s.parts, next) << g;
      next = s.spans * (part + 1) / s.parts;
    }
    ASSERT_EQ(next, s.spans) << g;
  }
}

TEST(Schedule, TakesFewRowsAsOneBlock) {
  int few = 0;
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    ASSERT_EQ(s.few, s.rows <= g.few_rows) << g;
    if (!s.few || s.rows == 0) continue;
    ++few;
    ASSERT_EQ(s.blocks, 1) << g;
  }
  EXPECT_GT(few, 100);
}

TEST(Schedule, SplitsKeysOnlyWhenThereAreFewBlocksAndThenBlocksAreOneGroup) {
  int split = 0;
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    if (s.parts == 1) continue;
    ++split;
    ASSERT_GT(rapt::detail::enough_blocks(s, g.workers), s.heads * s.blocks) << g;
    ASSERT_TRUE(s.few || s.groups == 1) << g << ": the states of a block are those of one group";
  }
  EXPECT_GT(split, 100);
}

TEST(Schedule, AsksForNoMoreWorkersThanThereAreAndThanThereAreItems) {
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    ASSERT_EQ(s.items(), s.heads * s.blocks * s.parts) << g;
    ASSERT_GE(s.workers, 1) << g;
    ASSERT_LE(s.workers, g.workers) << g;
    ASSERT_LE(s.workers, std::max<Index>(s.items(), 1)) << g;
  }
}

TEST(Schedule, KeepsABlocksQueriesAndOutputsWithinTheirShareOfTheCache) {
  for (const Given& g : all_kinds()) {
    const Schedule s = make_schedule(g.extents, g.lanes, g.few_rows, g.workers);
    if (s.groups == 1 || s.few) continue;
    const Index bytes = s.block_rows() * g.extents.element * (g.extents.head_dim + 2 * g.extents.value_dim);
    ASSERT_LE(bytes, rapt::detail::block_bytes) << g;
  }
}

TEST(Schedule, LeavesEachWorkerSeveralItemsWhereThereAreRowsForIt) {
  const Schedule s = make_schedule({1, 1, 1, 16384, 16384, 128, 128, 4}, 64, 0, 8);
  EXPECT_GE(s.items(), 8 * rapt::detail::items_per_worker);
  EXPECT_EQ(s.parts, 1);
}

TEST(Schedule, DealsTheSpansOfASingleQueryOut) {
  const Schedule s = make_schedule({1, 1, 1, 1, 131072, 128, 128, 4}, 64, 0, 8);
  EXPECT_EQ(s.blocks, 1);
  EXPECT_GE(s.items(), 8);
  EXPECT_EQ(s.workers, 8);
}

TEST(Schedule, LetsHeadsTakeTurnsWhereTheyStandSideBySide) {
  const Extents e{2, 8, 4, 1, 4096, 128, 128, 4, true};
  for (const Index workers : {1, 2, 64}) {
    const Schedule s = make_schedule(e, 64, 16, workers);
    EXPECT_EQ(s.turns, 8);
    EXPECT_EQ(s.parts, s.spans);
    EXPECT_EQ(make_schedule(e, 64, 0, workers).turns, 1) << "the rows are not few";
  }
}

TEST(Schedule, RoundsUp) {
  EXPECT_EQ(rapt::detail::ceil_div(0, 5), 0);
  EXPECT_EQ(rapt::detail::ceil_div(10, 5), 2);
  EXPECT_EQ(rapt::detail::ceil_div(11, 5), 3);
  EXPECT_EQ(rapt::detail::round_up(65, 64), 128);
  EXPECT_EQ(rapt::detail::round_up(64, 64), 64);
}

}  // namespace
}  // namespace rapt_test::schedule_test
