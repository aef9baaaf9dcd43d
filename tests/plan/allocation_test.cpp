// Who allocates: nothing but the workspace, and nothing at all where the caller brings one. Replaces this program's
// operator new.
#include "support/allocations.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/ragged.hpp"
#include "support/tensors.hpp"

namespace rapt_test::allocation_test {
namespace {

class Allocations : public OnEveryIsa {
 protected:
  Inputs<float> inputs{{1, 8, 2, 33, 1300, 16, 24}, 1};
  Result<float> result{inputs.shape};
  View<const float> q = inputs.views().q, k = inputs.views().k, v = inputs.views().v;
  View<float> out = result.out_view();
};

TEST(AllocationCounter, CountsAnAllocation) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10)); }), 1);
}

TEST_P(Allocations, OfAPlanAreMadeOnceAndRunningItMakesNone) {
  ReverseExecutor executor(7);
  for (rapt::Executor* threads : {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&executor)}) {
    auto plan =
        rapt::plan(q, k, v, out, rapt::causal(), {.lse = result.lse_view(), .executor = threads, .isa = GetParam()});
    EXPECT_EQ(allocations_of([&] {
                for (int turn = 0; turn < 5; ++turn) plan.run();
              }),
              0);
  }
}

TEST_P(Allocations, OfACallWithoutAWorkspaceAreOne) {
  EXPECT_EQ(allocations_of([&] { rapt::attention(q, k, v, out, rapt::causal(), {.isa = GetParam()}); }), 1);
}

TEST_P(Allocations, OfACallWithALargeEnoughWorkspaceAreNone) {
  rapt::Workspace workspace;
  ReverseExecutor executor(7);
  const Options<float> options{
      .lse = result.lse_view(), .executor = &executor, .workspace = &workspace, .isa = GetParam()};
  rapt::attention(q, k, v, out, rapt::causal(), options);
  EXPECT_EQ(allocations_of([&] {
              rapt::attention(q, k, v, out, rapt::causal(), options);
              rapt::attention(q, k, v, out, rapt::window(5, 5), options);
              rapt::attention(q, k, v, out, rapt::Plain{}, options);
            }),
            0);
}

TEST_P(Allocations, OfRaggedBatchesAreTheWorkspacesToo) {
  PackedInputs<float> in(edges(), {4, 2, 8, 8});
  rapt::Workspace workspace;
  ReverseExecutor executor(7);
  const auto attend = [&](const Options<float>& options) {
    rapt::attention(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), rapt::causal(), options);
  };
  const Options<float> options{.lse = in.lse_view(), .executor = &executor, .workspace = &workspace, .isa = GetParam()};
  attend(options);
  EXPECT_EQ(allocations_of([&] { attend(options); }), 0);
  EXPECT_EQ(allocations_of([&] { attend({.executor = &executor, .isa = GetParam()}); }), 1);
  auto plan = rapt::plan(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), rapt::causal(),
                         {.executor = &executor, .isa = GetParam()});
  EXPECT_EQ(allocations_of([&] {
              for (int turn = 0; turn < 3; ++turn) plan.run();
            }),
            0);
}

TEST_P(Allocations, ThatFailAreReportedBeforeAnythingIsWritten) {
  bool thrown = false;
  no_memory = true;
  try {
    rapt::attention(q, k, v, out, rapt::causal(), {.lse = result.lse_view(), .isa = GetParam()});
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  no_memory = false;
  EXPECT_TRUE(thrown);
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

TEST_P(Allocations, ThatFailLeaveAWorkspaceAsItWas) {
  rapt::Workspace workspace(64);
  const std::byte* const data = workspace.data();
  bool thrown = false;
  no_memory = true;
  try {
    rapt::attention(q, k, v, out, rapt::causal(), {.workspace = &workspace, .isa = GetParam()});
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  no_memory = false;
  EXPECT_TRUE(thrown);
  EXPECT_EQ(workspace.bytes(), 64);
  EXPECT_EQ(workspace.data(), data);
  EXPECT_TRUE(
      same_bits(attend(inputs.views(), rapt::causal(), Options<float>{.workspace = &workspace, .isa = GetParam()}),
                attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()})));
}

RAPT_ON_EVERY_ISA(Allocations);

}  // namespace
}  // namespace rapt_test::allocation_test
