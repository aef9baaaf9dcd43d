// Each row meets each panel in exactly one item, and an item's memory stays bounded.
#include "rapt/linear/schedule.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rapt_test::schedule_test {
namespace {

using rapt::Index;
using rapt::detail::LinearSchedule;
using rapt::detail::make_linear_schedule;

TEST(LinearSchedule, CoversEveryRowAndPanelOnce) {
  for (Index rows : {0, 1, 5, 12, 13, 264, 265, 512, 1000})
    for (Index in : {1, 15, 512, 513, 5000})
      for (Index panels : {1, 2, 7, 64})
        for (Index workers : {1, 2, 7, 64}) {
          const LinearSchedule s = make_linear_schedule(rows, in, panels, 4, workers);
          std::vector<int> met(static_cast<std::size_t>(rows * panels));
          for (Index item = 0; item < s.items(); ++item)
            for (Index r = 0; r < s.block_rows; ++r)
              for (Index p = 0; p < s.group_panels; ++p) {
                const Index row = item / s.groups * s.block_rows + r, panel = item % s.groups * s.group_panels + p;
                if (row < rows && panel < panels) ++met[static_cast<std::size_t>(row * panels + panel)];
              }
          for (int count : met) ASSERT_EQ(count, 1);
          EXPECT_GE(s.workers, 1);
          EXPECT_LE(s.workers, workers);
          EXPECT_LE(s.workers, std::max<Index>(s.items(), 1));
          EXPECT_GE(s.slice, 1);
          EXPECT_LE(s.slice, rapt::detail::most_slice);
        }
}

TEST(LinearSchedule, LeavesEachWorkerSeveralItems) {
  EXPECT_GE(make_linear_schedule(1, 4096, 64, 4, 2).items(), 8);
  EXPECT_GE(make_linear_schedule(512, 4096, 64, 4, 2).items(), 8);
  EXPECT_GE(make_linear_schedule(512, 64, 1, 4, 4).items(), 8);
}

TEST(LinearSchedule, OfOneWorkerReadsTheWeightsOfFewRowsOnce) {
  EXPECT_EQ(make_linear_schedule(264, 4096, 64, 4, 1).items(), 1);
  EXPECT_EQ(make_linear_schedule(1, 16384, 64, 4, 1).items(), 1);
}

TEST(LinearSchedule, WidensWholeBlocksOfWeightsAndFewForFewRows) {
  for (Index rows : {1, 2, 48, 49, 512})
    for (Index in : {1, 31, 33, 64, 65, 513, 5000}) {
      const LinearSchedule s = make_linear_schedule(rows, in, 2, 4, 1, true);
      EXPECT_EQ(s.slice % 32, 0);
      EXPECT_LE(s.slice, rows <= 48 ? 64 : 512);
      EXPECT_EQ(rapt::detail::linear_scratch_bytes(s, 1, 4, true),
                rows == 1 ? 0 : rapt::detail::linear_scratch_bytes(s, 1, 4) + 256 * s.slice);
    }
}

TEST(LinearSchedule, BoundsTheMemoryToWorkIn) {
  for (Index in : {64, 4096, 16384})
    EXPECT_LE(rapt::detail::linear_scratch_bytes(make_linear_schedule(100'000, in, 64, 4, 1), 1, 4), Index(6) << 20);
}

}  // namespace
}  // namespace rapt_test::schedule_test
