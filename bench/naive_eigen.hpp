// Attention as people write it by hand with Eigen: the thing to beat. Compiled with whatever flags the file has, as
// theirs is.
#pragma once

#include <Eigen/Core>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "inputs.hpp"
#include "rapt/parallel/executor.hpp"
#include "shapes.hpp"

namespace bench {

template <class T> using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One head of a view as a matrix, a position a row. Its dims have to stand side by side.
template <class T, class U = std::remove_const_t<T>> auto head_of(const rapt::View<T>& view, Index head) {
  using M = std::conditional_t<std::is_const_v<T>, const Matrix<U>, Matrix<U>>;
  return Eigen::Map<M, 0, Eigen::OuterStride<>>(view.row(0, head, 0), view.length(), view.dim(),
                                                Eigen::OuterStride<>(view.stride[2]));
}

/// What is not attended gets the score −∞, and so the weight 0.
template <class T> void mask_scores(const Shape& shape, Matrix<T>& scores) {
  constexpr T none = -std::numeric_limits<T>::infinity();
  for (Index i = 0; i < scores.rows(); ++i) {
    const KeyRange keys = attended_keys(shape, i);
    scores.row(i).head(keys.begin).setConstant(none);
    scores.row(i).tail(scores.cols() - keys.end).setConstant(none);
  }
}

template <class T> void softmax_rows(Matrix<T>& scores) {
  const Eigen::Matrix<T, Eigen::Dynamic, 1> largest = scores.rowwise().maxCoeff();
  scores = (scores.colwise() - largest).array().exp();
  const Eigen::Array<T, Eigen::Dynamic, 1> sum = scores.rowwise().sum();
  scores.array().colwise() /= sum;
}

/// The textbook's three lines, for one head.
template <class T> void naive_head(const Shape& shape, const Inputs<T>& in, Index head) {
  const Index kv_head = head / (shape.q_heads / shape.kv_heads);
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(shape.head_dim)));
  Matrix<T> scores(shape.q_len, shape.kv_len);
  scores.noalias() = head_of(in.q, head) * scale * head_of(in.k, kv_head).transpose();
  if (masked(shape)) mask_scores(shape, scores);
  softmax_rows(scores);
  head_of(in.out, head).noalias() = scores * head_of(in.v, kv_head);
}

/// All heads, dealt out to the executor's workers; one after the other without one.
template <class T> void naive_attention(const Shape& shape, const Inputs<T>& in, rapt::Executor* executor = nullptr) {
  std::atomic<Index> next{0};
  const auto task = [&](int) {
    for (Index head = next.fetch_add(1); head < shape.q_heads; head = next.fetch_add(1)) naive_head(shape, in, head);
  };
  if (executor == nullptr)
    task(0);
  else
    executor->run(executor->workers(), task);
}

/// Bytes of one head's scores.
template <class T> double score_bytes(const Shape& shape) {
  return static_cast<double>(shape.q_len) * static_cast<double>(shape.kv_len) * sizeof(T);
}

}  // namespace bench
