// Several threads that call at once, without an executor and with one that starts threads of its own.
#include <atomic>
#include <thread>
#include <vector>

#include "rapt/parallel/openmp.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::concurrent_test {
namespace {

class ConcurrentCalls : public OnEveryIsa {
 protected:
  /// `make` makes the options of a thread's calls.
  template <class F> int wrong_results(F make) {
    const Inputs<float> inputs({1, 2, 1, 20, 2100, 8, 8}, 1);
    const Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
    std::atomic<int> wrong = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        rapt::Workspace workspace;
        Options<float> options = make();
        options.isa = GetParam();
        options.workspace = &workspace;
        for (int turn = 0; turn < 3; ++turn)
          wrong += !same_bits(attend(inputs.views(), rapt::causal(), options), expected);
      });
    for (std::thread& caller : callers) caller.join();
    return wrong;
  }
};

TEST_P(ConcurrentCalls, WithoutAnExecutorDoNotMeet) {
  EXPECT_EQ(wrong_results([] { return Options<float>{}; }), 0);
}

TEST_P(ConcurrentCalls, MayShareAnExecutor) {
  ThreadExecutor executor(3);
  EXPECT_EQ(wrong_results([&] { return Options<float>{.executor = &executor}; }), 0);
}

TEST_P(ConcurrentCalls, DealTheSpansOfFewRowsOut) {
  ThreadExecutor executor(7);
  const Inputs<double> inputs({1, 1, 1, 2, 5000, 8, 8}, 2);
  const Result<double> expected = attend(inputs.views(), rapt::causal(), Options<double>{.isa = GetParam()});
  for (int turn = 0; turn < 10; ++turn)
    EXPECT_TRUE(same_bits(
        attend(inputs.views(), rapt::causal(), Options<double>{.executor = &executor, .isa = GetParam()}), expected));
}

RAPT_ON_EVERY_ISA(ConcurrentCalls);

#ifdef _OPENMP
TEST(OpenMpExecutor, SendsEachWorkerOnce) {
  rapt::OpenMpExecutor executor(3);
  EXPECT_EQ(executor.workers(), 3);
  EXPECT_EQ(rapt::OpenMpExecutor(-2).workers(), 1);
  std::atomic<int> seen[3] = {};
  auto task = [&](int worker) { ++seen[worker]; };
  executor.run(3, task);
  EXPECT_EQ(seen[0], 1);
  for (const auto& count : seen) EXPECT_LE(count, 1);
}

TEST(OpenMpExecutor, WorksInsideAParallelRegion) {
  const Inputs<float> inputs({1, 2, 1, 50, 100, 8, 8}, 1);
  const Result<float> expected = attend(inputs.views());
  rapt::OpenMpExecutor executor(2);
  std::atomic<int> wrong = 0;
#pragma omp parallel num_threads(2)
  wrong += !same_bits(attend(inputs.views(), {}, Options<float>{.executor = &executor}), expected);
  EXPECT_EQ(wrong, 0);
}
#endif

}  // namespace
}  // namespace rapt_test::concurrent_test
