// The calls of an attention layer: its members, which layer.hpp declares.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/layer/layer.hpp"

RAPT_NAMESPACE_BEGIN
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

}  // namespace detail

// ---- making one -------------------------------------------------------------------------------

template <class T, class S> Linear<T> AttentionLayer<T, S>::packed_in(const LayerWeights<T>& w) const {
  detail::check_weights(w, config_);
  static_cast<void>(detail::checked_scale<T>(config_.scale, config_.head_dim));
  if (config_.memory_size != 0) return Linear<T>(w.q, w.q_bias);
  return Linear<T>({w.q, w.k, w.v}, {w.q_bias, w.k_bias, w.v_bias});
}

template <class T, class S>
std::optional<Linear<T>> AttentionLayer<T, S>::packed_memory(const LayerWeights<T>& w) const {
  if (config_.memory_size == 0) return {};
  return Linear<T>({w.k, w.v}, {w.k_bias, w.v_bias});
}

// ---- checks -----------------------------------------------------------------------------------

/// The options with their instruction set chosen.
template <class T, class S> LayerOptions AttentionLayer<T, S>::checked(const LayerOptions& options, bool cross) const {
  if (in_.outputs() == 0) detail::fail("layer", "was moved from", "it has to hold weights");
  if (cross && !memory_)
    detail::fail("layer", "is one of self-attention", "it has to be one of cross-attention, with a memory_size");
  if (!cross && memory_)
    detail::fail("layer", "is one of cross-attention", "it has to be one of self-attention, without a memory_size");
  if (options.positions.given() && !angles_)
    detail::fail("positions", "are set", "they have to be unset without a rope");
  detail::workers_of(options.executor);
  LayerOptions chosen = options;
  chosen.isa = options.isa ? detail::isa_named(name(*options.isa), "options.isa") : active_isa();
  return chosen;
}

template <class T, class S> void AttentionLayer<T, S>::check_without_cache(const LayerOptions& options) const {
  if (options.sequence) detail::fail("sequence", "is set", "it has to be unset without a cache");
}

/// The tokens of x come after `length` others.
template <class T, class S>
void AttentionLayer<T, S>::check_positions(const View<const T>& x, Index length, const LayerOptions& options) const {
  if (!angles_) return;
  if (options.positions.given())
    detail::check_given_positions(options.positions, x.batch(), x.length(), angles_->rows());
  else
    detail::check_reach(length, x.length(), angles_->rows());
}

template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::check_cache(const detail::Cache<K, Home>& cache, const View<const T>& x, const char* name,
                                       const LayerOptions& options) const {
  static_assert(std::is_same_v<detail::arithmetic_t<K>, T>,
                "rapt: a layer of double takes a cache of double, and one of float any other");
  detail::check_same("cache", "the number of key/value heads", cache.kv_heads(), config_.num_kv_heads, "the layer");
  detail::check_same("cache", "head_dim", cache.head_dim(), config_.head_dim, "the layer");
  detail::check_same("cache", "value_dim", cache.value_dim(), config_.value_dim, "the layer");
  if (!options.sequence)
    return detail::check_same(name, "batch", x.batch(), cache.sequences(), "the cache's sequences");
  if (*options.sequence < 0 || *options.sequence >= cache.sequences())
    detail::fail("sequence", "is " + std::to_string(*options.sequence),
                 "it has to be from 0 to " + std::to_string(cache.sequences() - 1) + ", a sequence of the cache");
  detail::check_same(name, "batch", x.batch(), 1, "one sequence");
}

/// Whether the cache has room for as many tokens as x has.
template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::check_append(const detail::Cache<K, Home>& cache, const View<const T>& x, const char* name,
                                        const LayerOptions& options) const {
  const auto [first, count] = detail::sequences_of(cache, options);
  for (Index s = first; s < first + count; ++s)
    if (x.length() > cache.room(s))
      detail::fail(name, "length is " + std::to_string(x.length()),
                   "sequence " + std::to_string(s) + " of the cache, which has " + std::to_string(cache.length(s)) +
                       " positions, has room for " + std::to_string(cache.room(s)));
}

/// Whether the score can serve queries of x with `longest` keys at most.
template <class T, class S> void AttentionLayer<T, S>::check_score(const View<const T>& x, Index longest) const {
  detail::check(score_, ProblemShape{x.batch(), config_.num_heads, x.length(), longest});
}

/// Whether x may attend to what the cache holds once it has taken in x.
template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::check_attends(const detail::Cache<K, Home>& cache, const View<const T>& x,
                                         const LayerOptions& options) const {
  const auto [first, count] = detail::sequences_of(cache, options);
  check_score(x, detail::view_of(cache, options).kv.longest() + x.length());
  for (Index b = 0; b < count; ++b) {
    const Index before = cache.length(first + b);
    check_positions(x, before, options);
    detail::check_forgotten(score_, b, config_.num_heads, before, x.length(), cache.first_after(first + b, x.length()));
  }
}

// ---- steps ------------------------------------------------------------------------------------

template <class T, class S>
void AttentionLayer<T, S>::normalise(const View<T>& heads, const std::vector<T>& weights,
                                     const LinearOptions& options) const {
  if (!weights.empty())
    rms_norm(heads, weights, heads, {.eps = config_.norm_eps, .executor = options.executor, .isa = options.isa});
}

template <class T, class S>
void AttentionLayer<T, S>::project_in(const View<const T>& x, const Buffers& to, const LinearOptions& options) const {
  if (memory_) {
    detail::project<T, 1>(in_, x, {to.q}, options);
  } else {
    detail::project<T, 3>(in_, x, {to.q, to.k, to.v}, options);
    normalise(k_heads(to), k_norm_, options);
  }
  normalise(q_heads(to), q_norm_, options);
}

template <class T, class S>
void AttentionLayer<T, S>::project_memory_in(const View<const T>& memory, const Buffers& to,
                                             const LinearOptions& options) const {
  detail::project<T, 2>(*memory_, memory, {to.k, to.v}, options);
  normalise(k_heads(to), k_norm_, options);
}

template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::append(detail::Cache<K, Home>& cache, const Buffers& from,
                                  const LayerOptions& options) const {
  const AppendOptions<T> turned{angles_.get(), options.positions};
  if (options.sequence)
    cache.append(*options.sequence, k_heads(from), v_heads(from), turned);
  else
    cache.append(k_heads(from), v_heads(from), turned);
}

template <class T, class S>
Options<T> AttentionLayer<T, S>::attention_options(const LinearOptions& linear, const LayerOptions& options) const {
  Options<T> o;
  o.scale = config_.scale;
  o.executor = linear.executor;
  o.rope = angles_.get();
  o.rope_rows = options.positions;
  o.workspace = linear.workspace;
  o.isa = linear.isa;
  return o;
}

// ---- memory -----------------------------------------------------------------------------------

template <class T, class S>
Index AttentionLayer<T, S>::in_bytes(const View<const T>& x, const LayerOptions& options) const {
  return detail::projection_bytes(in_, x.batch(), x.length(), x.stride[3] == 1, options.executor);
}
template <class T, class S>
Index AttentionLayer<T, S>::memory_bytes(const View<const T>& memory, const LayerOptions& options) const {
  return detail::projection_bytes(*memory_, memory.batch(), memory.length(), memory.stride[3] == 1, options.executor);
}
template <class T, class S>
Index AttentionLayer<T, S>::out_bytes(const View<const T>& x, const LayerOptions& options) const {
  return detail::projection_bytes(out_, x.batch(), x.length(), true, options.executor);
}

/// What attention of x to keys that are `longest` at most needs.
template <class T, class S>
template <class Kv>
Index AttentionLayer<T, S>::attention_bytes(const View<const T>& x, Index longest, const LayerOptions& options) const {
  const LayerConfig& c = config_;
  const detail::Extents e{x.batch(),   c.num_kv_heads,  c.num_heads / c.num_kv_heads, x.length(), longest, c.head_dim,
                          c.value_dim, Index(sizeof(T))};
  const auto kernel = detail::forward_kernel<T, Composed, Kv>(*options.isa);
  const Index workers = detail::workers_of(options.executor);
  return detail::memory_of(kernel, e, detail::make_schedule(e, kernel.lanes, kernel.few_rows, workers)).bytes();
}

/// Queries, and what comes of them.
template <class T, class S> Index AttentionLayer<T, S>::q_and_out_bytes(const detail::TokenBuffers<T>& tokens) const {
  return tokens.bytes(config_.q_size()) + tokens.bytes(config_.o_size());
}
template <class T, class S>
void AttentionLayer<T, S>::take_q_and_out(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const {
  rows.q = tokens.take(at, config_.q_size());
  rows.out = tokens.take(at, config_.o_size());
}
template <class T, class S> Index AttentionLayer<T, S>::k_and_v_bytes(const detail::TokenBuffers<T>& tokens) const {
  return tokens.bytes(config_.k_size()) + tokens.bytes(config_.v_size());
}
template <class T, class S>
void AttentionLayer<T, S>::take_k_and_v(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const {
  rows.k = tokens.take(at, config_.k_size());
  rows.v = tokens.take(at, config_.v_size());
}

// ---- calls ------------------------------------------------------------------------------------

template <class T, class S>
void AttentionLayer<T, S>::forward(const View<const T>& x, const View<T>& y, const LayerOptions& options) const {
  const LayerOptions o = checked(options, false);
  check_without_cache(o);
  detail::check_in_and_out(x, y, config_.hidden_size);
  check_positions(x, 0, o);
  check_score(x, x.length());
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x);
  const Index scratch_bytes =
      std::max({in_bytes(x, o), attention_bytes<detail::StridedKv<T>>(x, x.length(), o), out_bytes(x, o)});
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    take_k_and_v(tokens, at, rows);
    project_in(x, rows, linear);
    if (angles_) rope::rotate(k_heads(rows), *angles_, {.rows = o.positions, .executor = o.executor, .isa = o.isa});
    attention(q_heads(rows), k_heads(rows), v_heads(rows), out_heads(rows), score_, attention_options(linear, o));
    detail::project<T, 1>(out_, rows.out, {y}, linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens) + k_and_v_bytes(tokens), scratch_bytes, run);
}

template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::forward(const View<const T>& x, const View<T>& y, detail::Cache<K, Home>& cache,
                                   const LayerOptions& options) const {
  const LayerOptions o = checked(options, false);
  detail::check_in_and_out(x, y, config_.hidden_size);
  check_cache(cache, x, "x", o);
  check_append(cache, x, "x", o);
  check_attends(cache, x, o);
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x);
  const Index longest = detail::view_of(cache, o).kv.longest() + x.length();
  const Index scratch_bytes =
      std::max({in_bytes(x, o), attention_bytes<typename Home::Kv>(x, longest, o), out_bytes(x, o)});
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    take_k_and_v(tokens, at, rows);
    project_in(x, rows, linear);
    append(cache, rows, o);
    attention(q_heads(rows), detail::view_of(cache, o), out_heads(rows), score_, attention_options(linear, o));
    detail::project<T, 1>(out_, rows.out, {y}, linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens) + k_and_v_bytes(tokens), scratch_bytes, run);
}

template <class T, class S>
void AttentionLayer<T, S>::cross_attend(const View<const T>& x, const View<const T>& memory, const View<T>& y,
                                        const LayerOptions& options) const {
  const LayerOptions o = checked(options, true);
  check_without_cache(o);
  detail::check_in_and_out(x, y, config_.hidden_size);
  detail::check_states(memory, "memory", config_.memory_size, "the config: memory_size");
  detail::check_same("memory", "batch", memory.batch(), x.batch(), "x");
  detail::check_apart_from(y, memory, "memory");
  check_score(x, memory.length());
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x), memory_tokens(memory);
  const Index scratch_bytes = std::max({in_bytes(x, o), memory_bytes(memory, o),
                                        attention_bytes<detail::StridedKv<T>>(x, memory.length(), o), out_bytes(x, o)});
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    take_k_and_v(memory_tokens, at, rows);
    project_in(x, rows, linear);
    project_memory_in(memory, rows, linear);
    attention(q_heads(rows), k_heads(rows), v_heads(rows), out_heads(rows), score_, attention_options(linear, o));
    detail::project<T, 1>(out_, rows.out, {y}, linear);
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
    append(cache, rows, o);
  };
  detail::with_memory(o.workspace, k_and_v_bytes(tokens), memory_bytes(memory, o), run);
}

template <class T, class S>
template <class K, class Home>
void AttentionLayer<T, S>::cross_attend(const View<const T>& x, const View<T>& y, const detail::Cache<K, Home>& cache,
                                        const LayerOptions& options) const {
  const LayerOptions o = checked(options, true);
  detail::check_in_and_out(x, y, config_.hidden_size);
  check_cache(cache, x, "x", o);
  check_score(x, detail::view_of(cache, o).kv.longest());
  if (x.empty()) return;

  const detail::TokenBuffers<T> tokens(x);
  const auto view = detail::view_of(cache, o);
  const Index scratch_bytes =
      std::max({in_bytes(x, o), attention_bytes<typename Home::Kv>(x, view.kv.longest(), o), out_bytes(x, o)});
  const auto run = [&](std::byte* at, Workspace& scratch) {
    const LinearOptions linear{o.executor, &scratch, o.isa};
    Buffers rows;
    take_q_and_out(tokens, at, rows);
    project_in(x, rows, linear);
    attention(q_heads(rows), view, out_heads(rows), score_, attention_options(linear, o));
    detail::project<T, 1>(out_, rows.out, {y}, linear);
  };
  detail::with_memory(o.workspace, q_and_out_bytes(tokens), scratch_bytes, run);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
