// What rapt needs of threads, and nothing more.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/config.hpp"
#include "rapt/core/function_ref.hpp"

RAPT_NAMESPACE_BEGIN

/// Runs a function on several threads at once. rapt starts no thread of its own: a caller who wants threads passes an
/// executor.
///
/// The work is handed out from a counter that all the workers draw on, so an executor may call the function for fewer
/// workers than it was asked for, one after the other or at once: it decides only how fast the work is done, never what
/// comes out.
class Executor {
 public:
  virtual ~Executor() = default;

  /// The most workers that run at once, 1 or more.
  virtual int workers() const = 0;

  /// Calls task(w) at most once for each w in [0, count), at least once in all, on whatever threads; returns
  /// when every call that began has ended. `count` is at most workers(). The task throws nothing.
  /// Has to stand being called from several threads, and from inside a task.
  virtual void run(int count, FunctionRef<void(int)> task) = 0;
};

/// Everything on the calling thread: what happens when no executor is passed.
class SerialExecutor final : public Executor {
 public:
  int workers() const override { return 1; }
  void run(int, FunctionRef<void(int)> task) override { task(0); }
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
