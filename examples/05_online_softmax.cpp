// The online softmax: how attention gets by without the row of scores.
//
// Softmax seems to need the whole row twice: once for its maximum (without it exp overflows), once for the sum. But a
// maximum that was too small can be put right afterwards: exp(s - m') = exp(s - m) * exp(m - m'). So keys go by tile by
// tile, and a row remembers three things: m, the largest score yet; l, the sum of exp(s - m); and o, the sum of
// exp(s - m) * value. When a tile raises m, l and o are multiplied by exp(m - m'). At the end o / l is the answer,
// whatever the tiles were.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <rapt/rapt.hpp>

namespace {

using rapt::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

void show(Index begin, Index end, const Row& scores, float m, float factor, float l) {
  std::printf("%6ld..%-4ld %12.3f %12.3f %18.3f %15.3f\n", long(begin), long(end - 1), scores.maxCoeff(), m, factor, l);
}

// ---- the algorithm ------------------------------------------------------------------------

/// One row of attention: softmax(scale * query * keys^T) * values, a tile of keys at a time.
Row attend(const Row& query, const Matrix& keys, const Matrix& values, Index tile, bool watch = false) {
  const float scale = 1 / std::sqrt(float(keys.cols()));
  float m = -std::numeric_limits<float>::infinity();
  float l = 0;
  Row o = Row::Zero(values.cols());

  for (Index begin = 0; begin < keys.rows(); begin += tile) {
    const Index count = std::min(tile, keys.rows() - begin);
    const Row scores = scale * query * keys.middleRows(begin, count).transpose();

    const float new_m = std::max(m, scores.maxCoeff());
    const float factor = std::exp(m - new_m);  // 1 if the maximum stands; exp(-inf) = 0 for the first tile
    const Row p = (scores.array() - new_m).exp();

    l = factor * l + p.sum();
    o = factor * o + p * values.middleRows(begin, count);
    m = new_m;

    if (watch) show(begin, begin + count, scores, m, factor, l);
  }
  return o / l;
}

// ---- the end of the algorithm -------------------------------------------------------------

Matrix noise(Index rows, Index cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(random); });
}

void one_row() {
  const Matrix q = 2 * noise(1, 32, 1), k = noise(40, 32, 2), v = noise(40, 32, 3);
  std::printf("One query, 40 keys, 5 at a time:\n\n");
  std::printf("     keys      largest of   running max   the past is          sum of\n");
  std::printf("              the tile, s             m   multiplied by   exp(s-m), l\n");
  attend(q.row(0), k, v, 5, true);
}

float largest_difference(const Matrix& a, const Matrix& b) { return (a - b).cwiseAbs().maxCoeff(); }

bool whole_matrix() {
  const Index queries = 50, keys = 1000, dim = 64;
  const Matrix q = 30 * noise(queries, dim, 4), k = noise(keys, dim, 5), v = noise(keys, dim, 6);
  Matrix naive(queries, dim), tiled(queries, dim), rapt_out(queries, dim);
  rapt::reference::attention<float>(rapt::view(q), rapt::view(k), rapt::view(v), rapt::view(naive));
  rapt::attention(rapt::view(q), rapt::view(k), rapt::view(v), rapt::view(rapt_out));

  std::printf("\n%ld queries, %ld keys; scores reach %.0f, and exp(89) is already more than a float holds.\n",
              long(queries), long(keys), (q * k.transpose()).maxCoeff() / std::sqrt(float(dim)));
  std::printf("Largest difference from the naive attention, which keeps every score:\n\n");
  float worst = 0;
  for (const Index tile : {Index(1), Index(7), Index(64), keys}) {
    for (Index i = 0; i < queries; ++i) tiled.row(i) = attend(q.row(i), k, v, tile);
    std::printf("  tiles of %4ld keys   %.1e\n", long(tile), largest_difference(tiled, naive));
    worst = std::max(worst, largest_difference(tiled, naive));
  }
  std::printf("  rapt::attention      %.1e\n\n", largest_difference(rapt_out, naive));
  std::printf("rapt does the same with tiles of %ld, many queries at once, one in each lane of the registers.\n",
              long(rapt::contract::tile));
  return worst < 1e-4f && largest_difference(rapt_out, naive) < 1e-4f;
}

}  // namespace

int main() {
  one_row();
  return whole_matrix() ? 0 : 1;
}
