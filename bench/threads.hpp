// The threads to measure with: the default pool is Eigen's.
#pragma once

#include <algorithm>
#include <memory>
#include <thread>

#if __has_include(<Eigen/ThreadPool>)  // since Eigen 5
#include <Eigen/ThreadPool>
#else
#include <unsupported/Eigen/CXX11/ThreadPool>
#endif

#ifdef __linux__
#include <sched.h>
#endif

#include "rapt/parallel/eigen.hpp"

namespace bench {

/// The cores that this process may use.
inline int cores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(CPU_COUNT(&set), 1);
#endif
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

/// A pool that makes `count` workers with the calling thread, and no executor for one.
class Threads {
 public:
  explicit Threads(int count) {
    if (count <= 1) return;
    pool_ = std::make_unique<Eigen::ThreadPool>(count - 1);
    executor_ = std::make_unique<rapt::EigenExecutor>(*pool_);
  }
  rapt::Executor* executor() const { return executor_.get(); }
  int count() const { return executor_ ? executor_->workers() : 1; }

 private:
  std::unique_ptr<Eigen::ThreadPool> pool_;
  std::unique_ptr<rapt::EigenExecutor> executor_;
};

}  // namespace bench
