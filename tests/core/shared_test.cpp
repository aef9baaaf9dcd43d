// Shared pointers: the object lives as long as any of them.
#include "rapt/core/shared.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

namespace rapt_test::shared_test {
namespace {

struct Counted {
  explicit Counted(int& count, int v = 0) : alive(&count), value(v) { ++*alive; }
  ~Counted() { --*alive; }
  int* alive;
  int value;
};
using Pointer = rapt::Shared<const Counted>;

TEST(Shared, DeletesWithTheLastCopy) {
  int alive = 0;
  {
    Pointer a = Pointer::make(alive, 7);
    Pointer b = a, c;
    EXPECT_FALSE(c);
    c = b;
    EXPECT_EQ(a, c);
    EXPECT_EQ(c->value, 7);
    a = Pointer();
    b = std::move(c);
    EXPECT_EQ(c.get(), nullptr);
    EXPECT_EQ(alive, 1);
    b = Pointer::make(alive, 8);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ((*b).value, 8);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Shared, MayBeAssignedToItself) {
  int alive = 0;
  Pointer a = Pointer::make(alive);
  const Pointer& same = a;
  a = same;
  EXPECT_EQ(alive, 1);
}

TEST(Shared, IsCopiedByManyThreadsAtOnce) {
  int alive = 0;
  {
    const Pointer a = Pointer::make(alive);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&a] {
        for (int turn = 0; turn < 1000; ++turn) {
          const Pointer copy = a;
          if (copy->value != 0) std::abort();
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace rapt_test::shared_test
