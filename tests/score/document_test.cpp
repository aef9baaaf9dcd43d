// Masks of ids: documents that are packed into one sequence.
#include <vector>

#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::document_test {
namespace {

using rapt::document;
using rapt::PerPosition;
using rapt::row_major;

std::vector<std::int32_t> packed(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> ids(at(count));
  for (std::size_t i = 1; i < ids.size(); ++i) ids[i] = ids[i - 1] + static_cast<std::int32_t>(random.below(12) == 0);
  return ids;
}
std::vector<std::int32_t> mixed(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> ids(at(count));
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(3)) - 1;
  return ids;
}

TEST(Document, AttendsToTheSameIdOfEachEntry) {
  const std::vector<std::int32_t> ids = mixed(2 * 30, 1);
  const auto mask = document(row_major(ids.data(), 2, 30));
  for (std::int32_t b = 0; b < 2; ++b)
    for (std::int32_t query = -5; query < 35; ++query)
      for (std::int32_t key = 0; key < 30; ++key)
        EXPECT_EQ(mask.attends({b, 0, query, key, 3}),
                  query >= 0 && query < 30 && ids[at(b * 30 + query)] == ids[at(b * 30 + key)]);
}

TEST(Document, OfOneRowIsForAllEntries) {
  const std::vector<std::int32_t> ids = mixed(30, 2);
  const auto mask = rapt::same_sequence(ids), row = document(row_major(ids.data(), 1, 30));
  for (std::int32_t key = 0; key < 30; ++key) {
    EXPECT_EQ(mask.attends({7, 0, 4, key}), ids[4] == ids[at(key)]);
    EXPECT_EQ(row.attends({7, 0, 4, key}), ids[4] == ids[at(key)]);
  }
}

TEST(Document, TakesIdsOfQueriesAndKeysApart) {
  const std::vector<std::int32_t> q = mixed(2 * 5, 3), k = mixed(30, 4);
  const auto mask = document(row_major(q.data(), 2, 5), k);
  for (std::int32_t b = 0; b < 2; ++b)
    for (std::int32_t i = 0; i < 5; ++i)
      for (std::int32_t key = 0; key < 30; ++key)
        EXPECT_EQ(mask.attends({b, 0, 100 + i, key, i}), q[at(b * 5 + i)] == k[at(key)]);
}

TEST(Document, TakesIdsOfAnyWidthThatDifferIn32Bits) {
  const std::vector<std::int32_t> ids = mixed(2 * 30, 6);
  std::vector<Index> wide(ids.begin(), ids.end());
  const auto mask = document(row_major(wide.data(), 2, 30)), narrow = document(row_major(ids.data(), 2, 30));
  for (std::int32_t key = 0; key < 30; ++key)
    for (std::int32_t b = 0; b < 2; ++b) EXPECT_EQ(mask.attends({b, 0, 4, key}), narrow.attends({b, 0, 4, key}));
  mask.check({2, 1, 30, 30});
  wide[31] += Index(1) << 32;
  EXPECT_EQ(refusal([&] {
              mask.check({2, 1, 30, 30});
            }),
            "rapt: document: number 1 of row 1 is " + std::to_string(wide[31]) + "; it has to fit 32 bits");
}

TEST(Document, TakesIdsThatStandApart) {
  const std::vector<std::int32_t> ids = mixed(60, 5);
  const rapt::MatrixView<const std::int32_t> columns{ids.data(), 2, 30, 1, 2};
  const auto mask = document(columns);
  for (std::int32_t key = 0; key < 30; ++key) EXPECT_EQ(mask.attends({1, 0, 4, key}), ids[9] == ids[at(2 * key + 1)]);
  expect_covers_is_true(mask, {2, 1, 1, 20, 30}, 5, false);
}

TEST(Document, CoversTellsPackedDocumentsApartExactly) {
  const std::vector<std::int32_t> ids = packed(2 * 200, 6);
  const auto mask = document(row_major(ids.data(), 2, 200));
  EXPECT_GT(expect_covers_is_true(mask, {2, 1, 1, 200, 200}, 0, true).least(), 500);
  expect_covers_is_true(mask, {2, 1, 1, 200, 150}, -30, false);
  expect_covers_is_true(mask, {2, 1, 1, 200, 150}, 60, false);
}

TEST(Document, CoversIsTrueOfAnyIds) {
  const std::vector<std::int32_t> ids = mixed(200, 7), q = mixed(2 * 70, 8);
  expect_covers_is_true(document(ids), {2, 1, 1, 100, 200}, 50, false);
  expect_covers_is_true(document(row_major(q.data(), 2, 70), ids), {2, 1, 1, 70, 200}, 500, false);
}

TEST(Document, RefusesIdsThatDoNotFitTheCall) {
  const std::vector<std::int32_t> ids(60);
  const rapt::ProblemShape shape{3, 4, 10, 31};
  const auto says = [&](const rapt::Document& d) { return refusal([&] { d.check(shape); }); };
  EXPECT_EQ(says(document(row_major(ids.data(), 2, 30))),
            "rapt: document: has ids of 2 batch entries; it has to have 3, or 1 for all");
  EXPECT_EQ(says(document(row_major(ids.data(), 1, 30))),
            "rapt: document: has 30 ids; it has to have 31, one for each key");
  EXPECT_EQ(says(document(row_major(ids.data(), 1, 9), ids)),
            "rapt: document: has 9 ids; it has to have 10, one for each query");
  EXPECT_EQ(says(document(row_major(ids.data(), 1, 11), ids)),
            "rapt: document: has 11 ids; it has to have 10, one for each query");
  EXPECT_EQ(says(document(rapt::MatrixView<const std::int32_t>{nullptr, 1, 40})),
            "rapt: document: ids is a null pointer; it has to point to the ids");
  EXPECT_EQ(says(document(ids)), "");
  EXPECT_EQ(says(document(row_major(ids.data(), 3, 10), ids)), "");
  static_assert(!std::is_constructible_v<PerPosition, std::vector<std::int32_t>>, "it would be gone");
}

}  // namespace
}  // namespace rapt_test::document_test
