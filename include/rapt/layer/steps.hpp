// The steps of a layer's calls, what they ask, and the memory that they take: members that layer.hpp declares.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/layer/layer.hpp"

RAPT_NAMESPACE_BEGIN

// ---- making one -------------------------------------------------------------------------------

/// What x is projected to, in the order of outputs(): q; k and v, if they are its own; a gate, if there is one.
template <class T, class S> Linear<T> AttentionLayer<T, S>::packed_in(const LayerWeights<T>& w) const {
  detail::check_weights(w, config_);
  static_cast<void>(detail::checked_scale<T>(config_.scale, config_.head_dim));
  std::vector<MatrixView<const T>> matrices{w.q};
  std::vector<std::span<const T>> biases{w.q_bias};
  if (has_own_kv()) {
    matrices.insert(matrices.end(), {w.k, w.v});
    biases.insert(biases.end(), {w.k_bias, w.v_bias});
  }
  if (config_.output_gate == OutputGate::separate) {
    matrices.push_back(w.gate);
    biases.emplace_back();
  }
  if (config_.output_gate != OutputGate::in_q) return Linear<T>(matrices, biases);
  const detail::SplitQueries<T> split(w.q, w.q_bias, config_);
  matrices[0] = split.q_rows(config_);
  biases[0] = split.q_bias;
  matrices.push_back(split.gate_rows(config_));
  biases.emplace_back(split.gate_bias);
  return Linear<T>(matrices, biases);
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

/// The tokens of x's sequence b come after `length` others.
template <class T, class S>
template <class X>
void AttentionLayer<T, S>::check_positions(const X& x, Index b, Index length, const LayerOptions& options) const {
  if (!angles_) return;
  const View<const T>& all = detail::view_in(x);
  if (!options.positions.given()) return detail::check_reach(length, detail::length_of(x, b), angles_->rows());
  detail::check_given_positions(options.positions, detail::stretch_of(x, b), all.batch(), all.length(),
                                angles_->rows());
}

template <class T, class S>
template <class K, class Home, class X>
void AttentionLayer<T, S>::check_cache(const detail::Cache<K, Home>& cache, const X& x, const char* name,
                                       const LayerOptions& options) const {
  static_assert(std::is_same_v<detail::arithmetic_t<K>, T>,
                "rapt: a layer of double takes a cache of double, and one of float any other");
  detail::check_same("cache", "the number of key/value heads", cache.kv_heads(), config_.num_kv_heads, "the layer");
  detail::check_same("cache", "head_dim", cache.head_dim(), config_.head_dim, "the layer");
  detail::check_same("cache", "value_dim", cache.value_dim(), config_.value_dim, "the layer");
  const char* const what = detail::is_ragged<X> ? "the number of sequences" : "batch";
  if (!options.sequence)
    return detail::check_same(name, what, detail::count_of(x), cache.sequences(), "the cache's sequences");
  if (*options.sequence < 0 || *options.sequence >= cache.sequences())
    detail::fail("sequence", {"is ", *options.sequence},
                 {"it has to be from 0 to ", cache.sequences() - 1, ", a sequence of the cache"});
  detail::check_same(name, what, detail::count_of(x), 1, "one sequence");
}

/// Whether the cache has room for as many tokens as x has.
template <class T, class S>
template <class K, class Home, class X>
void AttentionLayer<T, S>::check_append(const detail::Cache<K, Home>& cache, const X& x, const char* name,
                                        const LayerOptions& options) const {
  const auto [first, count] = detail::sequences_of(cache, options);
  for (Index b = 0; b < count; ++b)
    if (detail::length_of(x, b) > cache.room(first + b))
      detail::fail(name, {"length is ", detail::length_of(x, b)},
                   {"sequence ", first + b, " of the cache, which has ", cache.length(first + b),
                    " positions, has room for ", cache.room(first + b)});
}

/// Whether the cache holds the tokens of x already, as the last ones.
template <class T, class S>
template <class K, class Home, class X>
void AttentionLayer<T, S>::check_holds(const detail::Cache<K, Home>& cache, const X& x,
                                       const LayerOptions& options) const {
  const auto [first, count] = detail::sequences_of(cache, options);
  for (Index b = 0; b < count; ++b)
    if (detail::length_of(x, b) > cache.length(first + b))
      detail::fail("x", {"length is ", detail::length_of(x, b)},
                   {"sequence ", first + b, " of the cache has ", cache.length(first + b),
                    " positions: the layer whose cache it is has to have taken in the tokens before"});
}

/// Whether a score can serve queries of x with `longest` keys at most, and reads nothing that is written.
template <class T, class S>
template <class C, class X, class Y>
void AttentionLayer<T, S>::check_score(const C& score, const X& x, Index longest, const Y& y) const {
  detail::Written written{detail::footprint(detail::view_in(y)), {}};
  written.name = "y";
  detail::check(score, ProblemShape{detail::count_of(x), config_.num_heads, detail::longest_in(x), longest, written});
}

/// Whether x may attend to what the cache holds once it has taken in x.
template <class T, class S>
template <class C, class K, class Home, class X, class Y>
void AttentionLayer<T, S>::check_attends(const C& score, const detail::Cache<K, Home>& cache, const X& x, const Y& y,
                                         const LayerOptions& options) const {
  const auto [first, count] = detail::sequences_of(cache, options);
  const bool held = config_.shares_kv;
  Index longest = 0;
  for (Index b = 0; b < count; ++b)
    longest = std::max(longest, cache.length(first + b) + (held ? 0 : detail::length_of(x, b)));
  check_score(score, x, longest, y);
  for (Index b = 0; b < count; ++b) {
    const Index n = detail::length_of(x, b), before = cache.length(first + b) - (held ? n : 0);
    check_positions(x, b, before, options);
    detail::check_forgotten(score, b, config_.num_heads, before, n,
                            held ? cache.first(first + b) : cache.first_after(first + b, n));
  }
}

// ---- steps ------------------------------------------------------------------------------------

template <class T, class S>
void AttentionLayer<T, S>::normalise(const View<T>& rows, Index heads, const std::vector<T>& weights,
                                     const LinearOptions& options) const {
  if (weights.empty()) return;
  const View<T> parts = config_.qk_norm == QkNorm::weight_all_heads ? rows : detail::split_heads(rows, heads);
  rms_norm(parts, weights, parts, {.eps = config_.norm_eps, .executor = options.executor, .isa = options.isa});
}

template <class T, class S>
template <class X>
void AttentionLayer<T, S>::project_in(const X& x, const Buffers& rows, const LinearOptions& options) const {
  detail::for_each_stretch(x, [&](const detail::Stretch& stretch) {
    View<T> to[detail::most_outputs] = {stretch.of(rows.q)};
    std::size_t count = 1;
    if (has_own_kv()) to[count++] = stretch.of(rows.k), to[count++] = stretch.of(rows.v);
    if (config_.output_gate != OutputGate::none) to[count++] = stretch.of(rows.gate);
    detail::project<T>(in_, stretch.of(detail::view_in(x)), {to, count}, options);
    normalise(stretch.of(rows.q), config_.num_heads, q_norm_, options);
    if (has_own_kv()) normalise(stretch.of(rows.k), config_.num_kv_heads, k_norm_, options);
  });
}

template <class T, class S>
void AttentionLayer<T, S>::project_memory_in(const View<const T>& memory, const Buffers& rows,
                                             const LinearOptions& options) const {
  const View<T> to[] = {rows.k, rows.v};
  detail::project<T>(*memory_, memory, to, options);
  normalise(rows.k, config_.num_kv_heads, k_norm_, options);
}

template <class T, class S>
template <class X>
void AttentionLayer<T, S>::project_out(const X& x, const Buffers& rows, const View<T>& y,
                                       const LinearOptions& options) const {
  detail::for_each_stretch(x, [&](const detail::Stretch& stretch) {
    const View<T> out = stretch.of(rows.out), to[] = {stretch.of(y)};
    if (config_.output_gate != OutputGate::none)
      detail::apply_gate<T>(stretch.of(rows.gate), out, options.executor, options.isa);
    detail::project<T>(out_, out, to, options);
  });
}

/// The queries [1, 1, n, q_size] of a sequence's tokens, from position `first` on, each multiplied with its factor.
template <class T, class S> void AttentionLayer<T, S>::scale_queries(const View<T>& q, Index first) const {
  if (!config_.query_scaling) return;
  for (Index i = 0; i < q.length(); ++i) {
    const T factor = static_cast<T>(config_.query_scaling->factor(first + i));
    T* const row = q.row(0, 0, i);
    for (Index d = 0; d < q.dim(); ++d) row[d] *= factor;
  }
}

template <class T, class S>
template <class K, class Home, class X>
void AttentionLayer<T, S>::append(detail::Cache<K, Home>& cache, const X& x, const Buffers& rows,
                                  const LayerOptions& options) const {
  const AppendOptions<T> turned{angles_.get(), options.positions};
  if (options.sequence)
    cache.append(*options.sequence, detail::sequence_of(k_heads(rows), x, 0), detail::sequence_of(v_heads(rows), x, 0),
                 {angles_.get(), detail::sequence_of(options.positions, x, 0)});
  else
    cache.append(detail::placed(View<const T>(k_heads(rows)), x), detail::placed(View<const T>(v_heads(rows)), x),
                 turned);
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

/// Of the projections of x, and back.
template <class T, class S>
template <class X>
Index AttentionLayer<T, S>::linear_bytes(const X& x, const LayerOptions& options) const {
  Index most = 0;
  detail::for_each_stretch(x, [&](const detail::Stretch& stretch) {
    const bool side_by_side = detail::view_in(x).stride[3] == 1;
    most =
        std::max({most, detail::projection_bytes(in_, stretch.entries, stretch.length, side_by_side, options.executor),
                  detail::projection_bytes(out_, stretch.entries, stretch.length, true, options.executor)});
  });
  return most;
}
template <class T, class S>
Index AttentionLayer<T, S>::memory_bytes(const View<const T>& memory, const LayerOptions& options) const {
  return detail::projection_bytes(*memory_, memory.batch(), memory.length(), memory.stride[3] == 1, options.executor);
}

/// What attention of x to keys that are `longest` at most needs.
template <class T, class S>
template <class Kv, class X, class Keys>
Index AttentionLayer<T, S>::attention_bytes(const X& x, Index longest, const Keys& keys,
                                            const LayerOptions& options) const {
  const LayerConfig& c = config_;
  const detail::Extents e{detail::count_of(x),   c.num_kv_heads,  c.num_heads / c.num_kv_heads,
                          detail::longest_in(x), longest,         c.head_dim,
                          c.value_dim,           Index(sizeof(T))};
  const auto kernel = detail::forward_kernel<T, Kv>(*options.isa);
  const Index workers = detail::workers_of(options.executor);
  if constexpr (detail::is_ragged<X>) {
    const auto extents_of = [&](Index b) {
      detail::Extents one = e;
      one.batch = 1, one.q_len = detail::length_of(x, b), one.kv_len = keys(b);
      return one;
    };
    return detail::ragged_memory_of(kernel, e, extents_of, workers).bytes();
  } else {
    return detail::memory_of(kernel, e, detail::make_schedule(e, kernel.lanes, kernel.few_rows, workers)).bytes();
  }
}

/// Queries, a gate, and what comes of them.
template <class T, class S> Index AttentionLayer<T, S>::q_and_out_bytes(const detail::TokenBuffers<T>& tokens) const {
  const Index gates = config_.output_gate == OutputGate::none ? 1 : 2;
  return tokens.bytes(config_.q_size()) + gates * tokens.bytes(config_.o_size());
}
template <class T, class S>
void AttentionLayer<T, S>::take_q_and_out(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const {
  rows.q = tokens.take(at, config_.q_size());
  rows.out = tokens.take(at, config_.o_size());
  if (config_.output_gate != OutputGate::none) rows.gate = tokens.take(at, config_.o_size());
}
template <class T, class S> Index AttentionLayer<T, S>::k_and_v_bytes(const detail::TokenBuffers<T>& tokens) const {
  return tokens.bytes(config_.k_size()) + tokens.bytes(config_.v_size());
}
template <class T, class S>
void AttentionLayer<T, S>::take_k_and_v(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const {
  rows.k = tokens.take(at, config_.k_size());
  rows.v = tokens.take(at, config_.v_size());
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
