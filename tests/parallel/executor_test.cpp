// What attention asks of an executor, and what becomes of a call when one doesn't keep to it.
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::executor_test {
namespace {

/// Throws before or after the work is done.
class ThrowingExecutor final : public rapt::Executor {
 public:
  explicit ThrowingExecutor(bool after) : after_(after) {}
  int workers() const override { return 4; }
  void run(int count, rapt::FunctionRef<void(int)> task) override {
    if (after_)
      for (int worker = 0; worker < count; ++worker) task(worker);
    throw std::runtime_error("no threads today");
  }

 private:
  bool after_;
};

/// Returns without having called.
class IdleExecutor final : public rapt::Executor {
 public:
  int workers() const override { return 4; }
  void run(int, rapt::FunctionRef<void(int)>) override {}
};

/// Notes what it was asked for.
class CountingExecutor final : public rapt::Executor {
 public:
  explicit CountingExecutor(int workers) : workers_(workers) {}
  int workers() const override { return workers_; }
  void run(int count, rapt::FunctionRef<void(int)> task) override {
    counts.push_back(count);
    for (int worker = 0; worker < count; ++worker) task(worker);
  }
  std::vector<int> counts;

 private:
  int workers_;
};

/// Calls attention again, with the same workspace, from within.
class MeddlingExecutor final : public rapt::Executor {
 public:
  explicit MeddlingExecutor(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  int workers() const override { return 2; }
  void run(int, rapt::FunctionRef<void(int)> task) override {
    meddle_();
    task(0);
  }

 private:
  std::function<void()> meddle_;
};

class Executors : public OnEveryIsa {
 protected:
  Inputs<float> inputs{{2, 4, 2, 150, 150, 16, 16}, 1};
  Result<float> expected = attend(inputs.views(), rapt::causal(), options());

  Options<float> options(rapt::Executor* executor = nullptr, rapt::Workspace* workspace = nullptr) const {
    return {.executor = executor, .workspace = workspace, .isa = GetParam()};
  }
};

TEST_P(Executors, ThatThrowPassTheirExceptionOnAndLeaveTheWorkspaceUsable) {
  for (const bool after : {false, true}) {
    ThrowingExecutor throwing(after);
    rapt::Workspace workspace;
    EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(nullptr, &workspace)), expected));
    EXPECT_THROW(attend(inputs.views(), rapt::causal(), options(&throwing, &workspace)), std::runtime_error);
    const Index bytes = workspace.bytes();
    const std::byte* const data = workspace.data();
    EXPECT_THROW(attend(inputs.views(), rapt::causal(), options(&throwing, &workspace)), std::runtime_error);
    EXPECT_EQ(workspace.bytes(), bytes);
    EXPECT_EQ(workspace.data(), data);
    ReverseExecutor executor(4);
    EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&executor, &workspace)), expected));
    EXPECT_EQ(workspace.bytes(), bytes);
  }
}

TEST_P(Executors, ThatThrowBeforeTheWorkLeaveTheOutputsAlone) {
  ThrowingExecutor throwing(false);
  Result<float> result(inputs.shape);
  EXPECT_THROW(rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                               options(&throwing)),
               std::runtime_error);
  EXPECT_TRUE(same_bits(result.out, Result<float>(inputs.shape).out));
}

TEST_P(Executors, ThatNeverCallAreCaught) {
  IdleExecutor idle;
  rapt::Workspace workspace;
  EXPECT_THROW(attend(inputs.views(), rapt::causal(), options(&idle, &workspace)), std::logic_error);
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(nullptr, &workspace)), expected));
}

TEST_P(Executors, MayCallForFewerWorkersThanTheyWereAskedFor) {
  LoneExecutor lone(5);
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&lone)), expected));
}

TEST_P(Executors, AreNeverAskedForMoreThanTheyHaveOrThanThereIsToDo) {
  CountingExecutor many(1000), some(3);
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&many)), expected));
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&some)), expected));
  const Inputs<float> tiny({1, 1, 1, 1, 5, 8, 8}, 2);
  EXPECT_TRUE(same_bits(attend(tiny.views(), {}, options(&many)), attend(tiny.views(), {}, options())));
  for (const int count : many.counts) EXPECT_TRUE(count >= 2 && count <= 1000);
  EXPECT_EQ(many.counts.size(), 1u) << "one item needs no executor";
  ASSERT_EQ(some.counts.size(), 1u);
  EXPECT_EQ(some.counts.front(), 3);
}

TEST_P(Executors, OfOneWorkerAreSerial) {
  rapt::SerialExecutor serial;
  EXPECT_EQ(serial.workers(), 1);
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&serial)), expected));
}

/// A workspace that is in use is refused before it is touched, whether the second call would fit into it or not.
TEST_P(Executors, DoNotLetASecondCallIntoAWorkspaceThatIsInUse) {
  const Inputs<float> smaller({1, 1, 1, 3, 3, 4, 4}, 3), larger({4, 8, 8, 300, 300, 64, 64}, 4);
  for (const Inputs<float>* second : {&smaller, &larger}) {
    rapt::Workspace workspace;
    const std::byte* data = nullptr;
    MeddlingExecutor meddling([&] {
      data = workspace.data();
      EXPECT_THROW(attend(second->views(), rapt::causal(), options(nullptr, &workspace)), std::invalid_argument);
      EXPECT_EQ(workspace.data(), data);
    });
    EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), options(&meddling, &workspace)), expected));
  }
}

RAPT_ON_EVERY_ISA(Executors);

}  // namespace
}  // namespace rapt_test::executor_test
