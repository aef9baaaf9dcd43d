// What would run, and why; and its running.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>

#include "rapt/kernel/kernels.hpp"
#include "rapt/plan/call_plan.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// A call to attention with everything decided: which kernel, which tiles, which work items, how much memory.
template <class T, class S, class Kv = detail::StridedKv<T>> class Plan : public detail::CallPlan<T, Kv> {
  using Call = detail::CallPlan<T, Kv>;

 public:
  Plan(const detail::Problem<T, Kv>& problem, const S& score, const Options<T>& options,
       typename Call::KernelOf kernel_of = &detail::forward_kernel<T, Kv>)
      : Call(servable(problem, score), options, kernel_of), score_(score) {}
  /// Of a ragged batch.
  Plan(const detail::Problem<T, Kv>& problem, const S& score, const Options<T>& options, detail::OfSequences sequences,
       typename Call::KernelOf kernel_of = &detail::forward_kernel<T, Kv>)
      : Call(servable(problem, score), options, sequences, kernel_of), score_(score) {}

  /// Computes. Allocates nothing. May be called again and again, from one thread at a time, with new contents in the
  /// same memory.
  void run() { Call::run(detail::scoring_of<T, detail::has_codes<Kv>>(score_, this->isa())); }

  /// All of this in words, a line a decision.
  std::string explain() const { return Call::explain(detail::describe(score_)); }

 private:
  /// A stage is asked whether it can serve the call before anything else is done.
  static const detail::Problem<T, Kv>& servable(const detail::Problem<T, Kv>& problem, const S& score) {
    detail::check_stage(score, problem);
    return problem;
  }

  S score_;
};

namespace detail {

/// A plan that a program keeps remembers the state of the cache and of all lengths. One that is run at once need not:
/// of long block tables that takes time.
struct Watching {
  template <class T, class S, class Kv> static Plan<T, S, Kv> watched(Plan<T, S, Kv> plan) {
    plan.watched_ = true;
    plan.changes_ = plan.work_.problem.changes();
    return plan;
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
