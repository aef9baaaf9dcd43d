// Rotary position embeddings: how attention knows where things stand.
//
// Softmax of scores has no sense of order. So before a query meets a key, both are turned by their positions: pair p of
// their dims by position * frequency[p]. A score is a sum over such pairs, and in each pair only the angle between
// query and key counts: the difference of their positions. Fast pairs tell neighbours apart, slow ones tell far from
// near. A model that shall read further than it was trained slows the slow ones down, so that none meets an angle it
// has not seen.

#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <random>
#include <rapt/rapt.hpp>
#include <vector>

namespace {

using rapt::Index;
namespace rope = rapt::rope;
using Row = Eigen::Matrix<double, 1, Eigen::Dynamic>;

constexpr Index dim = 128;

Row noise(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  return Row::NullaryExpr(dim, [&] { return normal(random); });
}

/// The vector, turned to a position: one batch entry, one head, one row.
Row at_position(Row x, Index position, const rope::Spec& spec) {
  const rope::Table<double> table(spec, std::vector<Index>{position});
  rope::rotate(rapt::bhsd(x.data(), 1, 1, 1, dim), table);
  return x;
}

/// Scores of one query and one key: a row a distance, a column a shift of both.
double distance_alone() {
  const rope::Spec spec = rope::standard(dim);
  const Row q = noise(1), k = q + noise(2);  // not unlike each other
  std::printf("The score of one query with one key, `distance` positions back, both shifted:\n\n");
  std::printf("  distance   shifted by 0         by 1        by 50      by 5000   by 1000000\n");
  double largest_change = 0;
  for (const Index distance : {0, 1, 2, 8, 64, 512}) {
    std::printf("%10ld", long(distance));
    double unshifted = 0;
    for (const Index shift : {0, 1, 50, 5000, 1000000}) {
      const double score =
          at_position(q, shift + distance, spec).dot(at_position(k, shift, spec)) / std::sqrt(double(dim));
      if (shift == 0) unshifted = score;
      largest_change = std::fmax(largest_change, std::fabs(score - unshifted));
      std::printf(" %12.6f%s", score, shift == 0 ? "  " : "");
    }
    std::puts("");
  }
  std::printf("\nAlong a row nothing changes (by %.0e at most): only the distance counts.\n\n", largest_change);
  return largest_change;
}

/// What each scaling makes of the fastest pair, one in the middle, and the slowest.
void scalings() {
  const Index trained = 8192, wanted = 65536;
  const double factor = double(wanted) / double(trained), base = 500000;
  struct Named {
    const char* name;
    rope::Spec spec;
  };
  const Named specs[] = {
      {"none", rope::standard(dim, base)},
      {"linear", rope::linear(dim, factor, base)},
      {"NTK-aware", rope::ntk(dim, factor, base)},
      {"YaRN", rope::yarn(dim, {.factor = factor, .original_length = trained, .base = base})},
      {"Llama 3.1", rope::llama3(dim, {.factor = factor, .original_length = trained, .base = base})},
  };
  const std::size_t pairs[] = {0, 36, 63};
  std::printf("Trained on %ld positions, to read %ld. How often a pair has turned by the end, and by how much a\n",
              long(trained), long(wanted));
  std::printf("neighbour is turned, in degrees:\n\n");
  std::printf("                    fastest pair          pair 36       slowest pair   neighbours, fastest\n");
  std::printf("  in training ");
  for (const std::size_t p : pairs)
    std::printf(" %17.3f", double(trained) * specs[0].spec.inverse_frequencies[p] / (2 * std::numbers::pi));
  std::puts("");
  for (const auto& [name, spec] : specs) {
    std::printf("  %-12s", name);
    for (const std::size_t p : pairs)
      std::printf(" %17.3f", double(wanted) * spec.inverse_frequencies[p] / (2 * std::numbers::pi));
    std::printf(" %20.1f\n", spec.inverse_frequencies[0] * 180 / std::numbers::pi);
  }
  std::printf(
      "\nUnscaled, the slowest pair meets angles that the model has never seen. Linear scaling stops that, and\n");
  std::printf("blurs neighbours; the others leave the fast pairs alone.\n");
}

}  // namespace

int main() {
  const double change = distance_alone();
  scalings();
  return change < 1e-9 ? 0 : 1;
}
