// Who allocates: a Linear its weights, once; a call its workspace, and nothing at all where the caller brings one.
// Replaces this program's operator new.
#include "linear/formats.hpp"
#include "support/allocations.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::linear_allocation_test {
namespace {

class LinearAllocations : public OnEveryIsa {
 protected:
  Projection<float> p{{33, 600, 130}};
  Linear<float> linear = p.linear();
  Stored<float> y{33, 130, Order::column_major};
};

TEST(LinearAllocationCounter, CountsAnAllocation) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10)); }), 1);
}

TEST_P(LinearAllocations, OfACallWithoutAWorkspaceAreOne) {
  const MatrixView<float> to = y.matrix();
  EXPECT_EQ(allocations_of([&] { linear(p.x_matrix(), to, {.isa = GetParam()}); }), 1);
}

TEST_P(LinearAllocations, OfACallWithOneRowAreNone) {
  const MatrixView<float> to{y.matrix().data, 1, 130, 0, 33};
  EXPECT_EQ(allocations_of([&] { linear(rapt::row_major(p.x.data(), 1, 600), to, {.isa = GetParam()}); }), 0);
}

TEST_P(LinearAllocations, OfACallWithALargeEnoughWorkspaceAreNone) {
  rapt::Workspace workspace;
  ReverseExecutor executor(7);
  const LinearOptions options{.executor = &executor, .workspace = &workspace, .isa = GetParam()};
  const Linear<float> stacked({p.weight_matrix(), p.weight_matrix()});
  Stored<float> second(33, 130, Order::row_major);
  stacked(p.x_matrix(), {y.matrix(), second.matrix()}, options);
  EXPECT_EQ(allocations_of([&] {
              linear(p.x_matrix(), y.matrix(), options);
              stacked(p.x_matrix(), {y.matrix(), second.matrix()}, options);
              linear(rapt::row_major(p.x.data(), 1, 600), rapt::row_major(second.matrix().data, 1, 130), options);
            }),
            0);
}

/// Of narrower weights they are no more, and a workspace of the size that workspace_bytes() says is enough.
TEST_P(LinearAllocations, OfNarrowerWeightsAreThoseOfFloats) {
  const Projection<float> small({7, 70, 66});
  Stored<float> to(7, 66, Order::row_major);
  in_every_format([&](auto format) {
    const Linear<float, typename decltype(format)::type> narrow(small.weight_matrix());
    const auto call = [&](Index rows, rapt::Workspace* workspace) {
      narrow(rapt::row_major(small.x.data(), rows, 70), rapt::row_major(to.matrix().data, rows, 66),
             {.workspace = workspace, .isa = GetParam()});
    };
    EXPECT_EQ(allocations_of([&] { call(1, nullptr); }), 0);
    EXPECT_EQ(allocations_of([&] { call(7, nullptr); }), 1);
    rapt::Workspace workspace(narrow.workspace_bytes(7));
    EXPECT_EQ(allocations_of([&] { call(7, &workspace); }), 0);
    EXPECT_EQ(workspace.bytes(), narrow.workspace_bytes(7));
  });
}

RAPT_ON_EVERY_ISA(LinearAllocations);

}  // namespace
}  // namespace rapt_test::linear_allocation_test
