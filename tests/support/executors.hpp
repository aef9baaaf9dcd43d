// Executors of the tests' own: the simplest threads there are, and some that behave oddly.
#pragma once

#include <stdexcept>
#include <thread>
#include <vector>

#include "rapt/parallel/executor.hpp"

namespace rapt_test {

/// A new thread for each worker.
class ThreadExecutor final : public rapt::Executor {
 public:
  explicit ThreadExecutor(int workers) : workers_(workers) {}
  int workers() const override { return workers_; }
  void run(int count, rapt::FunctionRef<void(int)> task) override {
    std::vector<std::thread> threads;
    for (int worker = 1; worker < count; ++worker) threads.emplace_back([task, worker] { task(worker); });
    task(0);
    for (std::thread& thread : threads) thread.join();
  }

 private:
  int workers_;
};

/// Promises many workers and sends one, the last.
class LoneExecutor final : public rapt::Executor {
 public:
  explicit LoneExecutor(int workers) : workers_(workers) {}
  int workers() const override { return workers_; }
  void run(int count, rapt::FunctionRef<void(int)> task) override { task(count - 1); }

 private:
  int workers_;
};

/// Sends every worker, one after the other, the last one first.
class ReverseExecutor final : public rapt::Executor {
 public:
  explicit ReverseExecutor(int workers) : workers_(workers) {}
  int workers() const override { return workers_; }
  void run(int count, rapt::FunctionRef<void(int)> task) override {
    for (int worker = count - 1; worker >= 0; --worker) task(worker);
  }

 private:
  int workers_;
};

}  // namespace rapt_test
