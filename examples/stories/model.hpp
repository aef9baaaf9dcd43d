// A small Llama: what goes from tokens to the scores of the next one.
#pragma once

#include <rapt/plan/workspace.hpp>
#include <span>
#include <vector>

#include "checkpoint.hpp"

namespace stories {

class Model {
 public:
  explicit Model(Checkpoint checkpoint);

  const Config& config() const { return weights_.config; }
  /// Tokens taken in so far.
  int length() const { return length_; }

  /// Takes in the tokens that follow those taken in so far, one or many at once, and returns the scores (logits) of the
  /// token after the last. Throws std::length_error if that is more than the model can hold, and std::runtime_error
  /// if its weights overflow.
  Row forward(std::span<const int> tokens);

 private:
  /// Keys and values of all tokens so far, a token a row, for one layer.
  struct Cache {
    Matrix keys, values;  // [max_length, kv_dim]
  };

  void attend(const Layer& layer, Cache& cache, Matrix& x);
  void feed(const Layer& layer, Matrix& x) const;
  void rotate(Eigen::Ref<Matrix> rows) const;

  Checkpoint weights_;
  std::vector<Cache> caches_;
  Matrix cosine_, sine_;  // [max_length, head_dim / 2]
  rapt::Workspace workspace_;
  int length_ = 0;
};

}  // namespace stories
