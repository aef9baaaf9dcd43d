// From scores to the next token.
#pragma once

#include <cstdint>

#include "checkpoint.hpp"

namespace stories {

/// Draws tokens as llama2.c does, so that a seed tells the same story.
class Sampler {
 public:
  /// Temperature 0 takes the best token. Otherwise a token is drawn from softmax(logits / temperature), or, with
  /// `top_p` between 0 and 1, from the fewest tokens whose probabilities add up to more than it. The seed isn't 0.
  Sampler(float temperature, float top_p, std::uint64_t seed)
      : temperature_(temperature), top_p_(top_p), state_(seed) {}

  int operator()(const Row& logits);

 private:
  float coin();  // in [0, 1)

  float temperature_, top_p_;
  std::uint64_t state_;
};

}  // namespace stories
