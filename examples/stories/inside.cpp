#include "inside.hpp"

#include <rapt/rapt.hpp>

namespace stories {

std::vector<int> write_on(Model& model, std::vector<int> tokens, std::size_t length) {
  Row scores = model.prefill(0, tokens);
  while (tokens.size() < length) {
    int next = 0;
    scores.maxCoeff(&next);
    tokens.push_back(next);
    if (tokens.size() < length) scores = model.decode({&next, 1});
  }
  return tokens;
}

Attended attended(const Checkpoint& weights, Model& model, std::size_t layer, std::span<const int> tokens) {
  const Config& c = weights.config;
  const Matrix h = model.attention_input(layer, tokens);
  const Layer& w = weights.layers[layer];
  Attended a{{h.rows(), c.dim}, {h.rows(), c.kv_dim()}, {h.rows(), c.kv_dim()}};
  const auto rows = [](auto& m) { return rapt::row_major(m.data(), m.rows(), m.cols()); };
  rapt::Linear<float>({rows(w.wq), rows(w.wk), rows(w.wv)})(rows(h), {rows(a.q), rows(a.k), rows(a.v)});
  const rapt::rope::Table<float> table(rotary_embedding(c), static_cast<rapt::Index>(tokens.size()));
  rapt::rope::rotate(rapt::view(a.q, c.heads), table);
  rapt::rope::rotate(rapt::view(a.k, c.kv_heads), table);
  return a;
}

}  // namespace stories
