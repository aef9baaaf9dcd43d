// Eigen's thread pool as an executor. Whoever has a pool has included its header: nothing of Eigen is included here.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <atomic>
#include <concepts>
#include <limits>
#include <optional>
#include <utility>

#include "rapt/core/shared.hpp"
#include "rapt/parallel/executor.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The calls that an executor has under way on its pool, and spent ones for later.
///
/// A call outlives its caller: a helper that the pool starts late has to find a closed door, not freed memory. So each
/// is counted, and goes back to the list when the last helper has left.
class PoolCalls {
 public:
  struct Call {
    explicit Call(Call* rest) : next(rest) {}
    std::optional<FunctionRef<void(int)>> task;
    std::atomic<int> references{0};
    std::atomic<int> next_worker{0};
    std::atomic<int> inside{0};  // helpers that came in; `closed` more than that once the door is closed
    Shared<PoolCalls> list;      // keeps the list while a helper is under way
    Call* const next;            // of all calls
    Call* next_spent = nullptr;  // of the spent ones
  };

  PoolCalls() = default;
  PoolCalls(const PoolCalls&) = delete;
  PoolCalls& operator=(const PoolCalls&) = delete;
  ~PoolCalls() {
    while (all_ != nullptr) delete std::exchange(all_, all_->next);
  }

  /// A call with the caller's own reference, its door open.
  static Call* open(const Shared<PoolCalls>& list, FunctionRef<void(int)> task) {
    Call* call = list->take_spent();
    call->task = task;
    call->references = 1;
    call->next_worker = 1;
    call->inside = 0;
    call->list = list;
    return call;
  }

  /// The helper's part: the task, if the door is still open.
  static void help(Call* call) {
    if (call->inside.fetch_add(1) >= 0) (*call->task)(call->next_worker.fetch_add(1));
    if (call->inside.fetch_sub(1) == closed + 1) call->inside.notify_all();
    release(call);
  }

  /// The caller's part: closes the door, then waits for those who had come in. Nobody else: a pool whose threads are
  /// all busy calling never starts the helpers, and to wait for them would be to wait for oneself.
  static void close(Call* call) {
    int inside = call->inside.fetch_add(closed) + closed;
    while (inside != closed) {
      call->inside.wait(inside);
      inside = call->inside.load();
    }
    release(call);
  }

  static void release(Call* call) {
    if (call->references.fetch_sub(1) != 1) return;
    const Shared<PoolCalls> list = std::move(call->list);
    const Lock lock(list->locked_);
    call->next_spent = std::exchange(list->spent_, call);
  }

 private:
  static constexpr int closed = -(1 << 30);

  /// Held for a few instructions. (Not <mutex>, for the reason that Shared gives.)
  class Lock {
   public:
    explicit Lock(std::atomic<bool>& locked) : locked_(locked) {
      while (locked_.exchange(true)) locked_.wait(true);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() {
      locked_ = false;
      locked_.notify_one();
    }

   private:
    std::atomic<bool>& locked_;
  };

  Call* take_spent() {
    const Lock lock(locked_);
    if (spent_ == nullptr) return all_ = new Call(all_);
    return std::exchange(spent_, spent_->next_spent);
  }

  std::atomic<bool> locked_{false};
  Call* all_ = nullptr;
  Call* spent_ = nullptr;
};

}  // namespace detail

/// What Eigen::ThreadPoolInterface has, and all that is asked of a pool: to run a function some time, on some thread.
template <class P>
concept ThreadPool = requires(P& pool, void (*task)()) {
  pool.Schedule(task);
  { pool.NumThreads() } -> std::convertible_to<int>;
};

/// An Eigen::ThreadPoolInterface, or a pool with its Schedule() and NumThreads(), as an executor. The calling thread is
/// one of the workers, so a pool of n threads makes n + 1 of them, unless fewer are asked for.
///
///     #include <unsupported/Eigen/CXX11/ThreadPool>  // since Eigen 5: <Eigen/ThreadPool>
///     Eigen::ThreadPool pool(3);
///     rapt::EigenExecutor executor(pool);  // four workers
///
/// Safe to call from several threads, and from the pool's own. The pool has to outlive the executor.
class EigenExecutor final : public Executor {
 public:
  template <ThreadPool P>
  explicit EigenExecutor(P& pool, int workers = std::numeric_limits<int>::max())
      : pool_(&pool),
        schedule_([](void* p, Call* call) { static_cast<P*>(p)->Schedule([call] { Calls::help(call); }); }),
        workers_(std::clamp(workers, 1, static_cast<int>(pool.NumThreads()) + 1)) {}

  int workers() const override { return workers_; }

  void run(int count, FunctionRef<void(int)> task) override {
    if (count <= 1) return task(0);
    Call* call = Calls::open(calls_, task);
    const Closing closing{call};  // whatever Schedule throws
    for (int helper = 1; helper < count; ++helper) {
      call->references.fetch_add(1);
      Reference of_helper{call};
      schedule_(pool_, call);
      of_helper.call = nullptr;  // from here on the helper's own
    }
    task(0);
  }

 private:
  using Calls = detail::PoolCalls;
  using Call = Calls::Call;
  struct Closing {
    Call* call;
    ~Closing() { Calls::close(call); }
  };
  struct Reference {
    Call* call;
    ~Reference() {
      if (call != nullptr) Calls::release(call);
    }
  };

  void* pool_;
  void (*schedule_)(void* pool, Call* call);
  int workers_;
  Shared<Calls> calls_ = Shared<Calls>::make();
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
