#include "model.hpp"

#include <Eigen/Core>
#include <cmath>
#include <rapt/rapt.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace stories {
namespace {

/// Each row divided by its root mean square, then each column multiplied by its weight.
Matrix rms_norm(const Matrix& x, const Row& weight) {
  const Eigen::ArrayXf mean_square = x.rowwise().squaredNorm().array() / float(x.cols());
  const Eigen::ArrayXf inverse = (mean_square + 1e-5f).sqrt().inverse();
  return (x.array().colwise() * inverse).rowwise() * weight.array();
}

}  // namespace

Model::Model(Checkpoint checkpoint) : weights_(std::move(checkpoint)) {
  const Config& n = config();
  const Matrix empty = Matrix::Zero(n.max_length, n.kv_dim());
  caches_.assign(weights_.layers.size(), {empty, empty});

  const int pairs = n.head_dim() / 2;
  cosine_.resize(n.max_length, pairs);
  sine_.resize(n.max_length, pairs);
  for (int position = 0; position < n.max_length; ++position)
    for (int pair = 0; pair < pairs; ++pair) {
      const double angle = position * std::pow(10000.0, -double(pair) / pairs);
      cosine_(position, pair) = float(std::cos(angle));
      sine_(position, pair) = float(std::sin(angle));
    }
}

Row Model::forward(std::span<const int> tokens) {
  const int count = static_cast<int>(tokens.size());
  if (tokens.empty() || tokens.size() > static_cast<std::size_t>(config().max_length - length_))
    throw std::length_error("the model can't take in " + std::to_string(tokens.size()) + " tokens after " +
                            std::to_string(length_) + ": it takes 1 or more, and holds " +
                            std::to_string(config().max_length));

  Matrix x(count, config().dim);
  for (int i = 0; i < count; ++i) x.row(i) = weights_.embedding.row(tokens[static_cast<std::size_t>(i)]);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    attend(weights_.layers[i], caches_[i], x);
    feed(weights_.layers[i], x);
  }
  length_ += count;

  const Matrix last = rms_norm(x.bottomRows(1), weights_.final_norm);
  const Row logits = last * (weights_.classifier.size() == 0 ? weights_.embedding : weights_.classifier).transpose();
  if (!logits.allFinite())
    throw std::runtime_error("the model's scores are infinite or NaN: its weights can't be right");
  return logits;
}

/// x += attention of the new tokens, to themselves and to all before them.
void Model::attend(const Layer& layer, Cache& cache, Matrix& x) {
  const Config& n = config();
  const Matrix h = rms_norm(x, layer.attention_norm);
  Matrix q = h * layer.wq.transpose();
  auto new_keys = cache.keys.middleRows(length_, x.rows());
  new_keys = h * layer.wk.transpose();
  cache.values.middleRows(length_, x.rows()) = h * layer.wv.transpose();
  rotate(q);
  rotate(new_keys);

  // Grouped queries, a prompt or a single token: all of it lies in the shapes. The last query stands at the last key.
  Matrix heads(q.rows(), q.cols());
  const auto keys = cache.keys.topRows(length_ + x.rows()), values = cache.values.topRows(length_ + x.rows());
  rapt::attention(rapt::view(q, n.heads), rapt::view(keys, n.kv_heads), rapt::view(values, n.kv_heads),
                  rapt::view(heads, n.heads), rapt::causal(), {.workspace = &workspace_});
  x += heads * layer.wo.transpose();
}

/// x += the feed-forward network (SwiGLU) of each token.
void Model::feed(const Layer& layer, Matrix& x) const {
  const Matrix h = rms_norm(x, layer.feed_norm);
  const Matrix gate = h * layer.w1.transpose();
  const Matrix up = h * layer.w3.transpose();
  const Matrix gated = gate.array() / (1 + (-gate.array()).exp()) * up.array();
  x += gated * layer.w2.transpose();
}

/// The rotary embedding: in each head, dims 2i and 2i + 1 turn together by an angle that grows with the position.
void Model::rotate(Eigen::Ref<Matrix> rows) const {
  const Eigen::Index pairs = cosine_.cols();
  for (Eigen::Index row = 0; row < rows.rows(); ++row)
    for (Eigen::Index pair = 0; pair < rows.cols() / 2; ++pair) {
      const float c = cosine_(length_ + row, pair % pairs), s = sine_(length_ + row, pair % pairs);
      const float a = rows(row, 2 * pair), b = rows(row, 2 * pair + 1);
      rows(row, 2 * pair) = a * c - b * s;
      rows(row, 2 * pair + 1) = a * s + b * c;
    }
}

}  // namespace stories
