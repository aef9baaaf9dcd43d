// OpenMP's threads as an executor. Needs the file to be compiled with -fopenmp.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/parallel/executor.hpp"

#ifdef _OPENMP
#include <omp.h>

RAPT_NAMESPACE_BEGIN

/// The threads of an OpenMP parallel region, as many as omp_get_max_threads() says or as are asked for. Inside another
/// parallel region OpenMP gives one thread unless nesting is on: then the work is done by that one.
class OpenMpExecutor final : public Executor {
 public:
  explicit OpenMpExecutor(int threads = omp_get_max_threads()) : threads_(threads < 1 ? 1 : threads) {}

  int workers() const override { return threads_; }
  void run(int count, FunctionRef<void(int)> task) override {
#pragma omp parallel num_threads(count)
    task(omp_get_thread_num());
  }

 private:
  int threads_;
};

RAPT_NAMESPACE_END
#endif

#include "rapt/core/fence_end.hpp"
