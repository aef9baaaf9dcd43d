// States of parts of the keys, merged into the state of all of them.
//
// The arithmetic, a row at a time, in the element type, with the exponential of the contract:
//
//     m = the largest logsumexp, and sink, of the parts
//     w[i] = exp(lse[i] − m), one after the other summed up to W; the sink's exp(sink − m) comes last
//     out[d] = the chain of fma(w[i] · (1 / W), out[i][d], out[d]), from 0, over the parts with a weight
//     lse = m + log W, added in double
//
// The same bits on every instruction set and with any number of threads. Merging is associative up to rounding: the
// bits are not those of attention to all keys at once.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "rapt/core/elementary.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/state/state.hpp"

RAPT_NAMESPACE_BEGIN

/// States that one merge() takes at most.
inline constexpr Index most_states = 64;

namespace detail {

/// A row of each state's output.
template <class T> struct StateRows {
  const T* out[most_states];
  Index stride[most_states];
};

template <class T>
using MergeRow = void (*)(const StateRows<T>& rows, const T* weights, Index count, Index dim, T* out, Index out_stride);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/state/merge-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN

/// Everything has a default, and each field can be named.
struct MergeOptions {
  std::span<const double> sinks{};  ///< a logit for each head that joins the denominator, once, here; or none
  Executor* executor = nullptr;     ///< whose threads to use; the calling one if null
  std::optional<Isa> isa{};         ///< the instruction set to use; active_isa() if unset
};

namespace detail {

template <class T>
void check_merge(std::span<const AttentionState<const T>> parts, const AttentionState<T>& into,
                 const MergeOptions& options) {
  require(!parts.empty() && static_cast<Index>(parts.size()) <= most_states, "parts", "their number",
          static_cast<Index>(parts.size()), "it has to be from 1 to 64");
  check_state(into, "into");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = "parts[" + std::to_string(i) + "]";
    check_state(parts[i], name);
    check_like(parts[i], name, into, "into");
    const AttentionState<const T>& p = parts[i];
    if (may_overlap(footprint(into.out), footprint(p.out)) && !same_places(into.out, p.out))
      fail("into.out", {"shares memory with ", name, ".out"}, "it has to be the same view, or apart from it");
    if (may_overlap(footprint(into.lse), footprint(p.lse)) && !same_places(into.lse, p.lse))
      fail("into.lse", {"shares memory with ", name, ".lse"}, "it has to be the same view, or apart from it");
    if (may_overlap(footprint(into.out), footprint(p.lse)) || may_overlap(footprint(into.lse), footprint(p.out)))
      fail("into", {"shares memory with ", name}, "an output and a logsumexp have to be apart");
  }
  if (overlaps_itself(footprint(into.out)) || overlaps_itself(footprint(into.lse)) ||
      may_overlap(footprint(into.out), footprint(into.lse)))
    fail("into", "two elements may share an address", "each needs its own");
  if (!options.sinks.empty())
    check_same("sinks", "their number", static_cast<Index>(options.sinks.size()), into.out.heads(),
               "the heads of into");
}

/// The weights of a row's states, [count], which become its shares; returns its logsumexp.
template <class T> T share_out(T* lse, Index count, std::optional<double> sink) {
  T m = std::numeric_limits<T>::lowest(), sum = 0;
  const T logit = sink ? static_cast<T>(*sink) : -std::numeric_limits<T>::infinity();
  bool nan = logit != logit;
  for (Index i = 0; i < count; ++i) {
    m = lse[i] > m ? lse[i] : m;
    nan = nan || lse[i] != lse[i];
  }
  m = logit > m ? logit : m;
  for (Index i = 0; i < count; ++i) sum += lse[i] = contract::exp(lse[i] - m);
  sum += contract::exp(logit - m);
  const T inverse = sum == T(0) ? T(0) : T(1) / sum;
  for (Index i = 0; i < count; ++i) lse[i] = nan ? std::numeric_limits<T>::quiet_NaN() : lse[i] * inverse;
  return nan ? std::numeric_limits<T>::quiet_NaN() : logsumexp(m, sum);
}

}  // namespace detail

/// Merges the states of disjoint parts of the keys, from 1 to 64 of them, all of one shape, into the state of all.
/// `into` may be one of them. Rows that saw no key in a part take nothing from it, and rows that saw none at all get
/// output 0 and logsumexp −∞.
///
/// A sink joins once: give it to the attention of one part, or to merge() in {.sinks = …}, a logit for each head.
///
/// Throws std::invalid_argument, before anything is written, for a shape, pointer or option that can't be right. Passes
/// on what an executor throws. Allocates nothing.
///
/// The merging of FlashAttention's split keys (Dao et al. 2023, Flash-Decoding) and of cascades (Ye et al. 2024).
template <class T>
void merge(std::span<const AttentionState<const T>> parts, const AttentionState<T>& into,
           const MergeOptions& options = {}) {
  detail::check_merge<T>(parts, into, options);
  const Index workers = detail::workers_of(options.executor), count = static_cast<Index>(parts.size());
  const detail::MergeRow<T> merge_row = RAPT_OF_REGION(
      options.isa ? detail::isa_named(name(*options.isa), "options.isa") : active_isa(), merge_row_kernel<T>());
  const View<T>& out = into.out;
  if (out.empty()) return;
  detail::run_items(options.executor, workers, out.batch() * out.heads(), [&](Index item, int) {
    const Index b = item / out.heads(), h = item % out.heads();
    std::optional<double> sink;
    if (!options.sinks.empty()) sink = options.sinks[static_cast<std::size_t>(h)];
    for (Index i = 0; i < out.length(); ++i) {
      detail::StateRows<T> rows;
      T weights[most_states];
      for (Index p = 0; p < count; ++p) {
        const AttentionState<const T>& part = parts[static_cast<std::size_t>(p)];
        rows.out[p] = part.out.row(b, h, i);
        rows.stride[p] = part.out.stride[3];
        weights[p] = part.lse(b, h, i);
      }
      into.lse(b, h, i) = detail::share_out(weights, count, sink);
      merge_row(rows, weights, count, out.dim(), out.row(b, h, i), out.stride[3]);
    }
  });
}

/// The same for a list: merge<float>({a, b, c}, into).
template <class T>
void merge(std::initializer_list<AttentionState<const T>> parts, const AttentionState<T>& into,
           const MergeOptions& options = {}) {
  merge<T>(std::span<const AttentionState<const T>>(parts.begin(), parts.size()), into, options);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
