// Work items, handed out to the workers of an executor.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <atomic>

#include "rapt/core/error.hpp"
#include "rapt/core/types.hpp"
#include "rapt/parallel/executor.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The workers of an executor, 1 if there is none.
inline Index workers_of(Executor* executor) {
  if (executor == nullptr) return 1;
  require(executor->workers() >= 1, "executor", "workers()", executor->workers(), "it has to be 1 or more");
  return executor->workers();
}

/// Calls work(item, worker) once for each item, on up to `workers` of the executor's at once, each with a number below
/// that: the items are drawn from a counter, so that whoever is done with one takes the next. Passes on what the
/// executor throws, and throws std::logic_error if it returns before the work is done.
template <class Work> void run_items(Executor* executor, Index workers, Index items, Work&& work) {
  std::atomic<Index> next{0}, done{0};
  auto task = [&](int worker) {
    if (worker < 0 || worker >= workers) return;  // each worker has memory of its own
    for (Index item = next.fetch_add(1); item < items; item = next.fetch_add(1)) {
      work(item, worker);
      done.fetch_add(1);
    }
  };
  if (executor == nullptr || workers <= 1)
    task(0);
  else
    executor->run(static_cast<int>(workers), task);
  if (done != items)
    misused("rapt: executor: run() returned before the work was done; it has to call the task at least once");
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
