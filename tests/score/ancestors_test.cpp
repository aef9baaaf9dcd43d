// Trees of proposed tokens: who attends to whom.
#include <vector>

#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::ancestors_test {
namespace {

using rapt::ancestors;

std::vector<std::int32_t> random_tree(Index nodes, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> parents;
  for (Index i = 0; i < nodes; ++i) parents.push_back(static_cast<std::int32_t>(random.below(i + 1) - 1));
  return parents;
}

bool is_ancestor(const std::int32_t* parents, Index of, Index node) {
  while (of > node) of = parents[of];
  return of == node;
}

/// The mask of a call with queries `rows`, nodes `parents`, and `kv_len` keys, against a walk from child to parent.
void expect_walk(const rapt::Ancestors& mask, const std::int32_t* parents, Index nodes, Index rows, Index kv_len,
                 std::int32_t batch = 0) {
  for (std::int32_t i = 0; i < rows; ++i)
    for (std::int32_t key = 0; key < kv_len; ++key) {
      const Index query = kv_len - rows + i, q = query - (kv_len - nodes), k = key - (kv_len - nodes);
      const bool expected = q < 0 ? key <= query : k < 0 || is_ancestor(parents, q, k);
      ASSERT_EQ(mask.attends({batch, 0, static_cast<std::int32_t>(query), key, i}), expected) << query << " " << key;
    }
}

TEST(Ancestors, AttendToWhatIsBeforeTheTreeAndToThePathFromIt) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto parents = random_tree(30, seed);
    expect_walk(ancestors(parents), parents.data(), 30, 30, 75);
  }
}

TEST(Ancestors, TakeFewerQueriesThanNodesAndMore) {
  const auto parents = random_tree(30, 1);
  expect_walk(ancestors(parents, 12), parents.data(), 30, 12, 75);
  expect_walk(ancestors(parents, 50), parents.data(), 30, 50, 75);
  expect_walk(ancestors(parents, 0), parents.data(), 30, 0, 75);
}

TEST(Ancestors, TakeATreeForEachEntry) {
  const auto one = random_tree(20, 2), two = random_tree(20, 3);
  std::vector<std::int32_t> both = one;
  both.insert(both.end(), two.begin(), two.end());
  const auto mask = ancestors(rapt::row_major(both.data(), 2, 20));
  expect_walk(mask, one.data(), 20, 20, 40, 0);
  expect_walk(mask, two.data(), 20, 20, 40, 1);
}

/// A chain is causal, and roots alone see nothing of each other.
TEST(Ancestors, OfAChainAreCausal) {
  std::vector<std::int32_t> chain, roots(10, -1);
  for (std::int32_t i = 0; i < 10; ++i) chain.push_back(i - 1);
  for (std::int32_t i = 0; i < 10; ++i)
    for (std::int32_t j = 0; j < 10; ++j) {
      EXPECT_EQ(ancestors(chain).attends({0, 0, 5 + i, 5 + j, i}), j <= i);
      EXPECT_EQ(ancestors(roots).attends({0, 0, 5 + i, 5 + j, i}), j == i);
    }
}

TEST(Ancestors, CoversIsTrue) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto parents = random_tree(60, seed);
    const Said said = expect_covers_is_true(ancestors(parents), {1, 1, 1, 60, 100}, 40, false);
    EXPECT_GT(said.least(), 300);
    expect_covers_is_true(ancestors(parents, 90), {1, 1, 1, 90, 100}, 10, false);
    expect_covers_is_true(ancestors(parents, 9), {1, 1, 1, 9, 100}, 91, false);
  }
}

/// Two branches of many nodes: the one doesn't see the other.
TEST(Ancestors, CoversKnowsBranchesApart) {
  std::vector<std::int32_t> parents;
  for (std::int32_t i = 0; i < 200; ++i) parents.push_back(i % 100 == 0 ? -1 : i - 1);
  const auto mask = ancestors(parents);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 164, 227, 64, 127, 100}), Coverage::none);
  EXPECT_EQ(mask.covers(Box{0, 0, 0, 240, 263, 164, 227, 176}), Coverage::all);
}

TEST(Ancestors, RefuseWhatIsNoTree) {
  const std::vector<std::int32_t> root = {0}, itself = {-1, 0, 2}, below = {-1, -2};
  EXPECT_EQ(refusal([&] { ancestors(root); }),
            "rapt: ancestors: the parent of node 0 is 0; it has to be -1, for what stands before the tree");
  EXPECT_EQ(refusal([&] { ancestors(itself); }),
            "rapt: ancestors: the parent of node 2 is 2; it has to be a node before it, or -1 for what stands before "
            "the tree");
  EXPECT_EQ(refusal([&] { ancestors(below); }),
            "rapt: ancestors: the parent of node 1 is -2; it has to be a node before it, or -1 for what stands before "
            "the tree");
  EXPECT_EQ(refusal([&] { ancestors(below, -1); }),
            "rapt: ancestors: the number of queries is -1; it has to be from 0 to 2^30 - 1");
}

TEST(Ancestors, RefuseACallThatIsNotTheirs) {
  const auto parents = random_tree(8, 4), four = random_tree(4, 4);
  const auto says = [](const rapt::Ancestors& a, const rapt::ProblemShape& s) { return refusal([&] { a.check(s); }); };
  EXPECT_EQ(says(ancestors(parents), {3, 4, 8, 100}), "");
  EXPECT_EQ(says(ancestors(parents), {3, 4, 7, 100}),
            "rapt: ancestors: is of 8 queries; the call has 7: say so if they are not the 8 nodes");
  EXPECT_EQ(says(ancestors(parents, 7), {3, 4, 7, 100}), "");
  EXPECT_EQ(says(ancestors(parents), {3, 4, 8, 7}),
            "rapt: ancestors: has 8 nodes; it has to have no more than the 7 keys");
  std::vector<std::int32_t> both = four;
  both.insert(both.end(), four.begin(), four.end());
  EXPECT_EQ(says(ancestors(rapt::row_major(both.data(), 2, 4)), {3, 4, 4, 100}),
            "rapt: ancestors: has 2 trees; it has to have 3, or 1 for all");
}

/// The nodes are the last positions, so no other alignment can be meant.
TEST(Ancestors, AreAlignedToTheEnd) {
  const auto parents = random_tree(8, 5);
  EXPECT_THROW((ancestors(parents) | rapt::causal(rapt::align::top_left)), std::invalid_argument);
}

/// What they need is copied, once: the parents may go.
TEST(Ancestors, KeepNothingOfTheCallers) {
  auto parents = random_tree(30, 6);
  const auto mask = ancestors(parents);
  const auto kept = parents;
  parents.assign(30, 1000);
  const rapt::Ancestors copy = mask;
  expect_walk(copy, kept.data(), 30, 30, 75);
}

}  // namespace
}  // namespace rapt_test::ancestors_test
