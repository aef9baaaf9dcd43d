// How a ragged batch is cut: each sequence's items are its own, they come longest first, and none is more than a fair
// share of the work.
#include "rapt/plan/cuts.hpp"

#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/ragged.hpp"

namespace rapt_test::cuts_test {
namespace {

using rapt::detail::Cut;
using rapt::detail::Cuts;
using rapt::detail::CutTotals;
using rapt::detail::Extents;
using rapt::detail::RaggedWork;
using rapt::detail::Schedule;

struct CutBatch {
  std::vector<Cut> table;
  CutTotals totals;

  CutBatch(const Lengths& lengths, Index workers, Index few_rows = 16, bool heads_inside = false)
      : table(lengths.size()) {
    const auto extents = [&](Index b) -> Extents {
      return {1, 2, 1, lengths[at(b)].first, lengths[at(b)].second, 128, 128, 4, heads_inside};
    };
    const auto kept = [](const Extents&, const Schedule& s) { return s.rows * 130; };
    const RaggedWork work{static_cast<Index>(lengths.size()), extents, 64, few_rows, workers, kept};
    const CutTotals alone = rapt::detail::cut_sequences(work, nullptr);
    totals = rapt::detail::cut_sequences(work, table.data());
    EXPECT_EQ(alone.items, totals.items);
    EXPECT_EQ(alone.states, totals.states);
    EXPECT_EQ(alone.blocks, totals.blocks);
  }
  Cuts cuts() const { return {table.data(), static_cast<Index>(table.size())}; }
  double work() const {
    double sum = 0;
    for (const Cut& cut : table) sum += double(rapt::detail::item_cost(cut.schedule)) * double(cut.schedule.items());
    return sum;
  }
};

std::vector<Lengths> batches() {
  std::vector<Lengths> found = {{}, {{0, 0}}, edges(), fifty(1), fifty(2), Lengths(9, {0, 7})};
  Lengths skewed(50, {20, 20});
  skewed[7] = {4096, 4096};
  skewed[8] = {1, 100000};
  found.push_back(skewed);
  return found;
}

TEST(RaggedCuts, GiveEachItemToItsSequence) {
  for (const Lengths& lengths : batches())
    for (const Index workers : {1, 2, 7, 64})
      for (const bool heads_inside : {false, true}) {
        const CutBatch batch(lengths, workers, 16, heads_inside);
        std::vector<Index> items(lengths.size(), 0);
        for (Index item = 0; item < batch.totals.items; ++item) {
          const Cut& cut = batch.cuts().of_item(item);
          ASSERT_GE(item, cut.first_item);
          ASSERT_LT(item, cut.first_item + cut.schedule.items());
          ++items[at(cut.batch)];
        }
        for (const Cut& cut : batch.table) {
          const Schedule& s = cut.schedule;
          ASSERT_EQ(items[at(cut.batch)], s.heads * s.blocks * s.parts);
          ASSERT_EQ(s.rows, lengths[at(cut.batch)].first);
          ASSERT_GE(s.blocks * s.block_rows(), s.rows);
          ASSERT_TRUE(s.rows == 0 ? s.blocks == 0 : (s.blocks - 1) * s.block_rows() < s.rows) << "no block is empty";
          ASSERT_LE(s.parts, std::max<Index>(s.spans, 1)) << "no part is empty";
          ASSERT_TRUE(s.parts == 1 || s.few || s.groups == 1) << "the states of a block are those of one group";
          ASSERT_LE(s.groups, s.few ? 1 : batch.totals.groups);
        }
      }
}

TEST(RaggedCuts, KeepTheStatesOfPartsApart) {
  for (const Lengths& lengths : batches()) {
    const CutBatch batch(lengths, 7);
    Index blocks = 0, states = 0;
    for (const Cut& cut : batch.table) {
      ASSERT_EQ(cut.first_block, blocks);
      ASSERT_EQ(cut.first_state, states);
      const Schedule& s = cut.schedule;
      if (s.parts == 1 || s.rows == 0) continue;
      blocks += s.heads * s.blocks;
      states += s.heads * s.blocks * s.spans * s.rows * 130;
    }
    ASSERT_EQ(batch.totals.blocks, blocks);
    ASSERT_EQ(batch.totals.states, states);
  }
}

TEST(RaggedCuts, ComeLongestFirstAndNoneIsMoreThanAWorkersShare) {
  for (const Lengths& lengths : batches())
    for (const Index workers : {2, 4, 8}) {
      const CutBatch batch(lengths, workers);
      for (std::size_t i = 1; i < batch.table.size(); ++i)
        ASSERT_GE(rapt::detail::item_cost(batch.table[i - 1].schedule),
                  rapt::detail::item_cost(batch.table[i].schedule));
      for (const Cut& cut : batch.table) {
        const Schedule& s = cut.schedule;
        if (s.rows == 0 || s.parts == s.spans) continue;
        ASSERT_LE(double(rapt::detail::item_cost(s)) * double(workers), batch.work()) << "sequence " << cut.batch;
      }
    }
}

TEST(RaggedCuts, OfAUniformBatchAreThoseOfTheSchedule) {
  for (const Index workers : {1, 2, 8})
    for (const auto& [queries, keys] : Lengths{{4096, 4096}, {1000, 1000}, {200, 4096}, {1, 65536}}) {
      const CutBatch batch(Lengths(3, {queries, keys}), workers);
      const Schedule uniform = rapt::detail::make_schedule({3, 2, 1, queries, keys, 128, 128, 4}, 64, 16, workers);
      EXPECT_EQ(batch.table[0].schedule.blocks, uniform.blocks) << queries << " queries, " << workers << " workers";
    }
}

class RaggedPlans : public OnEveryIsa {
 protected:
  auto plan(PackedInputs<float>& in, const Options<float>& options) const {
    return rapt::plan(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), rapt::causal(), options);
  }
};

struct AlignedBytes {
  void* data;
  explicit AlignedBytes(Index bytes) : data(::operator new(static_cast<std::size_t>(bytes), std::align_val_t(64))) {}
  ~AlignedBytes() { ::operator delete(data, std::align_val_t(64)); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
};

TEST_P(RaggedPlans, NeedExactlyTheWorkspaceThatTheySay) {
  ReverseExecutor some(3), many(16);
  for (rapt::Executor* executor : {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&some),
                                   static_cast<rapt::Executor*>(&many)})
    for (const Heads& heads : {Heads{2, 2, 9, 5}, Heads{6, 2, 17, 33}}) {
      PackedInputs<float> in(edges(), heads), expected = in;
      attend_packed(expected, rapt::causal(), Options<float>{.isa = GetParam()});
      const Index bytes = plan(in, {.executor = executor, .isa = GetParam()}).workspace_bytes();
      const AlignedBytes memory(bytes);
      rapt::Workspace exact(memory.data, bytes), short_of_it(memory.data, bytes - 1);
      const Options<float> options{.executor = executor, .workspace = &exact, .isa = GetParam()};
      attend_packed(in, rapt::causal(), options);
      EXPECT_TRUE(same_bits(in.out, expected.out));
      EXPECT_THROW(plan(in, {.executor = executor, .workspace = &short_of_it, .isa = GetParam()}),
                   std::invalid_argument);
    }
}

TEST_P(RaggedPlans, RunAgainAndShareAWorkspaceAndMayBeMoved) {
  rapt::Workspace workspace;
  ReverseExecutor executor(5);
  const Options<float> options{.executor = &executor, .workspace = &workspace, .isa = GetParam()};
  PackedInputs<float> in(edges(), {4, 2, 8, 8}), other(fifty(5), {4, 2, 8, 8}, 2);
  auto first = plan(in, options);
  auto second = plan(other, options);
  auto moved = std::move(first);
  for (int turn = 0; turn < 2; ++turn) {
    second.run();
    moved.run();
    const std::vector<float> found = in.out, found_other = other.out;
    attend_packed(in, rapt::causal(), Options<float>{.isa = GetParam()});
    attend_packed(other, rapt::causal(), Options<float>{.isa = GetParam()});
    EXPECT_TRUE(same_bits(found, in.out));
    EXPECT_TRUE(same_bits(found_other, other.out));
  }
}

TEST_P(RaggedPlans, DoNotRunOnceALengthHasChanged) {
  PackedInputs<float> in({{3, 3}, {5, 5}}, {1, 1, 8, 8});
  auto of_queries = plan(in, {.isa = GetParam()}), of_keys = plan(in, {.isa = GetParam()});
  in.q_offsets[1] = 4;
  EXPECT_THROW(of_queries.run(), std::logic_error);
  in.q_offsets[1] = 3;
  of_queries.run();
  in.k_offsets[1] = 4;
  EXPECT_THROW(of_keys.run(), std::logic_error);
}

TEST_P(RaggedPlans, ExplainThemselves) {
  PackedInputs<float> in({{1, 2000}, {100, 300}, {0, 5}, {50, 50}}, {2, 2, 8, 8});
  const std::string text = plan(in, {.isa = GetParam()}).explain();
  for (const std::string& part :
       {std::string("sequences 4, heads 2/2, up to 100 queries (151 in all), up to 2000 keys (2355 in all)"),
        std::string("causal; query 0 at a position of its own in each sequence"),
        std::string(GetParam() == Isa::generic ? "for 3 sequences, keys for 0" : "for 2 sequences, keys for 1"),
        std::string("4 spans of 512, in the longest"), std::string("for the sequences' items")})
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is missing in:\n" << text;
}

RAPT_ON_EVERY_ISA(RaggedPlans);

}  // namespace
}  // namespace rapt_test::cuts_test
