// What can't be right is refused, in words, before anything is written; and who allocates. Replaces this program's
// operator new.
#include <vector>

#include "support/allocations.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/observe.hpp"
#include "support/refusal.hpp"

namespace rapt_test::observe_errors_test {
namespace {

class ObserveErrors : public testing::Test {
 protected:
  const Shape shape{1, 4, 2, 6, 9, 8, 8};
  const Inputs<float> inputs{shape, 1};
  const View<const float> q = inputs.views().q, k = inputs.views().k;
  Observed<float> found{shape, 3};
  const View<float> to = found.matrix(found.probabilities);
  const AnyScore stages = any_score(rapt::causal());

  void TearDown() override { EXPECT_TRUE(same_bits(found, Observed<float>(shape, 3))) << "something was written"; }

  std::string refused(rapt::Observation<float> into, const Options<float>& options = {}) {
    return refusal([&] { rapt::observe(q, k, into, stages, options); });
  }
};

TEST_F(ObserveErrors, NameTheExtentThatIsWrong) {
  View<float> wrong = to;
  wrong.extent[3] = 8;
  EXPECT_EQ(refusal([&] { rapt::scores(q, k, wrong, stages); }),
            "rapt: to: the last extent is 8; it has to be 9, as in the keys");
  wrong = to, wrong.extent[2] = 7;
  EXPECT_EQ(refusal([&] { rapt::probabilities(q, k, wrong, stages); }),
            "rapt: to: length is 7; it has to be 6, as in q");
  EXPECT_EQ(refused({.entropy = rapt::bhs(found.entropy.data(), 1, 3, 6)}),
            "rapt: entropy: the number of heads is 3; it has to be 4, as in q");
  EXPECT_EQ(refused({.mass = rapt::bhs(found.mass.data(), 1, 4, 6)}),
            "rapt: mass: length is 6; it has to be 9, as in the keys");
  rapt::Observation<float> into = found.all();
  into.top_keys.extent[3] = 2;
  EXPECT_EQ(refused(into), "rapt: top_probabilities: the number of keys of a row is 3; it has to be 2, as in top_keys");
  into.top_keys.extent[3] = 0;
  EXPECT_EQ(refused(into), "rapt: top_keys: the number of keys of a row is 0; it has to be from 1 to 2^30 - 1");
  into = found.all();
  into.known_lse = rapt::lse_bhs<const float>(found.lse.data(), 2, 4, 6);
  EXPECT_EQ(refused(into), "rapt: known_lse: batch is 2; it has to be 1, as in q");
}

TEST_F(ObserveErrors, NameKeysThatDontFit) {
  View<const float> wrong = k;
  wrong.extent[3] = 7;
  EXPECT_EQ(refusal([&] { rapt::scores(q, wrong, to, stages); }), "rapt: k: head_dim is 7; it has to be 8, as in q");
  wrong = k, wrong.data = nullptr;
  EXPECT_NE(refusal([&] { rapt::observe(q, wrong, found.all(), stages); }).find("rapt: k: data is a null pointer"),
            std::string::npos);
  const rapt::KvCache<float> cache({.sequences = 2, .kv_heads = 2, .capacity = 64, .head_dim = 8});
  EXPECT_EQ(refusal([&] { rapt::observe(q, cache, found.all(), stages); }),
            "rapt: q: batch is 1; it has to be 2, as in the cache's sequences");
}

TEST_F(ObserveErrors, NameOptionsThatHaveNoMeaning) {
  EXPECT_EQ(refusal([&] { rapt::scores(q, k, to, stages, {.lse = found.lse_view()}); }),
            "rapt: lse: is set; it has to be unset: scores are written before any softmax");
  rapt::Observation<float> into = found.all();
  std::vector<float> other(24);
  into.known_lse = rapt::lse_bhs<const float>(other.data(), 1, 4, 6);
  EXPECT_EQ(refused(into, {.lse = found.lse_view()}),
            "rapt: lse: is set, and so is known_lse; it has to be unset where the logsumexps are known");
  const Index row = 0;
  EXPECT_EQ(refused(found.all(), {.rope_rows = rapt::MatrixView<const Index>{&row, 1, 6, 0, 0}}),
            "rapt: rope_rows: is set; it has to be unset without a table: rope");
  EXPECT_NE(refused(found.all(), {.scale = std::numeric_limits<double>::infinity()}).find("rapt: scale: "),
            std::string::npos);
  const rapt::rope::Table<float> table(rapt::rope::standard(8), 5);
  EXPECT_EQ(refused(found.all(), {.rope = &table}),
            "rapt: rope: has no row 5, for query 2 of batch entry 0; it has those from 0 to 4");
}

TEST_F(ObserveErrors, NameMemoryThatIsShared) {
  View<float> over = to;
  over.stride[3] = 0;
  EXPECT_NE(refusal([&] { rapt::scores(q, k, over, stages); }).find("rapt: to: two elements may share an address"),
            std::string::npos);
  std::vector<float> block(1000);
  const auto q_there = rapt::bhsd<const float>(block.data(), 1, 4, 6, 8);
  EXPECT_EQ(refusal([&] { rapt::scores(q_there, k, rapt::bhsd(block.data() + 100, 1, 4, 6, 9), stages); }),
            "rapt: to: shares memory with q; it has to be apart from what is read");
  const auto k_there = rapt::bhsd<const float>(block.data(), 1, 2, 9, 8);
  EXPECT_EQ(refusal([&] { rapt::observe(q, k_there, {.mass = rapt::bhs(block.data() + 143, 1, 4, 9)}, stages); }),
            "rapt: mass: shares memory with k; it has to be apart from what is read");
  const auto bias = rapt::bias(rapt::bhsd<const float>(block.data(), 1, 4, 6, 9));
  EXPECT_EQ(refusal([&] { rapt::observe(q, k, {.mass = rapt::bhs(block.data() + 215, 1, 4, 9)}, bias); }),
            "rapt: mass: shares memory with bias; it has to be apart from what is read");
  EXPECT_EQ(refused({.entropy = rapt::bhs(block.data(), 1, 4, 6), .largest = rapt::bhs(block.data() + 23, 1, 4, 6)}),
            "rapt: largest: shares memory with entropy; it has to be apart from it");
  EXPECT_EQ(refused({.entropy = rapt::bhs(block.data(), 1, 4, 6),
                     .known_lse = rapt::lse_bhs<const float>(block.data() + 20, 1, 4, 6)}),
            "rapt: entropy: shares memory with known_lse; it has to be apart from what is read");
  EXPECT_EQ(refused({.entropy = rapt::bhs(block.data(), 1, 4, 6)}, {.lse = rapt::lse_bhs(block.data() + 9, 1, 4, 6)}),
            "rapt: lse: shares memory with entropy; it has to be apart from it");
}

TEST_F(ObserveErrors, NameWhatARingHasForgotten) {
  rapt::RingCache<float> ring({.kv_heads = 2, .capacity = 64, .head_dim = 8});
  const Inputs<float> many({1, 2, 2, 200, 200, 8, 8}, 1);
  for (Index first = 0; first < 200; first += 50)
    ring.append(positions(many.views().k, first, first + 50), positions(many.views().v, first, first + 50));
  std::vector<float> entropy(24);
  const std::string text =
      refusal([&] { rapt::observe(q, ring, {.entropy = rapt::bhs(entropy.data(), 1, 4, 6)}, stages); });
  EXPECT_NE(text.find("has forgotten"), std::string::npos) << text;
}

TEST_F(ObserveErrors, AreNoneWhereNothingIsAsked) {
  EXPECT_EQ(refused({}), "");
  EXPECT_EQ(allocations_of([&] { rapt::observe(q, k, {}, stages); }), 0);
}

class ObserveAllocations : public OnEveryIsa {};

TEST_P(ObserveAllocations, AreTheWorkspaceAndNothingElse) {
  const Shape shape{1, 4, 2, 70, 600, 16, 8};
  const Inputs<float> inputs(shape, 1);
  const View<const float> q = inputs.views().q, k = inputs.views().k;
  Observed<float> found(shape, 4);
  rapt::Workspace workspace;
  ReverseExecutor executor(5);
  const rapt::Band mask = rapt::causal();
  const auto all = [&](const Options<float>& options) {
    rapt::scores(q, k, found.matrix(found.scores), mask, options);
    rapt::probabilities(q, k, found.matrix(found.probabilities), mask, options);
    rapt::observe(q, k, found.all(), mask, options);
  };
  all({.executor = &executor, .workspace = &workspace, .isa = GetParam()});
  EXPECT_EQ(allocations_of([&] { all({.executor = &executor, .workspace = &workspace, .isa = GetParam()}); }), 0);
  EXPECT_EQ(allocations_of([&] { all({.executor = &executor, .isa = GetParam()}); }), 3);
}

/// In memory linear in the length: a matrix of the scores would be a hundred times as much.
TEST_P(ObserveAllocations, AreLinearInTheLength) {
  const auto bytes = [&](Index length) {
    const Shape shape{1, 1, 1, length, length, 2, 2};
    const Inputs<float> inputs(shape, 1);
    std::vector<float> mass(at(length)), entropy(at(length));
    rapt::Workspace workspace;
    rapt::observe(inputs.views().q, inputs.views().k,
                  {.entropy = rapt::bhs(entropy.data(), 1, 1, length), .mass = rapt::bhs(mass.data(), 1, 1, length)},
                  rapt::window(0, 0), {.workspace = &workspace, .isa = GetParam()});
    return workspace.bytes();
  };
  EXPECT_EQ(bytes(6400) - bytes(3200), 3200 * Index(sizeof(float)));
}

TEST_P(ObserveAllocations, ThatFailLeaveEverythingAsItWas) {
  const Shape shape{1, 2, 1, 7, 70, 8, 8};
  const Inputs<float> inputs(shape, 1);
  Observed<float> found(shape, 4);
  bool thrown = false;
  no_memory = true;
  try {
    rapt::observe(inputs.views().q, inputs.views().k, found.all(), rapt::causal(), {.isa = GetParam()});
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  no_memory = false;
  EXPECT_TRUE(thrown);
  EXPECT_TRUE(same_bits(found, Observed<float>(shape, 4)));
}

RAPT_ON_EVERY_ISA(ObserveAllocations);

}  // namespace
}  // namespace rapt_test::observe_errors_test
