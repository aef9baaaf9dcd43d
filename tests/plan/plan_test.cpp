// A plan: what it says, that it can be run again, and that its memory is exactly what it needs.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::plan_test {
namespace {

class Plans : public OnEveryIsa {};

/// Memory of exactly so many bytes, aligned as a workspace has to be.
struct AlignedMemory {
  void* data;
  explicit AlignedMemory(Index bytes) : data(::operator new(static_cast<std::size_t>(bytes), std::align_val_t(64))) {}
  ~AlignedMemory() { ::operator delete(data, std::align_val_t(64)); }
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;
};

template <class T> void expect_exact_workspace(Isa isa, const Shape& shape, rapt::Executor* executor) {
  SCOPED_TRACE(testing::Message() << shape << ", workers " << (executor == nullptr ? 1 : executor->workers()));
  const Inputs<T> inputs(shape, 1);
  const Mask mask = rapt::causal();
  const Result<T> expected = attend(inputs.views(), mask, Options<T>{.isa = isa});
  Result<T> unused(shape);
  const Options<T> options{.lse = unused.lse_view(), .executor = executor, .isa = isa};
  const Index bytes =
      rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, unused.out_view(), rapt::causal(), options)
          .workspace_bytes();

  const AlignedMemory memory(bytes);
  rapt::Workspace exact(memory.data, bytes), short_of_it(memory.data, bytes - 1);
  EXPECT_TRUE(same_bits(attend(inputs.views(), mask, Options<T>{.executor = executor, .workspace = &exact, .isa = isa}),
                        expected));
  EXPECT_THROW(attend(inputs.views(), mask, Options<T>{.executor = executor, .workspace = &short_of_it, .isa = isa}),
               std::invalid_argument);
}

TEST_P(Plans, NeedExactlyTheWorkspaceThatTheySay) {
  ReverseExecutor some(3), many(16);
  for (rapt::Executor* executor : {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&some),
                                   static_cast<rapt::Executor*>(&many)}) {
    for (const Index q_len : {1, 5, 9, 17, 20, 33, 40, 48, 64, 70, 200}) {
      expect_exact_workspace<float>(GetParam(), {1, 1, 1, q_len, 1500, 9, 5}, executor);
      expect_exact_workspace<double>(GetParam(), {1, 2, 1, q_len, 1100, 8, 16}, executor);
    }
    expect_exact_workspace<float>(GetParam(), {2, 6, 2, 30, 700, 17, 33}, executor);
    expect_exact_workspace<float>(GetParam(), {1, 1, 1, 0, 700, 17, 33}, executor);
  }
}

TEST_P(Plans, RunAgainWithNewContents) {
  Inputs<float> inputs({1, 4, 2, 50, 60, 8, 8}, 1);
  Result<float> result(inputs.shape);
  ReverseExecutor executor(5);
  auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                         {.lse = result.lse_view(), .executor = &executor, .isa = GetParam()});
  for (std::uint64_t turn = 2; turn < 5; ++turn) {
    const Inputs<float> fresh(inputs.shape, turn);
    std::copy(fresh.q.begin(), fresh.q.end(), inputs.q.begin());
    std::copy(fresh.k.begin(), fresh.k.end(), inputs.k.begin());
    std::copy(fresh.v.begin(), fresh.v.end(), inputs.v.begin());
    plan.run();
    EXPECT_TRUE(same_bits(result, attend(fresh.views(), rapt::causal(), Options<float>{.isa = GetParam()})));
  }
}

TEST_P(Plans, WriteNothingUntilTheyRun) {
  const Inputs<float> inputs({1, 1, 1, 5, 5, 8, 8}, 1);
  Result<float> result(inputs.shape);
  const auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                               {.lse = result.lse_view(), .isa = GetParam()});
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

TEST_P(Plans, ShareAWorkspaceThatGrowsToTheLargest) {
  rapt::Workspace workspace;
  const Inputs<float> small({1, 1, 1, 5, 5, 8, 8}, 1), large({1, 1, 1, 300, 300, 64, 64}, 2);
  Result<float> small_result(small.shape), large_result(large.shape);
  const Options<float> options{.workspace = &workspace, .isa = GetParam()};
  auto first = rapt::plan(small.views().q, small.views().k, small.views().v, small_result.out_view(), {}, options);
  auto second = rapt::plan(large.views().q, large.views().k, large.views().v, large_result.out_view(), {}, options);
  EXPECT_EQ(workspace.bytes(), second.workspace_bytes());
  second.run();
  first.run();
  EXPECT_TRUE(same_bits(small_result.out, attend(small.views(), {}, Options<float>{.isa = GetParam()}).out));
  EXPECT_TRUE(same_bits(large_result.out, attend(large.views(), {}, Options<float>{.isa = GetParam()}).out));
  EXPECT_EQ(workspace.bytes(), second.workspace_bytes());
}

TEST_P(Plans, MayBeMovedBeforeTheyRun) {
  const Inputs<float> inputs({1, 1, 1, 40, 40, 8, 8}, 1);
  Result<float> result(inputs.shape);
  auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                         {.isa = GetParam()});
  auto moved = std::move(plan);
  moved.run();
  EXPECT_TRUE(same_bits(result.out, attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()}).out));
}

TEST_P(Plans, OfALongSequenceNeedLittleMemory) {
  const Index length = 131072, dim = 128;
  const std::vector<float> row(at(dim), 1.0f);
  const View<const float> in = rapt::strided<const float>(row.data(), {1, 1, length, dim}, {0, 0, 0, 1});
  // Only planned: the outputs are never touched, so the system gives them no memory.
  const std::unique_ptr<void, void (*)(void*)> memory(std::malloc(at(length * dim) * sizeof(float)), &std::free);
  const View<float> out = rapt::bhsd(static_cast<float*>(memory.get()), 1, 1, length, dim);
  ReverseExecutor eight(8);
  for (rapt::Executor* executor : {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&eight)}) {
    const auto plan = rapt::plan(in, in, in, out, rapt::causal(), {.executor = executor, .isa = GetParam()});
    EXPECT_LT(plan.workspace_bytes(), Index(8) << 20);
  }
}

TEST_P(Plans, NeedTheSameMemoryWhateverTheLength) {
  const std::vector<float> row(64, 1.0f);
  std::vector<Index> bytes;
  for (const Index length : {4096, 8192}) {
    const View<const float> in = rapt::strided<const float>(row.data(), {1, 1, length, 64}, {0, 0, 0, 1});
    std::vector<float> out(at(length * 64));
    bytes.push_back(
        rapt::plan(in, in, in, rapt::bhsd(out.data(), 1, 1, length, 64), rapt::causal(), {.isa = GetParam()})
            .workspace_bytes());
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST_P(Plans, ExplainThemselves) {
  const Inputs<float> inputs({1, 8, 2, 7, 1300, 16, 24}, 1);
  Result<float> result(inputs.shape);
  ReverseExecutor executor(6);
  const auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                               {.executor = &executor, .isa = GetParam()});
  const std::string text = plan.explain();
  const std::vector<std::string> parts = {
      std::string(rapt::name(GetParam())),
      "heads 8/2",
      "7 queries",
      "1300 keys",
      "head_dim 16",
      "value_dim 24",
      "causal",
      "query 0 at position 1293",
      "21 tiles of 64",
      "3 spans of 512",
      std::to_string(plan.lanes()) + " rows in the lanes",
      std::to_string(plan.work_items()) + " items for " + std::to_string(plan.workers()) + " workers",
      std::to_string(plan.workspace_bytes()) + " bytes"};
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is missing in:\n" << text;
  EXPECT_EQ(plan.spans(), 3);
  EXPECT_EQ(plan.tile(), 64);
  EXPECT_EQ(plan.span(), 512);
}

TEST_P(Plans, SayWhenTheRowsAreFew) {
  const Inputs<float> inputs({1, 8, 2, 4, 1300, 16, 24}, 1);
  Result<float> result(inputs.shape);
  const auto plan =
      rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), {.isa = GetParam()});
  EXPECT_EQ(plan.explain().find("keys in the lanes, as the rows are few") == std::string::npos,
            GetParam() == Isa::generic);
}

RAPT_ON_EVERY_ISA(Plans);

}  // namespace
}  // namespace rapt_test::plan_test
