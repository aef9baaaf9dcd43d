// A small Llama: what goes from tokens to the scores of the next one, for one text or for several side by side.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <rapt/rapt.hpp>
#include <span>
#include <vector>

#include "checkpoint.hpp"

namespace stories {

/// What a text's tokens are given, in a batch or alone, at once or one by one, are the same scores to the last bit.
class Model {
 public:
  /// Packs the weights. For so many texts side by side, 1 or more: the model's sequences. None has a token yet.
  explicit Model(const Checkpoint& weights, std::size_t sequences = 1);

  const Config& config() const { return config_; }
  std::size_t sequences() const { return static_cast<std::size_t>(layers_.front().cache.sequences()); }
  /// Tokens that a sequence has taken in so far.
  int length(std::size_t sequence) const;

  /// Takes in the tokens of one sequence that follow those taken in so far, one or many at once, and returns the scores
  /// (logits) of the token after the last.
  Row prefill(std::size_t sequence, std::span<const int> tokens);
  /// Takes in one more token of every sequence, and returns the scores of the next: a row for each.
  Matrix decode(std::span<const int> tokens);
  // Both throw std::length_error for too few tokens, or more than a sequence can hold, and std::runtime_error if the
  // weights overflow.

  /// What the attention of a layer, from 0 on, is given for a text by itself: a row for each of its tokens, hidden
  /// states after the layer's norm. For looking inside; sequences stay as they are.
  Matrix attention_input(std::size_t layer, std::span<const int> tokens);

  /// Forgets all sequences but these, which from here on are 0, 1, … in this order.
  void keep(std::span<const std::size_t> sequences);

 private:
  /// Of the transformer: each adds to the hidden states what its two halves make of them.
  struct Layer {
    Row attention_norm;
    rapt::AttentionLayer<float> attention;
    rapt::KvCache<float> cache;  // keys and values of all tokens so far
    Row feed_norm;
    rapt::Linear<float> gate_and_up, down;
  };

  Matrix embed(std::span<const int> tokens) const;
  void run(Matrix& x, std::optional<rapt::Index> sequence);
  void attend(Layer& layer, Matrix& x, std::optional<rapt::Index> sequence);
  void feed(const Layer& layer, Matrix& x);
  Matrix scores(const Matrix& x);
  void check_room(std::size_t sequence, std::size_t tokens) const;

  Config config_;
  Matrix embedding_;
  std::vector<Layer> layers_;
  Row final_norm_;
  rapt::Linear<float> classifier_;
  rapt::Workspace workspace_;
};

}  // namespace stories
