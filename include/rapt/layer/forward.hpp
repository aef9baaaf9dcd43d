// The calls of an attention layer: its members, which layer.hpp declares.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/layer/layer.hpp"
#include "rapt/layer/steps.hpp"

RAPT_NAMESPACE_BEGIN

// ---- self-attention ---------------------------------------------------------------------------

template <class T, class S>
template <class X, class Y, class C>
void AttentionLayer<T, S>::run(const X& x, const Y& y, const C& call, const LayerOptions& options) const {
  const LayerOptions o = checked(options, false);
  check_without_cache(o);
  if (config_.shares_kv)
    detail::fail("layer", "has no keys of its own: shares_kv",
                 "it has to be given the cache of the layer that has them");
  detail::check_in_and_out(x, y, config_.hidden_size);
  for (Index b = 0; b < detail::count_of(x); ++b) check_positions(x, b, 0, o);
  const auto score = detail::with_call(score_, call, config_);
  check_score(score, x, detail::longest_in(x), y);
  if (detail::view_in(x).empty()) return;

  const detail::TokenBuffers<T> tokens(detail::view_in(x));
  const auto keys = [&](Index b) { return detail::length_of(x, b); };
  const Index scratch_bytes =
      std::max(linear_bytes(x, o), attention_bytes<detail::StridedKv<T>>(x, detail::longest_in(x), keys, o));
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    take_k_and_v(tokens, at, rows);
    project_in(x, rows, linear);
    for (Index b = 0; b < detail::count_of(x); ++b) {
      scale_queries(detail::sequence_of(rows.q, x, b), 0);
      if (angles_)
        rope::rotate(detail::sequence_of(k_heads(rows), x, b), *angles_,
                     {.rows = detail::sequence_of(o.positions, x, b), .executor = o.executor, .isa = o.isa});
    }
    attention(detail::placed(q_heads(rows), x), detail::placed(k_heads(rows), x), detail::placed(v_heads(rows), x),
              detail::placed(out_heads(rows), x), score, attention_options(linear, o));
    project_out(x, rows, detail::view_in(y), linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens) + k_and_v_bytes(tokens), scratch_bytes, run);
}

template <class T, class S>
template <class X, class Y, class K, class Home, class C>
void AttentionLayer<T, S>::run_cached(const X& x, const Y& y, detail::Cache<K, Home>& cache, const C& call,
                                      const LayerOptions& options) const {
  const LayerOptions o = checked(options, false);
  detail::check_in_and_out(x, y, config_.hidden_size);
  check_cache(cache, x, "x", o);
  if (config_.shares_kv)
    check_holds(cache, x, o);
  else
    check_append(cache, x, "x", o);
  const auto score = detail::with_call(score_, call, config_);
  check_attends(score, cache, x, y, o);
  if (detail::view_in(x).empty()) return;

  const detail::TokenBuffers<T> tokens(detail::view_in(x));
  const auto [first, count] = detail::sequences_of(cache, o);
  const Index first_sequence = first;
  const auto before = [&](Index b) {
    return cache.length(first_sequence + b) - (config_.shares_kv ? detail::length_of(x, b) : 0);
  };
  const auto keys = [&](Index b) { return before(b) + detail::length_of(x, b); };
  Index longest = 0;
  for (Index b = 0; b < count; ++b) longest = std::max(longest, keys(b));
  const Index scratch_bytes = std::max(linear_bytes(x, o), attention_bytes<typename Home::Kv>(x, longest, keys, o));
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    if (!config_.shares_kv) take_k_and_v(tokens, at, rows);
    project_in(x, rows, linear);
    for (Index b = 0; b < detail::count_of(x); ++b) scale_queries(detail::sequence_of(rows.q, x, b), before(b));
    if (!config_.shares_kv) append(cache, x, rows, o);
    attention(detail::placed(q_heads(rows), x), detail::view_of(cache, o), detail::placed(out_heads(rows), x), score,
              attention_options(linear, o));
    project_out(x, rows, detail::view_in(y), linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens) + (config_.shares_kv ? 0 : k_and_v_bytes(tokens)),
                      scratch_bytes, run);
}

// ---- cross-attention --------------------------------------------------------------------------

template <class T, class S>
template <class C>
void AttentionLayer<T, S>::run_cross(const View<const T>& x, const View<const T>& memory, const View<T>& y,
                                     const C& call, const LayerOptions& options) const {
  const LayerOptions o = checked(options, true);
  check_without_cache(o);
  detail::check_in_and_out(x, y, config_.hidden_size);
  detail::check_states(memory, "memory", config_.memory_size, "the config: memory_size");
  detail::check_same("memory", "batch", memory.batch(), x.batch(), "x");
  detail::check_apart_from(y, memory, "memory");
  const auto score = detail::with_call(score_, call, config_);
  check_score(score, x, memory.length(), y);
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x), memory_tokens(memory);
  const auto keys = [&](Index) { return memory.length(); };
  const Index scratch_bytes = std::max({linear_bytes(x, o), memory_bytes(memory, o),
                                        attention_bytes<detail::StridedKv<T>>(x, memory.length(), keys, o)});
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    take_k_and_v(memory_tokens, at, rows);
    project_in(x, rows, linear);
    project_memory_in(memory, rows, linear);
    attention(q_heads(rows), k_heads(rows), v_heads(rows), out_heads(rows), score, attention_options(linear, o));
    project_out(x, rows, y, linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens) + k_and_v_bytes(memory_tokens), scratch_bytes, run);
}

template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::project_memory(const View<const T>& memory, detail::Cache<K, Home>& cache,
                                          const LayerOptions& options) const {
  const LayerOptions o = checked(options, true);
  detail::check_states(memory, "memory", config_.memory_size, "the config: memory_size");
  check_cache(cache, memory, "memory", o);
  check_append(cache, memory, "memory", o);
  if (memory.empty()) return;

  const detail::TokenBuffers<T> tokens(memory);
  const auto run = [&](std::byte* at, Workspace& scratch) {
    Buffers rows;
    take_k_and_v(tokens, at, rows);
    project_memory_in(memory, rows, {o.executor, &scratch, o.isa});
    append(cache, memory, rows, o);
  };
  detail::with_memory(o.workspace, k_and_v_bytes(tokens), memory_bytes(memory, o), run);
}

template <class T, class S>
template <class K, class Home, class C>
void AttentionLayer<T, S>::run_cross_cached(const View<const T>& x, const View<T>& y,
                                            const detail::Cache<K, Home>& cache, const C& call,
                                            const LayerOptions& options) const {
  const LayerOptions o = checked(options, true);
  detail::check_in_and_out(x, y, config_.hidden_size);
  check_cache(cache, x, "x", o);
  const auto view = detail::view_of(cache, o);
  const auto score = detail::with_call(score_, call, config_);
  check_score(score, x, view.kv.longest(), y);
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x);
  const auto keys = [&](Index b) { return view.kv.length(b); };
  const Index scratch_bytes =
      std::max(linear_bytes(x, o), attention_bytes<typename Home::Kv>(x, view.kv.longest(), keys, o));
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    project_in(x, rows, linear);
    attention(q_heads(rows), view, out_heads(rows), score, attention_options(linear, o));
    project_out(x, rows, y, linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens), scratch_bytes, run);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
