// Layers to test: their weights, hidden states, and how a sequence goes through them.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "rapt/layer/layer.hpp"
#include "support/caches.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

using rapt::AttentionLayer;
using rapt::KvCache;
using rapt::LayerConfig;
using rapt::LayerOptions;
using rapt::LayerWeights;
using rapt::MatrixView;
using rapt::OutputGate;
using rapt::QkNorm;
using rapt::RingCache;

/// Random weights for a config, kept as long as they are needed.
template <class T> struct Weights {
  LayerConfig config;
  std::vector<T> q, k, v, o, gate, q_bias, k_bias, v_bias, o_bias, q_norm, k_norm;

  explicit Weights(const LayerConfig& c, std::uint64_t seed = 1) : config(rapt::detail::checked_config(c)) {
    const Index source = config.memory_size != 0 ? config.memory_size : config.hidden_size;
    q = matrix(q_rows(), config.hidden_size, seed + 1);
    if (config.output_gate == OutputGate::separate) gate = matrix(config.o_size(), config.hidden_size, seed + 11);
    k = matrix(config.k_size(), source, seed + 2);
    v = matrix(config.v_size(), source, seed + 3);
    o = matrix(config.hidden_size, config.o_size(), seed + 4);
    if (config.q_bias) q_bias = random_numbers<T>(q_rows(), seed + 5);
    if (config.k_bias) k_bias = random_numbers<T>(config.k_size(), seed + 6);
    if (config.v_bias) v_bias = random_numbers<T>(config.v_size(), seed + 7);
    if (config.o_bias) o_bias = random_numbers<T>(config.hidden_size, seed + 8);
    if (config.qk_norm == QkNorm::none || config.qk_norm == QkNorm::unweighted) return;
    q_norm = random_numbers<T>(config.q_norm_size(), seed + 9);
    k_norm = random_numbers<T>(config.k_norm_size(), seed + 10);
  }

  LayerWeights<T> views() const {
    const Index source = config.memory_size != 0 ? config.memory_size : config.hidden_size;
    LayerWeights<T> w{.q = rapt::row_major(q.data(), q_rows(), config.hidden_size),
                      .k = rapt::row_major(k.data(), config.k_size(), source),
                      .v = rapt::row_major(v.data(), config.v_size(), source),
                      .o = rapt::row_major(o.data(), config.hidden_size, config.o_size()),
                      .q_bias = q_bias,
                      .k_bias = k_bias,
                      .v_bias = v_bias,
                      .o_bias = o_bias,
                      .q_norm = q_norm,
                      .k_norm = k_norm};
    if (!gate.empty()) w.gate = rapt::row_major(gate.data(), config.o_size(), config.hidden_size);
    if (config.shares_kv) w.k = w.v = {}, w.k_norm = {};
    return w;
  }
  /// With those of a gate, if it is in q.
  Index q_rows() const { return config.q_size() + (config.output_gate == OutputGate::in_q ? config.o_size() : 0); }
  AttentionLayer<T> layer() const { return AttentionLayer<T>(config, views()); }

 private:
  /// Of a size that keeps what comes out near that of what goes in.
  static std::vector<T> matrix(Index rows, Index columns, std::uint64_t seed) {
    std::vector<T> numbers = random_numbers<T>(rows * columns, seed);
    for (T& x : numbers) x /= static_cast<T>(std::sqrt(static_cast<double>(columns)));
    return numbers;
  }
};

/// Hidden states [batch, length, size].
template <class T> struct States {
  Index batch, length, size;
  std::vector<T> numbers;

  States(Index b, Index n, Index s) : batch(b), length(n), size(s), numbers(at(b * n * s), sentinel<T>) {}
  States(Index b, Index n, Index s, std::uint64_t seed)
      : batch(b), length(n), size(s), numbers(random_numbers<T>(b * n * s, seed)) {}

  View<T> all() { return rapt::bsd(numbers.data(), batch, length, size); }
  View<const T> all() const { return rapt::bsd(numbers.data(), batch, length, size); }
  /// Positions [first, last).
  View<T> some(Index first, Index last) { return positions(all(), first, last); }
  View<const T> some(Index first, Index last) const { return positions(all(), first, last); }
};

/// A layer of each kind.
struct Named {
  const char* name;
  LayerConfig config;
};
inline std::ostream& operator<<(std::ostream& to, const Named& named) { return to << named.name; }

/// A rope of a partial, interleaved kind.
inline rapt::rope::Spec interleaved(Index rotary_dim) {
  rapt::rope::Spec spec = rapt::rope::standard(rotary_dim);
  spec.pairing = rapt::rope::Pairing::interleaved;
  return spec;
}

/// Self-attention layers that are causal; positions go up to 400.
inline std::vector<Named> causal_layers() {
  const auto standard = [](Index dim) { return rapt::rope::standard(dim); };
  return {
      {"plain", {.hidden_size = 40, .num_heads = 5}},
      {"grouped",
       {.hidden_size = 48,
        .num_heads = 6,
        .num_kv_heads = 2,
        .head_dim = 16,
        .rope = standard(16),
        .max_positions = 400}},
      {"everything",
       {.hidden_size = 37,
        .num_heads = 6,
        .num_kv_heads = 3,
        .head_dim = 20,
        .value_dim = 12,
        .q_bias = true,
        .k_bias = true,
        .v_bias = true,
        .o_bias = true,
        .qk_norm = QkNorm::weight,
        .norm_eps = 1e-5,
        .rope = interleaved(12),
        .max_positions = 400,
        .window = 70,
        .scale = 0.3}},
      {"one_plus",
       {.hidden_size = 64,
        .num_heads = 4,
        .num_kv_heads = 1,
        .head_dim = 72,
        .v_bias = true,
        .qk_norm = QkNorm::one_plus_weight,
        .rope = standard(72),
        .max_positions = 400,
        .window = 33}},
      {"all_heads",
       {.hidden_size = 40,
        .num_heads = 4,
        .num_kv_heads = 2,
        .head_dim = 12,
        .value_dim = 20,
        .q_bias = true,
        .qk_norm = QkNorm::weight_all_heads,
        .output_gate = OutputGate::separate,
        .query_scaling = rapt::QueryScaling::log_n(50),
        .rope = standard(12),
        .max_positions = 400}},
      {"gate_in_q",
       {.hidden_size = 36,
        .num_heads = 3,
        .num_kv_heads = 3,
        .head_dim = 16,
        .value_dim = 10,
        .q_bias = true,
        .qk_norm = QkNorm::unweighted,
        .output_gate = OutputGate::in_q,
        .query_scaling = rapt::QueryScaling::steps(0.1, 30)}},
  };
}

/// Tokens [first, last) of x go into the cache and come out as y, in chunks of so many.
template <class T, class S, class Cache>
void run_in_chunks(const AttentionLayer<T, S>& layer, const States<T>& x, States<T>& y, Cache& cache, Index first,
                   Index last, Index chunk, const LayerOptions& options) {
  for (Index i = first; i < last; i += chunk) {
    const Index end = std::min(i + chunk, last);
    layer.forward(x.some(i, end), y.some(i, end), cache, options);
  }
}

/// The layer without a cache.
template <class T, class S>
std::vector<T> without_cache(const AttentionLayer<T, S>& layer, const States<T>& x, const LayerOptions& options) {
  States<T> y(x.batch, x.length, x.size);
  layer.forward(x.all(), y.all(), options);
  return y.numbers;
}

}  // namespace rapt_test
