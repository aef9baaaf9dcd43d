// How far an output is from the truth: the library's reference in double, on a sample of rows so that it stays quick.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "inputs.hpp"
#include "rapt/reference/attention.hpp"
#include "shapes.hpp"

namespace bench {

/// One head of a view, in double.
inline std::vector<double> in_double(const rapt::View<const float>& view, Index head) {
  std::vector<double> copy;
  copy.reserve(static_cast<std::size_t>(view.length() * view.dim()));
  for (Index s = 0; s < view.length(); ++s)
    for (Index d = 0; d < view.dim(); ++d) copy.push_back(view(0, head, s, d));
  return copy;
}

/// The true outputs of a few rows of a shape, spread over its heads and positions, the last row among them.
class Exact {
 public:
  Exact(const Shape& shape, const Inputs<float>& in, Index rows) : dim_(shape.value_dim) {
    const Index heads = std::min<Index>(shape.kv_heads, 2), rows_a_head = rows / heads;
    for (Index i = 0; i < heads; ++i) add_head(shape, in, (i + 1) * shape.kv_heads / heads - 1, rows_a_head);
  }

  /// The largest distance of any element; NaN if any is.
  double error(const rapt::View<float>& out) const {
    double largest = 0;
    for (const Row& row : rows_)
      for (Index d = 0; d < dim_; ++d) {
        const double distance = std::abs(out(0, row.head, row.query, d) - row.values[static_cast<std::size_t>(d)]);
        if (!(distance <= largest)) largest = distance;
        if (std::isnan(largest)) return largest;
      }
    return largest;
  }

 private:
  struct Row {
    Index head, query;
    std::vector<double> values;
  };

  void add_head(const Shape& shape, const Inputs<float>& in, Index kv_head, Index rows) {
    const std::vector<double> keys = in_double(in.k, kv_head), values = in_double(in.v, kv_head);
    const auto k = rapt::bhsd(keys.data(), 1, 1, shape.kv_len, shape.head_dim);
    const auto v = rapt::bhsd(values.data(), 1, 1, shape.kv_len, shape.value_dim);
    const Index group = shape.q_heads / shape.kv_heads;
    for (Index i = 1; i <= rows; ++i) {
      const Index head = kv_head * group + i % group, query = i * shape.q_len / rows - 1;
      std::vector<double> q;
      for (Index d = 0; d < shape.head_dim; ++d) q.push_back(in.q(0, head, query, d));
      rows_.push_back({head, query, std::vector<double>(static_cast<std::size_t>(dim_))});
      rapt::Band mask = shape.mask;
      mask.align = rapt::align::offset(first_position(shape) + query);
      rapt::reference::attention(rapt::bhsd<const double>(q.data(), 1, 1, 1, shape.head_dim), k, v,
                                 rapt::bhsd(rows_.back().values.data(), 1, 1, 1, dim_), mask);
    }
  }

  Index dim_;
  std::vector<Row> rows_;
};

}  // namespace bench
