// A loop that runs on all the workers of an executor at once, and how fast they are together.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>

#include "clock.hpp"
#include "rapt/parallel/executor.hpp"

namespace bench {

/// burst(worker) returns how fast it was. Each worker runs it until all have done it `bursts` times, so that every
/// burst that counts has company on the other cores. Each worker's best is taken, as a burst can be interrupted but
/// can't be too fast; the sum of them is returned.
template <class Burst> double together(rapt::Executor* executor, int bursts, Burst&& burst) {
  const int wanted = executor == nullptr ? 1 : executor->workers();
  std::atomic<int> arrived{0}, done{0};
  std::atomic<double> sum{0};
  const auto task = [&](int worker) {
    arrived.fetch_add(1);
    // An executor may start fewer workers than it was asked for: after a tenth of a second nobody else will come.
    for (const double start = now(); arrived < wanted && now() - start < 0.1;) std::this_thread::yield();
    double best = 0;
    for (int i = 0; i < bursts || done < arrived; ++i) {
      const double rate = burst(worker);
      if (i < bursts) best = std::max(best, rate);
      if (i + 1 == bursts) done.fetch_add(1);
    }
    sum.fetch_add(best);
  };
  if (wanted == 1)
    task(0);
  else
    executor->run(wanted, task);
  return sum;
}

}  // namespace bench
