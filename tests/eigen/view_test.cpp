// Views of Eigen's types: the numbers that they read, the memory that they point to, and what may be written.
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "rapt/eigen.hpp"
#include "support/tensors.hpp"

namespace rapt_test::view_test {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ColMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

/// m(i, j) = 100·i + j, so that each number says where it stands.
template <class M> M numbered(Eigen::Index rows, Eigen::Index cols) {
  M m(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < cols; ++j) m(i, j) = static_cast<typename M::Scalar>(100 * i + j);
  return m;
}

/// The view [1, heads, rows, cols / heads] reads m.
template <class T, class M> void expect_reads(const View<T>& view, const M& m, Index heads) {
  EXPECT_EQ(view.batch(), 1);
  EXPECT_EQ(view.heads(), heads);
  EXPECT_EQ(view.length(), m.rows());
  EXPECT_EQ(view.dim(), m.cols() / heads);
  for (Index h = 0; h < view.heads(); ++h)
    for (Index s = 0; s < view.length(); ++s)
      for (Index d = 0; d < view.dim(); ++d) EXPECT_EQ(view(0, h, s, d), m(s, h * view.dim() + d));
}

TEST(EigenView, OfAMatrixInEitherStorageOrderHasAPositionARow) {
  RowMajor row = numbered<RowMajor>(5, 12);
  ColMajor col = numbered<ColMajor>(5, 12);
  for (const Index heads : {1, 2, 3, 12}) {
    expect_reads(rapt::view(row, heads), row, heads);
    expect_reads(rapt::view(col, heads), col, heads);
  }
  EXPECT_EQ(rapt::view(row).data, row.data());
  EXPECT_EQ(rapt::view(row).stride[3], 1);
  EXPECT_EQ(rapt::view(col).stride[2], 1);
}

TEST(EigenView, OfDoublesIsAViewOfDoubles) {
  Eigen::MatrixXd m = numbered<Eigen::MatrixXd>(3, 4);
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(m)), View<double>>));
  expect_reads(rapt::view(m, 2), m, 2);
}

TEST(EigenView, OfAFixedSizeMatrixAndAVectorIsRight) {
  Eigen::Matrix<float, 2, 6> fixed = numbered<RowMajor>(2, 6);
  expect_reads(rapt::view(fixed, 3), fixed, 3);
  Eigen::RowVectorXf vector = numbered<RowMajor>(1, 8);
  expect_reads(rapt::view(vector, 2), vector, 2);
}

/// A column is how Eigen has a vector; it is one position, as a row is, and no longer one as soon as its type is that
/// of a matrix.
TEST(EigenView, OfAColumnVectorIsOnePosition) {
  const Eigen::RowVectorXf row = numbered<RowMajor>(1, 8);
  const Eigen::VectorXf column = row.transpose();
  expect_reads(rapt::view(column, 2), row, 2);
  RowMajor m = numbered<RowMajor>(8, 5);
  const Eigen::RowVectorXf second = m.col(2).transpose();
  expect_reads(rapt::view(m.col(2), 4), second, 4);
  EXPECT_EQ(rapt::view(m.middleCols(2, 1)).length(), 8);
}

TEST(EigenView, OfAMapFollowsItsStrides) {
  RowMajor memory = numbered<RowMajor>(10, 20);
  using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<RowMajor, 0, Strides> map(memory.data() + 2, 5, 6, Strides(40, 3));
  expect_reads(rapt::view(map, 2), map, 2);
  EXPECT_EQ(map(1, 1), 205.0f);
  Eigen::Map<const RowMajor> read_only(memory.data(), 4, 10);
  expect_reads(rapt::view(read_only), read_only, 1);
}

TEST(EigenView, OfABlockPointsIntoTheMatrix) {
  RowMajor m = numbered<RowMajor>(8, 24);
  auto middle = m.middleCols(8, 8);
  auto view = rapt::view(middle, 2);
  expect_reads(view, middle, 2);
  EXPECT_EQ(view.data, m.data() + 8);
  view(0, 1, 2, 3) = -1;
  EXPECT_EQ(m(2, 8 + 4 + 3), -1);
}

TEST(EigenView, OfARefReadsWhatTheRefReads) {
  ColMajor m = numbered<ColMajor>(6, 8);
  Eigen::Ref<ColMajor> ref = m.topRows(3);
  const Eigen::Ref<const ColMajor> read_only = m.bottomRows(3);
  expect_reads(rapt::view(ref, 2), ref, 2);
  expect_reads(rapt::view(read_only, 2), read_only, 2);
}

TEST(EigenView, IsReadOnlyWhereTheMatrixIs) {
  RowMajor m(2, 2);
  const RowMajor constant(2, 2);
  Eigen::Map<RowMajor> map(m.data(), 2, 2);
  Eigen::Map<const RowMajor> constant_map(m.data(), 2, 2);
  Eigen::Ref<RowMajor> ref(m);
  Eigen::Ref<const RowMajor> constant_ref(m);
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(m)), View<float>>));
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(constant)), View<const float>>));
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(map)), View<float>>));
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(constant_map)), View<const float>>));
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(ref)), View<float>>));
  EXPECT_TRUE((std::is_same_v<decltype(rapt::view(constant_ref)), View<const float>>));
}

// A temporary that owns its memory does not compile: tests/compile_fail. One that borrows it does, and stays writable.
TEST(EigenView, OfATemporaryBlockMayBeWrittenTo) {
  RowMajor m = RowMajor::Zero(3, 8);
  const auto view = rapt::view(m.rightCols(4), 2);
  EXPECT_TRUE((std::is_same_v<decltype(view), const View<float>>));
  view(0, 1, 2, 1) = 5;
  EXPECT_EQ(m(2, 7), 5);
}

std::string error_of(RowMajor& m, Index heads) {
  try {
    rapt::view(m, heads);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(EigenView, RefusesColumnsThatTheHeadsDoNotDivide) {
  RowMajor m(2, 10);
  EXPECT_EQ(error_of(m, 3), "rapt: view: the number of columns is 10; it has to be a multiple of the 3 heads");
  EXPECT_EQ(error_of(m, 0), "rapt: view: the number of heads is 0; it has to be 1 or more");
  EXPECT_EQ(error_of(m, -1), "rapt: view: the number of heads is -1; it has to be 1 or more");
}

TEST(EigenView, IsWhatAttentionTakes) {
  const Shape s{1, 4, 2, 7, 9, 8, 8};
  const auto random = [](Eigen::Index rows, Eigen::Index cols, std::uint64_t seed) {
    RowMajor m(rows, cols);
    const std::vector<float> numbers = random_numbers<float>(rows * cols, seed);
    std::copy(numbers.begin(), numbers.end(), m.data());
    return m;
  };
  const RowMajor q = random(7, 32, 1), k = random(9, 16, 2), v = random(9, 16, 3);
  RowMajor out(7, 32);
  rapt::attention(rapt::view(q, 4), rapt::view(k, 2), rapt::view(v, 2), rapt::view(out, 4), rapt::causal());

  // The same with Eigen's own arithmetic, a head at a time.
  for (Index h = 0; h < s.q_heads; ++h) {
    Eigen::MatrixXd scores = q.middleCols(8 * h, 8).cast<double>() *
                             k.middleCols(8 * (h / 2), 8).cast<double>().transpose() / std::sqrt(8.0);
    for (Index i = 0; i < 7; ++i)
      for (Index j = i + 3; j < 9; ++j) scores(i, j) = -std::numeric_limits<double>::infinity();
    Eigen::MatrixXd weights = scores.array().exp();
    weights.array().colwise() /= weights.rowwise().sum().array().eval();
    const Eigen::MatrixXd expected = weights * v.middleCols(8 * (h / 2), 8).cast<double>();
    EXPECT_LT((out.middleCols(8 * h, 8).cast<double>() - expected).cwiseAbs().maxCoeff(), 1e-5);
  }
}

}  // namespace
}  // namespace rapt_test::view_test
