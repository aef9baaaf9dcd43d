// Block-sparse masks, in compressed sparse rows.
#include <algorithm>
#include <vector>

#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::block_sparse_test {
namespace {

using rapt::block_sparse;
using rapt::BlockSize;

const std::vector<std::int32_t> rows = {0, 2, 2, 5}, columns = {0, 2, 1, 2, 3};

TEST(BlockSparse, AttendsWhereAColumnIsListed) {
  const auto mask = block_sparse(rows, columns, {10, 7});
  for (std::int32_t query = -15; query < 50; ++query)
    for (std::int32_t key = 0; key < 60; ++key) {
      const Index r = query < 0 ? -1 : query / 10;
      bool listed = false;
      if (r >= 0 && r < 3)
        listed = std::count(columns.begin() + rows[at(r)], columns.begin() + rows[at(r) + 1], key / 7) != 0;
      ASSERT_EQ(mask.attends({1, 5, query, key}), listed) << query << " " << key;
    }
}

TEST(BlockSparse, HasRowsForEachHead) {
  const std::vector<std::int32_t> each = {0, 1, 1, 3, 3, 3, 4, 5}, blocks = {0, 0, 3, 2, 1};
  const auto mask = block_sparse(rapt::row_major(each.data(), 2, 4), blocks, 16);
  for (std::int32_t h = 0; h < 2; ++h)
    for (std::int32_t query = 0; query < 48; ++query)
      for (std::int32_t key = 0; key < 80; ++key) {
        const auto begin = blocks.begin() + each[at(h * 4 + query / 16)],
                   end = blocks.begin() + each[at(h * 4 + query / 16 + 1)];
        ASSERT_EQ(mask.attends({0, h, query, key}), std::count(begin, end, key / 16) != 0) << h << query << key;
      }
}

TEST(BlockSparse, CoversIsExact) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const MaskMemory m({1, 3, 1, 90, 300}, seed);
    const Index row = Index(m.rows.size()) / 3;
    for (const BlockSize size : {BlockSize(24, 32), BlockSize(16), BlockSize(5, 70), BlockSize(1)}) {
      const auto mask = block_sparse(rapt::row_major(m.rows.data(), 3, row), m.columns, size);
      expect_covers_is_true(mask, m.shape, 0, true);
      expect_covers_is_true(mask, m.shape, -20, true);
      expect_covers_is_true(mask, m.shape, 270, true);
    }
    const auto mask = block_sparse(rapt::row_major(m.rows.data(), 3, row), m.columns, 40);
    EXPECT_GT(expect_covers_is_true(mask, m.shape, 30, true).least(), 300);
  }
}

/// More blocks than bits in a word.
TEST(BlockSparse, CoversIsExactOfManyBlocks) {
  std::vector<std::int32_t> some, all, ends = {0};
  for (std::int32_t i = 0; i < 150; ++i)
    if (i < 130) all.push_back(i);
  ends.push_back(130);
  const auto mask = block_sparse(ends, all, {4, 1});
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 0, 3, 0, 129}), Coverage::all);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 0, 3, 0, 130}), Coverage::some);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 0, 4, 0, 129}), Coverage::some);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 0, 3, 130, 200}), Coverage::none);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 4, 9, 0, 9}), Coverage::none);
  expect_covers_is_true(mask, {1, 1, 1, 6, 150}, 0, true);
}

TEST(BlockSparse, OfNoBlocksIsEmpty) {
  const std::vector<std::int32_t> none(4, 0);
  const auto mask = block_sparse(none, {}, 64);
  EXPECT_FALSE(mask.attends({0, 0, 5, 5}));
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 0, 63, 0, 63}), Coverage::none);
}

TEST(BlockSparse, RefusesWhatIsNotCompressedRows) {
  const auto says = [](const std::vector<std::int32_t>& r, const std::vector<std::int32_t>& c, BlockSize size) {
    return refusal([&] { block_sparse(r, c, size); });
  };
  EXPECT_EQ(says(rows, columns, 64), "");
  EXPECT_EQ(says(rows, columns, 0),
            "rapt: block_sparse: the block size of queries is 0; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(says(rows, columns, {64, -1}),
            "rapt: block_sparse: the block size of keys is -1; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(says({}, {}, 64),
            "rapt: block_sparse: rows is empty; it has to have a number for each block of queries, and one more");
  EXPECT_EQ(says({0, 2, 1}, columns, 64),
            "rapt: block_sparse: rows[2] is 1; it has to be from 2 to 5, the number of columns");
  EXPECT_EQ(says({0, 2, 6}, columns, 64),
            "rapt: block_sparse: rows[2] is 6; it has to be from 2 to 5, the number of columns");
  EXPECT_EQ(says({-1, 2}, columns, 64),
            "rapt: block_sparse: rows[0] is -1; it has to be from 0 to 5, the number of columns");
  EXPECT_EQ(says({0, 2}, {3, 3}, 64),
            "rapt: block_sparse: columns[1] is 3; in a row they have to ascend from 0 or more, within 2^30 positions");
  EXPECT_EQ(says({0, 1}, {-1}, 64),
            "rapt: block_sparse: columns[0] is -1; in a row they have to ascend from 0 or more, within 2^30 positions");
  const auto two = block_sparse(rapt::row_major(rows.data(), 2, 2), columns, 64);
  EXPECT_EQ(refusal([&] {
              two.check({1, 3, 64, 64});
            }),
            "rapt: block_sparse: the number of heads is 2; it has to be 3, or 1 for all");
}

}  // namespace
}  // namespace rapt_test::block_sparse_test
