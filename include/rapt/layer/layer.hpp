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
#include "rapt/layer/rms_norm.hpp"
#include "rapt/layer/rows.hpp"
#include "rapt/layer/weights.hpp"
#include "rapt/linear/linear.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN

/// Everything has a default, and each field can be named: {.executor = &pool, .workspace = &workspace}.
struct LayerOptions {
  std::optional<Index> sequence{};  ///< the only sequence of the cache that x belongs to; all of them if unset
  detail::IntegerMatrix positions{};  ///< the rotary table's row for each token of x instead of its place, [batch, n]
  Executor* executor = nullptr;     ///< whose threads to use; the calling one if null
  Workspace* workspace = nullptr;   ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};         ///< the instruction set to use; active_isa() if unset
};

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
        q_norm_(detail::norm_weights(weights.q_norm, config_.qk_norm)),
        k_norm_(detail::norm_weights(weights.k_norm, config_.qk_norm)),
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
  void forward(const View<const T>& x, const View<T>& y, const LayerOptions& options = {}) const;

  /// Self-attention of the next n tokens of every sequence of a cache to themselves and to all that it holds, which
  /// then has them too: x and y [sequences, n, hidden_size], n from 0 on. Positions go on from each sequence's length.
  /// Or of the next tokens of one of the sequences, {.sequence = s}: x and y [1, n, hidden_size].
  ///
  /// A token beyond the rotary table is an error: config.max_positions has to be larger, or `positions` passed.
  template <class K, class Home>
  void forward(const View<const T>& x, const View<T>& y, detail::Cache<K, Home>& cache,
               const LayerOptions& options = {}) const;

  /// Cross-attention of x [batch, n, hidden_size] to a memory [batch, m, memory_size], into y, like x.
  void cross_attend(const View<const T>& x, const View<const T>& memory, const View<T>& y,
                    const LayerOptions& options = {}) const;

  /// Appends the keys and values of a memory [sequences, m, memory_size] to a cache (or, {.sequence = s}, of [1, m,
  /// memory_size] to one of its sequences, so that memories may differ in length), to be attended to again and again.
  template <class K, class Home>
  void project_memory(const View<const T>& memory, detail::Cache<K, Home>& cache,
                      const LayerOptions& options = {}) const;

  /// Cross-attention of x [sequences, n, hidden_size] to what a cache holds, into y, like x. The cache stays as it is.
  template <class K, class Home>
  void cross_attend(const View<const T>& x, const View<T>& y, const detail::Cache<K, Home>& cache,
                    const LayerOptions& options = {}) const;

 private:
  using Composed = decltype(detail::with_band(std::declval<const S&>(), std::declval<const Band&>()));
  static_assert(Score<Composed>, "rapt: a layer's score is a mask, such as rapt::window(64, 64)");

  /// Tokens' queries, keys and values, and what comes of them: each [batch, 1, n, size].
  struct Buffers {
    View<T> q, k, v, out;
  };

  Linear<T> packed_in(const LayerWeights<T>& w) const;
  std::optional<Linear<T>> packed_memory(const LayerWeights<T>& w) const;

  LayerOptions checked(const LayerOptions& options, bool cross) const;
  void check_without_cache(const LayerOptions& options) const;
  void check_positions(const View<const T>& x, Index length, const LayerOptions& options) const;
  template <class K, class Home>
  void check_cache(const detail::Cache<K, Home>& cache, const View<const T>& x, const char* name,
                   const LayerOptions& options) const;
  template <class K, class Home>
  void check_append(const detail::Cache<K, Home>& cache, const View<const T>& x, const char* name,
                    const LayerOptions& options) const;
  void check_score(const View<const T>& x, Index longest) const;
  template <class K, class Home>
  void check_attends(const detail::Cache<K, Home>& cache, const View<const T>& x, const LayerOptions& options) const;

  void project_in(const View<const T>& x, const Buffers& to, const LinearOptions& options) const;
  void project_memory_in(const View<const T>& memory, const Buffers& to, const LinearOptions& options) const;
  void normalise(const View<T>& rows, const std::vector<T>& weights, const LinearOptions& options) const;
  template <class K, class Home>
  void append(detail::Cache<K, Home>& cache, const Buffers& from, const LayerOptions& options) const;
  Options<T> attention_options(const LinearOptions& linear, const LayerOptions& options) const;

  Index in_bytes(const View<const T>& x, const LayerOptions& options) const;
  Index memory_bytes(const View<const T>& memory, const LayerOptions& options) const;
  Index out_bytes(const View<const T>& x, const LayerOptions& options) const;
  Index q_and_out_bytes(const detail::TokenBuffers<T>& tokens) const;
  Index k_and_v_bytes(const detail::TokenBuffers<T>& tokens) const;
  void take_q_and_out(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const;
  void take_k_and_v(const detail::TokenBuffers<T>& tokens, std::byte*& at, Buffers& rows) const;
  template <class Kv> Index attention_bytes(const View<const T>& x, Index longest, const LayerOptions& options) const;

  View<T> q_heads(const Buffers& b) const { return detail::split_heads(b.q, config_.num_heads); }
  View<T> k_heads(const Buffers& b) const { return detail::split_heads(b.k, config_.num_kv_heads); }
  View<T> v_heads(const Buffers& b) const { return detail::split_heads(b.v, config_.num_kv_heads); }
  View<T> out_heads(const Buffers& b) const { return detail::split_heads(b.out, config_.num_heads); }

  LayerConfig config_;
  Composed score_;
  Linear<T> in_;                     // to q, k and v; in cross-attention, to q
  std::optional<Linear<T>> memory_;  // to k and v, in cross-attention
  Linear<T> out_;
  std::vector<T> q_norm_, k_norm_;  // [head_dim], with the 1 of one_plus_weight; empty if there is none
  Angles angles_;
};

RAPT_NAMESPACE_END

#include "rapt/layer/forward.hpp"  // the members' definitions

#include "rapt/core/fence_end.hpp"
