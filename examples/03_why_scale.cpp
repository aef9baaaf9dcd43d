// Why attention divides its scores by the square root of d_k.
//
// A score is a sum of d_k products. If queries and keys have variance 1, so has each product, and the sum has variance
// d_k: with d_k = 64 scores are eight times as far apart as with d_k = 1. Softmax turns distance into ratio, so the
// largest score takes nearly everything, the rest gets nothing, and no gradient either. Divided by sqrt(d_k), scores
// have variance 1 whatever d_k is.

#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <random>
#include <rapt/rapt.hpp>

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int queries = 2000, keys = 64;

Matrix noise(int rows, int cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(random); });
}

/// Softmax of the scores: attention over values that are the identity matrix.
Matrix weights(const Matrix& q, const Matrix& k, double scale) {
  const Matrix v = Matrix::Identity(keys, keys);
  Matrix out(queries, keys);
  rapt::attention(rapt::view(q), rapt::view(k), rapt::view(v), rapt::view(out), rapt::Plain(), {.scale = scale});
  return out;
}

void show(int d, bool scaled) {
  const Matrix q = noise(queries, d, 1), k = noise(keys, d, 2);
  const double scale = scaled ? 1 / std::sqrt(double(d)) : 1;
  const Eigen::ArrayXXd s = scale * (q * k.transpose()).cast<double>().array();
  const Eigen::ArrayXXd p = weights(q, k, scale).cast<double>();

  const double variance = (s - s.mean()).square().mean();
  const double largest = p.rowwise().maxCoeff().mean();
  const double entropy = -(p > 0).select(p * p.max(1e-300).log2(), 0).rowwise().sum().mean();
  std::printf("%5d   %-11s %12.2f %18.3f %15.2f %18.1f\n", d, scaled ? "1/sqrt(d_k)" : "none", variance, largest,
              entropy, std::exp2(entropy));
}

}  // namespace

int main() {
  std::printf("%d queries over %d keys, all normal with variance 1. Means over the queries.\n\n", queries, keys);
  std::printf("  d_k   scale         variance     largest weight   entropy, bits   2^entropy: keys\n");
  std::printf("                     of scores     of the softmax    (6 = all 64)      really heard\n");
  for (const int d : {4, 64})
    for (const bool scaled : {false, true}) show(d, scaled);
  std::printf("\nWithout a scale the softmax of d_k = 64 has all but chosen one key. With it, both are alike.\n");
}
