// A small Llama: what goes from tokens to the scores of the next one, for one text or for several side by side.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <rapt/rapt.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "cache.hpp"
#include "checkpoint.hpp"

namespace stories {

/// Pairs of neighbouring dims turn together.
rapt::rope::Spec rotary_embedding(const Config& config);

/// What a text's tokens are given, in a batch or alone, at once or one by one, are the same scores to the last bit.
class Model {
 public:
  /// Packs the weights. For so many texts side by side, 1 or more: the model's sequences. None has a token yet. `cache`
  /// is one of cache_types: what keys and values are kept as.
  explicit Model(const Checkpoint& weights, std::size_t sequences = 1, std::string_view cache = cache_types[0]);

  const Config& config() const { return config_; }
  std::size_t sequences() const { return sequences_; }
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

  /// Forgets all sequences but these, in ascending order, which from here on are 0, 1, …
  void keep(std::span<const std::size_t> sequences);

 private:
  /// Of the transformer: each adds to the hidden states what its two halves make of them.
  struct Layer {
    Row attention_norm;
    rapt::AttentionLayer<float> attention;
    Cache cache;  // keys and values of all tokens so far
    Row feed_norm;
    rapt::Linear<float> gate_and_up, down;
  };

  using Offsets = std::vector<rapt::Index>;  // where each sequence's tokens begin in a step, and their number

  Matrix embed(std::span<const int> tokens) const;
  void run(Matrix& x, const Offsets& offsets);
  void attend(Layer& layer, Matrix& x, const Offsets& offsets);
  void feed(const Layer& layer, Matrix& x);
  Matrix scores(const Matrix& x);
  void check_room(std::size_t sequence, std::size_t tokens) const;

  Config config_;
  Matrix embedding_;
  std::vector<Layer> layers_;
  std::size_t sequences_, places_;  // those that there are, and what a cache has room for
  Row final_norm_;
  rapt::Linear<float> classifier_;
  rapt::Workspace workspace_;
};

}  // namespace stories
