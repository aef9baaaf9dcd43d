// The attention of a model's layer, from hidden states to hidden states.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/layer/checks.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/layer/gate.hpp"
#include "rapt/layer/options.hpp"
#include "rapt/layer/rms_norm.hpp"
#include "rapt/layer/rows.hpp"
#include "rapt/layer/weights.hpp"
#include "rapt/linear/linear.hpp"
#include "rapt/ragged.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN

/// The attention of a layer: queries, keys and values are projected from hidden states x, in one pass; queries and keys
/// are normalised and turned, if the config says so; keys and values go into a cache, if there is one; queries attend;
/// and what comes out is projected back to hidden states y. `T` is float or double.
///
///     rapt::AttentionLayer<float> layer(rapt::presets::llama3_8b(), {.q = wq, .k = wk, .v = wv, .o = wo});
///     rapt::KvCache<Eigen::bfloat16> cache(layer.cache_shape(batch, 8192));
///     layer.forward(rapt::bsd(x, batch, n, 4096), rapt::bsd(y, batch, n, 4096), cache, {.workspace = &workspace});
///
/// A prompt at once, in chunks, or token by token, alone or in a batch, with any number of threads and any instruction
/// set: y has the same bits. `S` is a score besides what the config says, which applies first: a mask such as
/// window(64, 64). The class is deduced from its arguments: AttentionLayer layer(config, weights, score).
///
/// Owns packed copies of its weights. May be called from several threads at once, each with a cache and a workspace of
/// its own. Moves, and does not copy; one that was moved from can only be assigned to.
///
/// All calls throw std::invalid_argument, before anything is written or appended, for a shape, pointer, cache, position
/// or option that can't be right, and std::bad_alloc if there is no memory for the workspace. They pass on what an
/// executor throws, and throw std::logic_error if one returns without having run the task; then the cache may have
/// taken in the new tokens, and some of y be written. With a workspace that is large enough they allocate nothing.
template <class T, class S = Plain> class AttentionLayer {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "rapt: AttentionLayer takes float or double");

 public:
  /// The rotary table of a layer. Layers of the same rope can share one: another's angles(), or Angles::make(spec,
  /// rows).
  using Angles = Shared<const rope::Table<T>>;

  /// Packs the weights; and makes a rotary table of config.max_positions rows (that many times rotary_dim numbers: 4
  /// MiB for Llama 3's 8192 positions, 64 MiB for 131072), if there is a rope, unless `angles`, another layer's, are
  /// passed.
  ///
  /// Throws std::invalid_argument for a config that can't be, weights that don't fit it, angles that don't turn the
  /// dims and pairs of its rope, and a score that is aligned to other positions than the tokens'.
  AttentionLayer(const LayerConfig& config, const LayerWeights<T>& weights, const S& score = {}, Angles angles = {})
      : config_(detail::checked_config(config)),
        score_(detail::checked_score(detail::with_band(score, detail::band_of(config_)), config_)),
        in_(packed_in(weights)),
        memory_(packed_memory(weights)),
        out_(Linear<T>(weights.o, weights.o_bias)),
        q_norm_(detail::norm_weights(weights.q_norm, config_.qk_norm, config_.head_dim)),
        k_norm_(detail::norm_weights(weights.k_norm, config_.qk_norm, config_.head_dim)),
        angles_(detail::checked_angles<T>(config_, std::move(angles))) {}

  /// With every extent that was left 0 filled in.
  const LayerConfig& config() const { return config_; }
  const Angles& angles() const { return angles_; }
  /// What is composed of the score and the config.
  const auto& score() const { return score_; }
  /// Bytes of the packed weights.
  Index bytes() const { return in_.bytes() + (memory_ ? memory_->bytes() : 0) + out_.bytes(); }
  /// Of a cache for this layer's keys and values.
  CacheShape cache_shape(Index sequences, Index capacity) const {
    return {sequences, config_.num_kv_heads, capacity, config_.head_dim, config_.value_dim};
  }

  /// Self-attention over x alone, without a cache: x and y [batch, n, hidden_size], views of one head: bsd(), sbd(),
  /// any strides. The tokens of a sequence stand at positions 0, 1, …, n − 1.
  ///
  /// With a score of this call's own, such as padding(lengths) of an encoder's batch, it applies after the layer's:
  /// forward(x, y, rapt::padding(lengths), {.executor = &pool}).
  void forward(const View<const T>& x, const View<T>& y, const LayerOptions& options = {}) const {
    run(x, y, Plain{}, options);
  }
  template <Score C>
  void forward(const View<const T>& x, const View<T>& y, const C& score, const LayerOptions& options = {}) const {
    run(x, y, detail::staged(score), options);
  }
  /// The same of sequences of different lengths: forward(packed(x, offsets), packed(y, offsets)), of views [1, all,
  /// hidden_size], or padded(). What stands in the padding is neither read nor written.
  void forward(const Ragged<const T>& x, const Ragged<T>& y, const LayerOptions& options = {}) const {
    run(x, y, Plain{}, options);
  }
  template <Score C>
  void forward(const Ragged<const T>& x, const Ragged<T>& y, const C& score, const LayerOptions& options = {}) const {
    run(x, y, detail::staged(score), options);
  }

  /// Self-attention of the next n tokens of every sequence of a cache to themselves and to all that it holds, which
  /// then has them too: x and y [sequences, n, hidden_size], n from 0 on. Positions go on from each sequence's length.
  /// Or of the next tokens of one of the sequences, {.sequence = s}: x and y [1, n, hidden_size]. Or, packed or padded,
  /// of as many as each sequence has.
  ///
  /// A layer with config.shares_kv appends nothing: its tokens are the last ones of the cache, into which the layer
  /// whose cache it is has taken them.
  ///
  /// A token beyond the rotary table is an error: config.max_positions has to be larger, or `positions` passed.
  template <class K, class Home>
  void forward(const View<const T>& x, const View<T>& y, detail::Cache<K, Home>& cache,
               const LayerOptions& options = {}) const {
    run_cached(x, y, cache, Plain{}, options);
  }
  template <class K, class Home, Score C>
  void forward(const View<const T>& x, const View<T>& y, detail::Cache<K, Home>& cache, const C& score,
               const LayerOptions& options = {}) const {
    run_cached(x, y, cache, detail::staged(score), options);
  }
  template <class K, class Home>
  void forward(const Ragged<const T>& x, const Ragged<T>& y, detail::Cache<K, Home>& cache,
               const LayerOptions& options = {}) const {
    run_cached(x, y, cache, Plain{}, options);
  }
  template <class K, class Home, Score C>
  void forward(const Ragged<const T>& x, const Ragged<T>& y, detail::Cache<K, Home>& cache, const C& score,
               const LayerOptions& options = {}) const {
    run_cached(x, y, cache, detail::staged(score), options);
  }

  /// Cross-attention of x [batch, n, hidden_size] to a memory [batch, m, memory_size], into y, like x.
  void cross_attend(const View<const T>& x, const View<const T>& memory, const View<T>& y,
                    const LayerOptions& options = {}) const {
    run_cross(x, memory, y, Plain{}, options);
  }
  template <Score C>
  void cross_attend(const View<const T>& x, const View<const T>& memory, const View<T>& y, const C& score,
                    const LayerOptions& options = {}) const {
    run_cross(x, memory, y, detail::staged(score), options);
  }

  /// Appends the keys and values of a memory [sequences, m, memory_size] to a cache (or, {.sequence = s}, of [1, m,
  /// memory_size] to one of its sequences, so that memories may differ in length), to be attended to again and again.
  template <class K, class Home>
  void project_memory(const View<const T>& memory, detail::Cache<K, Home>& cache,
                      const LayerOptions& options = {}) const;

  /// Cross-attention of x [sequences, n, hidden_size] to what a cache holds, into y, like x. The cache stays as it is.
  template <class K, class Home>
  void cross_attend(const View<const T>& x, const View<T>& y, const detail::Cache<K, Home>& cache,
                    const LayerOptions& options = {}) const {
    run_cross_cached(x, y, cache, Plain{}, options);
  }
  template <class K, class Home, Score C>
  void cross_attend(const View<const T>& x, const View<T>& y, const detail::Cache<K, Home>& cache, const C& score,
                    const LayerOptions& options = {}) const {
    run_cross_cached(x, y, cache, detail::staged(score), options);
  }

 private:
  using Composed = decltype(detail::with_band(std::declval<const S&>(), std::declval<const Band&>()));
  static_assert(Score<Composed>, "rapt: a layer's score is a mask, such as rapt::window(64, 64)");

  /// Tokens' queries, keys, values and gates, and what comes of them: each [batch, 1, n, size], as x's view.
  struct Buffers {
    View<T> q, k, v, gate, out;
  };

  // X is View<const T> or Ragged<const T>, and so is Y of T; C is the call's score, or what is composed with it.
  template <class X, class Y, class C> void run(const X& x, const Y& y, const C& call, const LayerOptions&) const;
  template <class X, class Y, class K, class Home, class C>
  void run_cached(const X& x, const Y& y, detail::Cache<K, Home>& cache, const C& call, const LayerOptions&) const;
  template <class C>
  void run_cross(const View<const T>& x, const View<const T>& memory, const View<T>& y, const C& call,
                 const LayerOptions&) const;
  template <class K, class Home, class C>
  void run_cross_cached(const View<const T>& x, const View<T>& y, const detail::Cache<K, Home>& cache, const C& call,
                        const LayerOptions&) const;

  Linear<T> packed_in(const LayerWeights<T>& w) const;
  std::optional<Linear<T>> packed_memory(const LayerWeights<T>& w) const;
  /// Whether keys and values are made of the same hidden states as queries.
  bool has_own_kv() const { return config_.memory_size == 0 && !config_.shares_kv; }

  LayerOptions checked(const LayerOptions& options, bool cross) const;
  void check_without_cache(const LayerOptions& options) const;
  template <class X> void check_positions(const X& x, Index b, Index length, const LayerOptions& options) const;
  template <class K, class Home, class X>
  void check_cache(const detail::Cache<K, Home>& cache, const X& x, const char* name, const LayerOptions&) const;
  template <class K, class Home, class X>
  void check_append(const detail::Cache<K, Home>& cache, const X& x, const char* name, const LayerOptions&) const;
  template <class K, class Home, class X>
  void check_holds(const detail::Cache<K, Home>& cache, const X& x, const LayerOptions& options) const;
  template <class C, class X, class Y> void check_score(const C& score, const X& x, Index longest, const Y& y) const;
  template <class C, class K, class Home, class X, class Y>
  void check_attends(const C& score, const detail::Cache<K, Home>& cache, const X& x, const Y& y,
                     const LayerOptions& options) const;

  template <class X> void project_in(const X& x, const Buffers& rows, const LinearOptions& options) const;
  void project_memory_in(const View<const T>& memory, const Buffers& rows, const LinearOptions& options) const;
  template <class X>
  void project_out(const X& x, const Buffers& rows, const View<T>& y, const LinearOptions& options) const;
  void normalise(const View<T>& rows, Index heads, const std::vector<T>& weights, const LinearOptions& options) const;
  void scale_queries(const View<T>& q, Index first) const;
  template <class K, class Home, class X>
  void append(detail::Cache<K, Home>& cache, const X& x, const Buffers& rows, const LayerOptions& options) const;
  Options<T> attention_options(const LinearOptions& linear, const LayerOptions& options) const;

  template <class X> Index linear_bytes(const X& x, const LayerOptions& options) const;
  Index memory_bytes(const View<const T>& memory, const LayerOptions& options) const;
  Index q_and_out_bytes(const detail::TokenBuffers<T>& tokens) const;
  Index k_and_v_bytes(const detail::TokenBuffers<T>& tokens) const;
  void take_q_and_out(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const;
  void take_k_and_v(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const;
  template <class Kv, class X, class Keys>
  Index attention_bytes(const X& x, Index longest, const Keys& keys, const LayerOptions& options) const;

  View<T> q_heads(const Buffers& b) const { return detail::split_heads(b.q, config_.num_heads); }
  View<T> k_heads(const Buffers& b) const { return detail::split_heads(b.k, config_.num_kv_heads); }
  View<T> v_heads(const Buffers& b) const { return detail::split_heads(b.v, config_.num_kv_heads); }
  View<T> out_heads(const Buffers& b) const { return detail::split_heads(b.out, config_.num_heads); }

  LayerConfig config_;
  Composed score_;
  Linear<T> in_;                     // to q, k and v and a gate, as far as they are made of x
  std::optional<Linear<T>> memory_;  // to k and v, in cross-attention
  Linear<T> out_;
  std::vector<T> q_norm_, k_norm_;  // [head_dim] or of all heads, with the 1 of one_plus_weight; empty if there is none
  Angles angles_;
};

RAPT_NAMESPACE_END

#include "rapt/layer/forward.hpp"  // the members' definitions

#include "rapt/core/fence_end.hpp"
