#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace stories {
namespace {

/// The attention of every layer: grouped queries.
rapt::LayerConfig attention_config(const Config& n) {
  return {.hidden_size = n.dim,
          .num_heads = n.heads,
          .num_kv_heads = n.kv_heads,
          .rope = rotary_embedding(n),
          .max_positions = n.max_length};
}

rapt::MatrixView<const float> rows(const Matrix& m) { return rapt::row_major(m.data(), m.rows(), m.cols()); }
rapt::MatrixView<float> rows(Matrix& m) { return rapt::row_major(m.data(), m.rows(), m.cols()); }

Matrix rms_norm(const Matrix& x, const Row& weight) {
  Matrix y(x.rows(), x.cols());
  rapt::rms_norm(rapt::view(x), {weight.data(), static_cast<std::size_t>(weight.size())}, rapt::view(y), {.eps = 1e-5});
  return y;
}

float silu(float x) { return x / (1 + std::exp(-x)); }

}  // namespace

rapt::rope::Spec rotary_embedding(const Config& config) {
  rapt::rope::Spec spec = rapt::rope::standard(config.head_dim(), 10000);
  spec.pairing = rapt::rope::Pairing::interleaved;
  return spec;
}

Model::Model(const Checkpoint& weights, std::size_t sequences, std::string_view cache)
    : config_(weights.config),
      embedding_(weights.embedding),
      sequences_(sequences),
      places_(sequences),
      final_norm_(weights.final_norm),
      classifier_(rows(weights.classifier.size() == 0 ? weights.embedding : weights.classifier)) {
  rapt::AttentionLayer<float>::Angles angles;  // the first layer makes a rotary table, the others share it
  for (const stories::Layer& w : weights.layers) {
    rapt::AttentionLayer<float> attention(
        attention_config(config_), {.q = rows(w.wq), .k = rows(w.wk), .v = rows(w.wv), .o = rows(w.wo)}, {}, angles);
    angles = attention.angles();
    const rapt::CacheShape shape = attention.cache_shape(static_cast<rapt::Index>(sequences), config_.max_length);
    layers_.push_back({w.attention_norm, std::move(attention), make_cache(cache, shape), w.feed_norm,
                       rapt::Linear<float>({rows(w.w1), rows(w.w3)}), rapt::Linear<float>(rows(w.w2))});
  }
}

int Model::length(std::size_t sequence) const {
  if (sequence >= sequences_)
    throw std::out_of_range("the model has no sequence " + std::to_string(sequence) + "; it has " +
                            std::to_string(sequences_));
  return std::visit(
      [&](const auto& cache) { return static_cast<int>(cache.length(static_cast<rapt::Index>(sequence))); },
      layers_.front().cache);
}

Row Model::prefill(std::size_t sequence, std::span<const int> tokens) {
  check_room(sequence, tokens.size());
  Matrix x = embed(tokens);
  Offsets offsets(places_ + 1, 0);  // those before have no token, and those after none either
  std::fill(offsets.begin() + static_cast<std::ptrdiff_t>(sequence) + 1, offsets.end(), x.rows());
  run(x, offsets);
  return scores(x.bottomRows(1));
}

Matrix Model::decode(std::span<const int> tokens) {
  if (tokens.size() != sequences())
    throw std::length_error("the model can't decode " + std::to_string(tokens.size()) + " tokens; it takes " +
                            std::to_string(sequences()) + ", one for each sequence");
  for (std::size_t s = 0; s < sequences(); ++s) check_room(s, 1);
  Matrix x = embed(tokens);
  Offsets offsets;  // one token for each sequence that there is, none for those that have ended
  for (std::size_t s = 0; s <= places_; ++s) offsets.push_back(static_cast<rapt::Index>(std::min(s, sequences_)));
  run(x, offsets);
  return scores(x);
}

Matrix Model::attention_input(std::size_t layer, std::span<const int> tokens) {
  if (layer >= layers_.size())
    throw std::out_of_range("the model has no layer " + std::to_string(layer) + "; it has " +
                            std::to_string(layers_.size()));
  Matrix x = embed(tokens);
  for (std::size_t l = 0; l < layer; ++l) {
    const Matrix h = rms_norm(x, layers_[l].attention_norm);
    Matrix y(x.rows(), x.cols());
    layers_[l].attention.forward(rapt::bsd(h.data(), 1, h.rows(), h.cols()), rapt::bsd(y.data(), 1, y.rows(), y.cols()),
                                 {.workspace = &workspace_});
    x += y;
    feed(layers_[l], x);
  }
  return rms_norm(x, layers_[layer].attention_norm);
}

/// They move up in the caches, to the places of those that have ended: codes as they are, since to read and quantise
/// them again could change a scale in its last bit. The places behind them stay empty, and cost a step nothing.
void Model::keep(std::span<const std::size_t> sequences) {
  if (std::ranges::adjacent_find(sequences, std::ranges::greater_equal{}) != sequences.end() ||
      (!sequences.empty() && sequences.back() >= sequences_))
    throw std::invalid_argument("the sequences to keep have to ascend, and be less than " + std::to_string(sequences_));
  for (Layer& layer : layers_)
    std::visit(
        [&](auto& cache) {
          for (std::size_t i = 0; i < sequences.size(); ++i)
            cache.fork(static_cast<rapt::Index>(sequences[i]), static_cast<rapt::Index>(i));
        },
        layer.cache);
  sequences_ = sequences.size();
}

/// A row for each token.
Matrix Model::embed(std::span<const int> tokens) const {
  Matrix x(static_cast<Eigen::Index>(tokens.size()), config_.dim);
  for (Eigen::Index i = 0; i < x.rows(); ++i) x.row(i) = embedding_.row(tokens[static_cast<std::size_t>(i)]);
  return x;
}

/// The rows of x are the new tokens of all sequences, one sequence after the other.
void Model::run(Matrix& x, const Offsets& offsets) {
  for (Layer& layer : layers_) {
    attend(layer, x, offsets);
    feed(layer, x);
  }
}

/// x += attention of the new tokens, each to itself and to all of its sequence before it. From projecting queries, keys
/// and values, through turning them, the cache and grouped attention, to projecting back: all of it is the layer's.
void Model::attend(Layer& layer, Matrix& x, const Offsets& offsets) {
  const Matrix h = rms_norm(x, layer.attention_norm);
  Matrix y(x.rows(), x.cols());
  const auto in = rapt::packed(rapt::bsd(h.data(), 1, h.rows(), h.cols()), offsets);
  const auto out = rapt::packed(rapt::bsd(y.data(), 1, y.rows(), y.cols()), offsets);
  std::visit([&](auto& cache) { layer.attention.forward(in, out, cache, {.workspace = &workspace_}); }, layer.cache);
  x += y;
}

/// x += the feed-forward network (SwiGLU) of each token.
///
/// Products are rapt's, and silu goes number by number: a matrix product of Eigen's rounds otherwise for one row than
/// for ten, and its vectorised exp() otherwise than the one for the last numbers that don't fill a vector. Then a story
/// would depend on who else is in the batch.
void Model::feed(const Layer& layer, Matrix& x) {
  const Matrix h = rms_norm(x, layer.feed_norm);
  Matrix gate(x.rows(), config_.hidden_dim), up(x.rows(), config_.hidden_dim), y(x.rows(), x.cols());
  layer.gate_and_up(rows(h), {rows(gate), rows(up)}, {.workspace = &workspace_});
  gate = gate.unaryExpr(&silu).cwiseProduct(up);
  layer.down(rows(gate), rows(y), {.workspace = &workspace_});
  x += y;
}

/// The scores of the token after each of x.
Matrix Model::scores(const Matrix& x) {
  const Matrix h = rms_norm(x, final_norm_);
  Matrix logits(x.rows(), config_.vocab_size);
  classifier_(rows(h), rows(logits), {.workspace = &workspace_});
  if (!logits.allFinite())
    throw std::runtime_error("the model's scores are infinite or NaN: its weights can't be right");
  return logits;
}

void Model::check_room(std::size_t sequence, std::size_t tokens) const {
  if (tokens == 0 || tokens > static_cast<std::size_t>(config_.max_length - length(sequence)))
    throw std::length_error("the model can't take in " + std::to_string(tokens) + " tokens after " +
                            std::to_string(length(sequence)) + ": it takes 1 or more, and holds " +
                            std::to_string(config_.max_length));
}

}  // namespace stories
