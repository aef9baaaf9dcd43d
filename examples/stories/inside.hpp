// A look inside the model: what it writes by itself, and what the attention of a layer is given.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "checkpoint.hpp"
#include "model.hpp"

namespace stories {

/// Goes on with a text, always by the likeliest token, until it has `length` tokens. The model has one sequence,
/// without a token yet. Where a story ends, another one begins.
std::vector<int> write_on(Model& model, std::vector<int> tokens, std::size_t length);

/// A layer's queries, keys and values, [token, head · dim], turned by their positions.
struct Attended {
  Matrix q, k, v;
};
/// Those of a text; `model` has these weights.
Attended attended(const Checkpoint& weights, Model& model, std::size_t layer, std::span<const int> tokens);

}  // namespace stories
