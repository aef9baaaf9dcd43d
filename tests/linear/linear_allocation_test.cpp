// Who allocates: a Linear its weights, once; a call its workspace, and nothing at all where the caller brings one.
// Replaces this program's operator new.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "linear/projections.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace {

std::atomic<int> allocations{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1);
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace rapt_test {
namespace {

/// The allocations of f().
template <class F> int allocations_of(F f) {
  const int before = allocations;
  f();
  return allocations - before;
}

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
  const Matrix<float> to = y.matrix();
  EXPECT_EQ(allocations_of([&] { linear(p.x_matrix(), to, {.isa = GetParam()}); }), 1);
}

TEST_P(LinearAllocations, OfACallWithOneRowAreNone) {
  const Matrix<float> to{y.matrix().data, 1, 130, 0, 33};
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

RAPT_ON_EVERY_ISA(LinearAllocations);

}  // namespace
}  // namespace rapt_test
