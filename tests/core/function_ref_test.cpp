// A reference to something callable.
#include "rapt/core/function_ref.hpp"

#include <gtest/gtest.h>

namespace rapt_test::function_ref_test {
namespace {

int twice(int x) { return 2 * x; }

TEST(FunctionRef, CallsWhatItRefersToAndDoesNotCopyIt) {
  int calls = 0;
  auto count = [&calls](int by) { return calls += by; };
  const rapt::FunctionRef<int(int)> reference = count;
  EXPECT_EQ(reference(2), 2);
  const rapt::FunctionRef<int(int)> copy = reference;
  EXPECT_EQ(copy(3), 5);
  EXPECT_EQ(calls, 5);
}

TEST(FunctionRef, TakesWhatChangesItself) {
  auto counter = [n = 0]() mutable { return ++n; };
  const rapt::FunctionRef<int()> reference = counter;
  reference();
  EXPECT_EQ(reference(), 2);
  EXPECT_EQ(counter(), 3);
}

TEST(FunctionRef, PassesExceptionsOn) {
  auto thrower = [](int x) -> int { throw x; };
  const rapt::FunctionRef<int(int)> reference = thrower;
  EXPECT_THROW(reference(twice(2)), int);
}

}  // namespace
}  // namespace rapt_test::function_ref_test
