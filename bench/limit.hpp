// The machine's limits, measured in the same process as the work, and right before and after it: clocks move.
#pragma once

#include <algorithm>

#include "clock.hpp"
#include "loops.hpp"
#include "rapt/parallel/executor.hpp"
#include "together.hpp"

namespace bench {

/// How many operations a second one instruction set can do: a fused multiply-add is two.
template <class T> class Peak {
 public:
  explicit Peak(rapt::Isa isa) : Peak(loops<T>(isa)) {}
  explicit Peak(const Loops<T>& loops) : loops_(loops) {
    while (seconds([&] { run(steps_); }) < burst_seconds) steps_ *= 2;
  }

  /// Of all the executor's workers together; of the calling thread if there is none. Takes two milliseconds or so.
  double sample(rapt::Executor* executor = nullptr) const {
    return together(executor, bursts, [&](int) {
      return loops_.operations * static_cast<double>(steps_) / seconds([&] { run(steps_); });
    });
  }

 private:
  static constexpr double burst_seconds = 200e-6;
  static constexpr int bursts = 6;

  void run(rapt::Index steps) const {
    alignas(64) T memory[most_numbers];
    for (int i = 0; i < loops_.numbers; ++i) memory[i] = static_cast<T>(i + 0.25);
    for (int i = loops_.numbers / 13; i > 0; --i) memory[loops_.numbers - i] = static_cast<T>(1.0 / (i + 2));
    T* volatile hidden = memory;  // what is read from a volatile, the compiler can't follow
    loops_.multiply_add(steps, hidden);
  }

  Loops<T> loops_;
  rapt::Index steps_ = 64;
};

/// How many bytes a second can be read from some memory: from the cache that holds it, if one does.
template <class T> class ReadRate {
 public:
  ReadRate(rapt::Isa isa, const T* data, rapt::Index count) : loops_(loops<T>(isa)), data_(data), count_(count) {}

  /// By all the executor's workers together, each its own share; by the calling thread if there is none.
  double sample(rapt::Executor* executor = nullptr) const { return best_of(bursts, executor); }
  /// The same without another try: where it is to be known how fast the memory is that no cache holds any more.
  double sample_once(rapt::Executor* executor = nullptr) const { return best_of(1, executor); }

 private:
  static constexpr int bursts = 3;

  double best_of(int tries, rapt::Executor* executor) const {
    const rapt::Index workers = executor == nullptr ? 1 : executor->workers(), share = count_ / workers;
    return together(executor, tries, [&](int worker) {
      alignas(64) T sums[most_numbers];
      const T* volatile hidden = data_ + worker * share;
      return static_cast<double>(share) * sizeof(T) / seconds([&] { loops_.read_all(hidden, share, sums); });
    });
  }

  Loops<T> loops_;
  const T* data_;
  rapt::Index count_;
};

/// One piece of work: how long it took, and the mean of the peaks before and after it.
struct Run {
  double seconds;
  double peak;
  double fraction(double operations) const { return operations / seconds / peak; }
};

/// Times work between two samples of the peak.
template <class T> class Limit {
 public:
  explicit Limit(rapt::Isa isa, rapt::Executor* executor = nullptr) : peak_(isa), executor_(executor) {}
  explicit Limit(const Loops<T>& loops, rapt::Executor* executor = nullptr) : peak_(loops), executor_(executor) {}

  double sample() const { return peak_.sample(executor_); }

  template <class Work> Run around(Work&& work) const {
    const double before = sample();
    const double time = seconds(work);
    return {time, (before + sample()) / 2};
  }

 private:
  Peak<T> peak_;
  rapt::Executor* executor_;
};

}  // namespace bench
