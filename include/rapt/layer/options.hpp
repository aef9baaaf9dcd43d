// What a layer's call may say besides its arguments, and what follows from it.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <optional>

#include "rapt/core/integers.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/kv/cache.hpp"
#include "rapt/layer/checks.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/parallel/executor.hpp"
#include "rapt/plan/workspace.hpp"
#include "rapt/score/compose.hpp"

RAPT_NAMESPACE_BEGIN

/// Everything has a default, and each field can be named: {.executor = &pool, .workspace = &workspace}.
struct LayerOptions {
  std::optional<Index> sequence{};    ///< the only sequence of the cache that x belongs to; all of them if unset
  detail::IntegerMatrix positions{};  ///< the rotary table's row for each token of x instead of its place, [batch, n]
  Executor* executor = nullptr;       ///< whose threads to use; the calling one if null
  Workspace* workspace = nullptr;     ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};           ///< the instruction set to use; active_isa() if unset
};

namespace detail {

/// Calls f(at, scratch): `buffers` bytes at `at`, and a workspace of `scratch_bytes`, both of one workspace.
template <class F> void with_memory(Workspace* passed, Index buffers, Index scratch_bytes, F f) {
  Workspace own;
  Workspace& workspace = passed == nullptr ? own : *passed;
  const Workspace::Use use(workspace);
  workspace.reserve(buffers + scratch_bytes);
  Workspace scratch(workspace.data() + buffers, scratch_bytes);
  f(workspace.data(), scratch);
}

/// The sequences of a cache that a call is about.
struct Sequences {
  Index first, count;
};
template <class K, class Home> Sequences sequences_of(const Cache<K, Home>& cache, const LayerOptions& options) {
  return options.sequence ? Sequences{*options.sequence, 1} : Sequences{0, cache.sequences()};
}
template <class K, class Home> auto view_of(const Cache<K, Home>& cache, const LayerOptions& options) {
  return options.sequence ? cache.view(*options.sequence) : cache.view();
}

/// The layer's score, and then a call's.
template <class S> const S& with_call(const S& score, const Plain& call, const LayerConfig& c) {
  checked_score_of_call(call, c);
  return score;
}
template <class S, class C> auto with_call(const S& score, const C& call, const LayerConfig& c) {
  checked_score_of_call(call, c);
  return score | call;
}

}  // namespace detail

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
