// Eigen's thread pool as an executor: nested, shared, and with late helpers.
#include "rapt/parallel/eigen.hpp"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/eigen_pool.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::eigen_test {
namespace {

/// A pool that keeps what it is given, to be run when a test says so or at its own end, or refuses it.
class HandPool final : public Eigen::ThreadPoolInterface {
 public:
  explicit HandPool(int threads) : threads_(threads) {}
  ~HandPool() override { run_all(); }
  void Schedule(std::function<void()> task) override {
    if (left == 0) throw std::runtime_error("the queue is full");
    --left;
    kept.push_back(std::move(task));
  }
  int NumThreads() const override { return threads_; }
  int CurrentThreadId() const override { return -1; }

  void run_all() {
    for (auto& task : kept) task();
    kept.clear();
  }

  int left = 1000;
  std::vector<std::function<void()>> kept;

 private:
  int threads_;
};

TEST(EigenExecutor, HasAWorkerForEachThreadAndOneForTheCaller) {
  HandPool pool(3);
  EXPECT_EQ(rapt::EigenExecutor(pool).workers(), 4);
  EXPECT_EQ(rapt::EigenExecutor(pool, 2).workers(), 2);
  EXPECT_EQ(rapt::EigenExecutor(pool, 0).workers(), 1);
  EXPECT_EQ(rapt::EigenExecutor(pool, 99).workers(), 4);
}

TEST(EigenExecutor, DoesNotWaitForHelpersThatNeverStart) {
  HandPool pool(3);
  rapt::EigenExecutor executor(pool);
  std::vector<int> workers;
  auto task = [&](int worker) { workers.push_back(worker); };
  executor.run(4, task);
  EXPECT_EQ(workers, std::vector<int>{0});
  EXPECT_EQ(pool.kept.size(), 3u);
}

TEST(EigenExecutor, TurnsAwayHelpersThatComeAfterTheEnd) {
  HandPool pool(3);
  int calls = 0;
  {
    rapt::EigenExecutor executor(pool);
    for (int turn = 0; turn < 3; ++turn) {
      auto task = [&](int) { ++calls; };
      executor.run(4, task);
      if (turn == 1) pool.run_all();
    }
  }
  pool.run_all();  // even after the executor's end
  EXPECT_EQ(calls, 3);
}

TEST(EigenExecutor, PassesOnWhatThePoolThrowsAndCanBeUsedAgain) {
  HandPool pool(3);
  rapt::EigenExecutor executor(pool);
  int calls = 0;
  auto task = [&](int) { ++calls; };
  for (pool.left = 0; pool.left < 3;) {
    const int before = pool.left;
    EXPECT_THROW(executor.run(4, task), std::runtime_error);
    pool.left = before + 1;
  }
  pool.run_all();
  EXPECT_EQ(calls, 0);
  executor.run(4, task);
  EXPECT_EQ(calls, 1);
}

TEST(EigenExecutor, GivesEachWorkerANumberOfItsOwn) {
  Eigen::ThreadPool pool(4);
  rapt::EigenExecutor executor(pool);
  for (int turn = 0; turn < 300; ++turn) {
    std::atomic<int> seen[5] = {};
    std::atomic<int> out_of_range = 0;
    auto task = [&](int worker) {
      if (worker < 0 || worker >= 5)
        ++out_of_range;
      else
        ++seen[worker];
    };
    executor.run(5, task);
    EXPECT_EQ(out_of_range, 0);
    EXPECT_EQ(seen[0], 1);
    for (const auto& count : seen) EXPECT_LE(count, 1);
  }
}

class EigenPool : public OnEveryIsa {
 protected:
  Inputs<float> inputs{{1, 4, 2, 70, 600, 16, 16}, 1};
  Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});

  bool right(rapt::Executor& executor) const {
    return static_cast<bool>(same_bits(
        attend(inputs.views(), rapt::causal(), Options<float>{.executor = &executor, .isa = GetParam()}), expected));
  }
};

TEST_P(EigenPool, GivesTheSameBitsAgainAndAgain) {
  Eigen::ThreadPool pool(3);
  rapt::EigenExecutor executor(pool);
  for (int turn = 0; turn < 20; ++turn) ASSERT_TRUE(right(executor));
}

TEST_P(EigenPool, MayBeCalledFromAllItsOwnThreadsAtOnce) {
  Eigen::ThreadPool pool(3);
  rapt::EigenExecutor executor(pool);
  for (int turn = 0; turn < 5; ++turn) {
    std::atomic<int> wrong = 0;
    Eigen::Barrier done(6);
    for (int call = 0; call < 6; ++call)
      pool.Schedule([&] {
        wrong += !right(executor);
        done.Notify();
      });
    done.Wait();
    ASSERT_EQ(wrong, 0);
  }
}

TEST_P(EigenPool, MayBeSharedBySeveralThreads) {
  Eigen::ThreadPool pool(2);
  rapt::EigenExecutor executor(pool);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int turn = 0; turn < 5; ++turn) wrong += !right(executor);
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(EigenPool, MayBeCalledFromInsideATask) {
  Eigen::ThreadPool pool(2);
  rapt::EigenExecutor executor(pool);
  std::atomic<int> wrong = 0;
  auto task = [&](int) { wrong += !right(executor); };
  for (int turn = 0; turn < 5; ++turn) executor.run(3, task);
  EXPECT_EQ(wrong, 0);
}

RAPT_ON_EVERY_ISA(EigenPool);

}  // namespace
}  // namespace rapt_test::eigen_test
