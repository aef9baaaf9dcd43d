// Projections to test: their numbers, the memory that they lie in, and the arithmetic in scalar code.
#pragma once

#include <cmath>
#include <limits>
#include <ostream>
#include <span>
#include <vector>

#include "rapt/linear/linear.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

using rapt::Linear;
using rapt::LinearOptions;
using rapt::MatrixView;

/// How a matrix lies in memory.
enum class Order { row_major, column_major, padded, spread, backwards };
inline constexpr Order all_orders[] = {Order::row_major, Order::column_major, Order::padded, Order::spread,
                                       Order::backwards};

inline std::ostream& operator<<(std::ostream& to, Order order) {
  const char* const names[] = {"row_major", "column_major", "padded", "spread", "backwards"};
  return to << names[static_cast<int>(order)];
}

/// Elements in memory of their own, all sentinels at first, those between the matrix's too.
template <class T> class Stored {
 public:
  Stored(Index rows, Index columns, Order order) : rows_(rows), columns_(columns), order_(order) {
    memory_.assign(at(3 * rows * columns + 5 * rows + 1), T(sentinel<double>));
  }
  /// The numbers in row-major order.
  Stored(Index rows, Index columns, Order order, const std::vector<T>& numbers) : Stored(rows, columns, order) {
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < columns; ++c) matrix()(r, c) = numbers[at(r * columns + c)];
  }

  MatrixView<T> matrix() {
    T* const data = memory_.data();
    switch (order_) {
      case Order::column_major: return {data, rows_, columns_, 1, rows_};
      case Order::padded: return {data, rows_, columns_, columns_ + 5, 1};
      case Order::spread: return {data, rows_, columns_, 3 * columns_ + 2, 3};
      case Order::backwards: return {data + rows_ * columns_, rows_, columns_, -columns_, -1};
      case Order::row_major: break;
    }
    return {data, rows_, columns_, columns_, 1};
  }
  /// In row-major order.
  std::vector<T> numbers() {
    std::vector<T> numbers;
    for (Index r = 0; r < rows_; ++r)
      for (Index c = 0; c < columns_; ++c) numbers.push_back(matrix()(r, c));
    return numbers;
  }
  /// How many elements of the memory were written.
  Index written() const {
    Index count = 0;
    for (const T x : memory_) count += bits(x) != bits(sentinel<T>);
    return count;
  }

 private:
  Index rows_, columns_;
  Order order_;
  std::vector<T> memory_;
};

struct Extents {
  Index rows, in, out;
  friend std::ostream& operator<<(std::ostream& to, const Extents& e) {
    return to << e.rows << " rows, " << e.in << " -> " << e.out;
  }
};

/// An input, weights and a bias, all in row-major order.
template <class T> struct Projection {
  Extents extents;
  std::vector<T> x, weight, bias;

  explicit Projection(const Extents& e, std::uint64_t seed = 1)
      : extents(e),
        x(random_numbers<T>(e.rows * e.in, 3 * seed)),
        weight(random_numbers<T>(e.out * e.in, 3 * seed + 1)),
        bias(random_numbers<T>(e.out, 3 * seed + 2)) {}

  MatrixView<const T> x_matrix() const { return rapt::row_major(x.data(), extents.rows, extents.in); }
  MatrixView<const T> weight_matrix() const { return rapt::row_major(weight.data(), extents.out, extents.in); }
  Linear<T> linear() const { return Linear<T>(weight_matrix(), bias); }
};

/// The same arithmetic, an output at a time: what every kernel is compared with.
template <class T> std::vector<T> transcribed(const Projection<T>& p) {
  std::vector<T> y;
  for (Index r = 0; r < p.extents.rows; ++r)
    for (Index o = 0; o < p.extents.out; ++o) {
      T sum = p.bias.empty() ? T(0) : p.bias[at(o)];
      for (Index i = 0; i < p.extents.in; ++i)
        sum = std::fma(p.x[at(r * p.extents.in + i)], p.weight[at(o * p.extents.in + i)], sum);
      y.push_back(std::isnan(sum) ? std::numeric_limits<T>::quiet_NaN() : sum);
    }
  return y;
}

/// By the kernel, from row-major order to row-major order.
template <class T, class W>
std::vector<T> projected(const Linear<T, W>& linear, const Projection<T>& p, const LinearOptions& options) {
  std::vector<T> y(at(p.extents.rows * p.extents.out), sentinel<T>);
  linear(p.x_matrix(), rapt::row_major(y.data(), p.extents.rows, p.extents.out), options);
  return y;
}

}  // namespace rapt_test
