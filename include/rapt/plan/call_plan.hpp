// A call with everything decided but for the type of its score: compiled once for all scores.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string>

#include "rapt/core/problem.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/kernel/kernels.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/plan/cuts.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/plan/rotation.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

struct Carrying;  // whoever computes a call in several parts of the keys
struct Watching;  // who keeps a plan for later

/// The memory of a call, in bytes.
struct CallMemory {
  Index workers;
  Index scratch;          // that each of them works in
  Index pending, states;  // of blocks whose spans are dealt out
  Index cuts = 0;         // of the sequences of a ragged batch

  Index bytes() const { return workers * scratch + pending + states + cuts; }
};

template <class Kernel> CallMemory memory_of(const Kernel& kernel, const Extents& e, const Schedule& s) {
  constexpr Index alignment = static_cast<Index>(Workspace::alignment);
  CallMemory m{s.workers, round_up(kernel.scratch_bytes(e, s), alignment), 0, 0};
  if (s.parts > 1) {
    m.pending = round_up(s.heads * s.blocks * Index(sizeof(std::int32_t)), alignment);
    m.states = s.heads * s.blocks * s.spans * kernel.kept_state_size(e, s) * e.element;
  }
  return m;
}

/// The same of a ragged batch: workers go from sequences of few rows to others.
template <class Kernel>
CallMemory memory_of(const Kernel& kernel, const Extents& e, const CutTotals& totals, Index sequences, Index workers) {
  constexpr Index alignment = static_cast<Index>(Workspace::alignment);
  Schedule few{}, many{};
  few.few = true;
  many.groups = totals.groups;
  const Index scratch =
      std::max(totals.few > 0 ? kernel.scratch_bytes(e, few) : 0, totals.many > 0 ? kernel.scratch_bytes(e, many) : 0);
  return {workers, round_up(scratch, alignment), round_up(totals.blocks * Index(sizeof(std::int32_t)), alignment),
          round_up(totals.states * e.element, alignment), round_up(sequences * Index(sizeof(Cut)), alignment)};
}

/// The same from the extents of each sequence.
template <class Kernel, class ExtentsOf>
CallMemory ragged_memory_of(const Kernel& kernel, const Extents& common, const ExtentsOf& extents_of, Index workers) {
  const CutTotals totals = cut_sequences(
      {common.batch, extents_of, kernel.lanes, kernel.few_rows, workers, kernel.kept_state_size}, nullptr);
  return memory_of(kernel, common, totals, common.batch, std::clamp<Index>(totals.items, 1, workers));
}

/// What a plan is without its score. (See rapt::Plan.)
template <class T, class Kv> class CallPlan {
 public:
  /// The instruction set of the kernel.
  Isa isa() const { return kernel_.isa; }
  /// Rows that the kernel works on together, one in each lane of its query registers.
  Index lanes() const { return work_.schedule.lanes; }
  /// Keys of a tile and of a span: fixed by the arithmetic contract.
  static constexpr Index tile() { return contract::tile; }
  static constexpr Index span() { return contract::span; }
  /// How many spans the keys have; in a ragged batch, the most of a sequence.
  Index spans() const { return work_.schedule.spans; }
  /// Pieces that the work is cut into, and the workers that they are for.
  Index work_items() const { return work_.schedule.items(); }
  Index workers() const { return work_.schedule.workers; }
  /// Exactly what run() uses.
  Index workspace_bytes() const { return memory_.bytes(); }

  /// The instruction set that the last run's kernels were compiled for, by their own word; nothing if there was nothing
  /// to do.
  std::optional<Isa> ran() const { return ran_ < 0 ? std::nullopt : std::optional<Isa>(static_cast<Isa>(ran_)); }

 protected:
  /// The kernels that a call is made by: those of depth 1, or of pairs. (Only a program that has a use for either
  /// compiles them.)
  using KernelOf = ForwardKernel<T, Kv> (*)(Isa);

  CallPlan(const Problem<T, Kv>& problem, const Options<T>& options, KernelOf kernel_of)
      : CallPlan(problem, options, nullptr, kernel_of) {}
  /// Of a ragged batch. (What only such a one needs, a program without one doesn't compile.)
  CallPlan(const Problem<T, Kv>& problem, const Options<T>& options, OfSequences, KernelOf kernel_of)
      : CallPlan(problem, options, &CallPlan::cut, kernel_of) {}

  void run(const Scoring<T>& score);
  std::string explain(const std::string& score) const;

 private:
  friend struct Carrying;
  friend struct Watching;

  using Cutter = void (CallPlan::*)(Cut*, std::int32_t*);

  CallPlan(const Problem<T, Kv>& problem, const Options<T>& options, Cutter cutter, KernelOf kernel_of);

  static Isa chosen_isa(const Options<T>& options) {
    if (!options.isa) return active_isa();
    return isa_named(name(*options.isa), "options.isa");
  }

  Extents extents() const {
    const Problem<T, Kv>& p = work_.problem;
    return {p.batch(),    p.kv_heads(),  p.group(),        p.q.length(),       p.kv.longest(),
            p.head_dim(), p.value_dim(), Index(sizeof(T)), p.kv.heads_inside()};
  }

  /// Cuts the sequences of a ragged batch, each by its lengths, for the memory and the work of all of them. With a
  /// table, also into that, for a run.
  void cut(Cut* table, std::int32_t* pending);

  std::string describe_first_query() const;

  ForwardWork<T, Kv> work_;  // its score is that of a run
  ForwardKernel<T, Kv> kernel_;
  Executor* executor_;
  Workspace* workspace_;
  Workspace own_;
  Index workers_;
  Cutter cut_;          // of a ragged batch, or null
  CutTotals totals_{};  // of a ragged batch
  CallMemory memory_{};
  bool watched_ = false;  // whether it is kept for later, so that what it was planned for may change
  Index changes_ = 0;     // of the cache and the lengths, when this was planned
  int ran_ = -1;
};

template <class T, class Kv>
CallPlan<T, Kv>::CallPlan(const Problem<T, Kv>& problem, const Options<T>& options, Cutter cutter, KernelOf kernel_of)
    : work_{problem, {}, {options.rope, options.rope_rows}, {}, {}, nullptr, nullptr, nullptr},
      kernel_(kernel_of(chosen_isa(options))),
      executor_(options.executor),
      workspace_(options.workspace),
      workers_(workers_of(executor_)),
      cut_(cutter) {
  check_rotation(work_.rotation, problem);
  work_.access = problem.access.of(kernel_.isa);
  if constexpr (has_codes<Kv>)
    work_.integers = integer_loops<typename Kv::StoredKey, typename Kv::StoredValue>(kernel_.isa);
  if (options.rope != nullptr) work_.rotation.turn_row = options.rope->turn_row(kernel_.isa);
  if (cut_ == nullptr) {
    const Extents e = extents();
    work_.schedule = make_schedule(e, kernel_.lanes, kernel_.few_rows, workers_);
    memory_ = memory_of(kernel_, e, work_.schedule);
  } else {
    (this->*cut_)(nullptr, nullptr);
  }
  Workspace& workspace = workspace_ == nullptr ? own_ : *workspace_;
  const Workspace::Use use(workspace);  // to grow it would free what a call under way works in
  workspace.reserve(workspace_bytes());
}

template <class T, class Kv> void CallPlan<T, Kv>::cut(Cut* table, std::int32_t* pending) {
  const Problem<T, Kv>& p = work_.problem;
  const Extents common = extents();
  const auto extents_of = [&](Index b) {
    Extents e = common;
    e.batch = 1, e.q_len = p.q_len(b), e.kv_len = p.kv_len(b);
    return e;
  };
  totals_ =
      cut_sequences({p.batch(), extents_of, kernel_.lanes, kernel_.few_rows, workers_, kernel_.kept_state_size}, table);
  if (table != nullptr) begin_parts({table, p.batch()}, pending);
  Schedule& s = work_.schedule;
  s.lanes = kernel_.lanes;
  s.groups = totals_.groups;
  s.spans = ceil_div(totals_.longest_keys, contract::span);
  s.all = totals_.items;
  s.workers = std::clamp<Index>(totals_.items, 1, workers_);
  memory_ = memory_of(kernel_, common, totals_, p.batch(), s.workers);
}

template <class T, class Kv> void CallPlan<T, Kv>::run(const Scoring<T>& score) {
  if (watched_ && work_.problem.changes() != changes_)
    misused("rapt: plan: the cache, or a length, has changed since; each state of them needs a plan of its own");
  Workspace& workspace = workspace_ == nullptr ? own_ : *workspace_;
  const Workspace::Use use(workspace);
  workspace.reserve(workspace_bytes());
  const Schedule& s = work_.schedule;
  std::byte* const scratch = workspace.data();
  std::byte* const pending = scratch + s.workers * memory_.scratch;
  std::atomic<int> ran{-1};

  ForwardWork<T, Kv> work = work_;
  work.score = score;
  work.ran = &ran;
  work.pending = reinterpret_cast<std::int32_t*>(pending);
  work.states = reinterpret_cast<T*>(pending + memory_.pending);
  if (cut_ != nullptr) {
    Cut* const table = reinterpret_cast<Cut*>(pending + memory_.pending + memory_.states);
    (this->*cut_)(table, work.pending);
    work.cuts = {table, work.problem.batch()};
  }
  if (s.parts > 1)
    for (Index block = 0; block < s.heads * s.blocks; ++block) work.pending[block] = static_cast<std::int32_t>(s.parts);

  run_items(executor_, s.workers, s.items(),
            [&](Index item, int worker) { kernel_.run_item(work, item, scratch + worker * memory_.scratch); });
  ran_ = ran;
}

template <class T, class Kv> std::string CallPlan<T, Kv>::describe_first_query() const {
  const Problem<T, Kv>& p = work_.problem;
  for (Index b = 1; b < p.batch(); ++b)
    if (p.first_query(b) != p.first_query(0)) return "query 0 at a position of its own in each sequence";
  return "query 0 at position " + (p.batch() == 0 ? "none" : std::to_string(p.first_query(0)));
}

template <class T, class Kv> std::string CallPlan<T, Kv>::explain(const std::string& score) const {
  const Problem<T, Kv>& p = work_.problem;
  const Schedule& s = work_.schedule;
  const bool ragged = cut_ != nullptr;
  const auto n = [](Index x) { return std::to_string(x); };
  char scale[32];
  std::snprintf(scale, sizeof scale, "%g", static_cast<double>(p.scale));
  std::string text;
  text += std::string("attention   ") + (sizeof(T) == 8 ? "double" : "float") + (ragged ? ", sequences " : ", batch ") +
          n(p.batch()) + ", heads " + n(p.q_heads()) + "/" + n(p.kv_heads()) + ", " +
          (ragged ? describe_lengths(totals_) : n(p.q.length()) + " queries, " + n(p.kv.longest()) + " keys") +
          ", head_dim " + n(p.head_dim()) + ", value_dim " + n(p.value_dim()) + "\n";
  text += "score       " + score + "; " + describe_first_query() + "; scale " + scale + "\n";
  if (work_.rotation.table != nullptr)
    text +=
        "rope        " + n(work_.rotation.table->rotary_dim()) + " dims of each query are turned while it is packed\n";
  text += "kernel      " + std::string(name(kernel_.isa)) + ": " +
          (ragged               ? describe_kernels(totals_, s.lanes)
           : kernel_.depth == 4 ? "keys in the lanes, four numbers of each, as they are codes"
           : s.few              ? "keys in the lanes, as the rows are few"
                                : n(s.lanes) + " rows in the lanes") +
          " (of: " + supported_names() + ")\n";
  if (kernel_.depth == 2)
    text +=
        "arithmetic  bfloat16: products join a sum two by two, and weights are rounded to it; Options::arithmetic may "
        "want it exact\n";
  if (kernel_.depth == 4)
    text +=
        "arithmetic  integers: queries and weights are rounded to 16 bits, products with codes of keys and values "
        "added "
        "up exactly\n";
  text += "rows        " + n(p.group()) + " heads x " +
          (ragged ? "its queries are each sequence's, in blocks of " + n(s.block_rows()) + " or fewer, longest first"
                  : n(p.q.length()) + " queries = " + n(s.rows) + " a key/value head, in " + n(s.blocks) +
                        " blocks of " + n(s.block_rows())) +
          ": as many as fit the cache and leave each worker several\n";
  text += "keys        " + n(ceil_div(p.kv.longest(), contract::tile)) + " tiles of " + n(contract::tile) + ", " +
          n(s.spans) + " spans of " + n(contract::span) +
          (ragged        ? ", in the longest; those of " + n(totals_.dealt) + " sequences are dealt into parts"
           : s.turns > 1 ? ", each gone through by all heads before the next one, as their rows stand side by side"
           : s.parts > 1 ? ", dealt into " + n(s.parts) + " parts as there are fewer blocks than workers"
                         : "") +
          "\n";
  const auto describe_copies = [&](const char* what, Index stride, Index dim) {
    if (stride != 1 && dim > 1)
      text += std::string("memory      the elements of the ") + what + " stand " + n(stride) +
              " apart: each tile is first copied, which takes time\n";
  };
  if constexpr (requires { p.kv.table.page_size; })
    text += "pages       of " + n(p.kv.table.page_size.value()) + " positions, found by a block table\n";
  if (!Kv::blocked) describe_copies("keys", p.kv.key_stride(), p.head_dim());
  describe_copies("values", p.kv.value_stride(), p.value_dim());
  text += "work        " + n(s.items()) + " items for " + n(s.workers) + " workers\n";
  text += "workspace   " + n(workspace_bytes()) + " bytes: " + n(memory_.scratch) + " a worker" +
          (s.parts > 1 || totals_.dealt > 0 ? ", " + n(memory_.states) + " for the spans' states" : "") +
          (ragged ? ", " + n(memory_.cuts) + " for the sequences' items" : "") + "\n";
  return text;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
