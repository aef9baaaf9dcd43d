// Double the length: four times the time, and for the naive way four times the memory. rapt's workspace stays as it is.
//
// Every query meets every key, so the work is quadratic and no exact algorithm escapes that. But the matrix of all
// scores, which the naive way writes down, need never exist: rapt goes through the keys tile by tile, and works in
// memory that does not grow.
//
//     04_quadratic          lengths double until one takes seconds
//     04_quadratic --full   naive up to 16,384, rapt up to 131,072 tokens; takes about a minute

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <rapt/rapt.hpp>
#include <string>

namespace {

using rapt::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index head_dim = 64, first_length = 512, last_naive = 16384, last_rapt = 131072;
constexpr double patience = 1.5;  // seconds that a line may take without --full

struct Inputs {
  Matrix q, k, v, out;
  explicit Inputs(Index n)
      : q(Matrix::Random(n, head_dim)),
        k(Matrix::Random(n, head_dim)),
        v(Matrix::Random(n, head_dim)),
        out(n, head_dim) {}
};

/// Causal attention as one writes it by hand; returns the bytes of the scores.
double naive(Inputs& x) {
  Matrix scores = x.q * x.k.transpose() / std::sqrt(float(head_dim));
  for (Index i = 0; i < scores.rows(); ++i) {
    auto past = scores.row(i).head(i + 1).array();
    past = (past - past.maxCoeff()).exp();
    past /= past.sum();
    scores.row(i).tail(scores.cols() - 1 - i).setZero();
  }
  x.out.noalias() = scores * x.v;
  return double(scores.size()) * sizeof(float);
}

/// The same with rapt; returns the bytes of its workspace.
double tiled(Inputs& x) {
  auto plan = rapt::plan(rapt::view(x.q), rapt::view(x.k), rapt::view(x.v), rapt::view(x.out), rapt::causal());
  plan.run();
  return double(plan.workspace_bytes());
}

/// One way of doing it, length after length: its three cells of a line.
class Column {
 public:
  Column(const char* name, double (*run)(Inputs&), Index last) : name_(name), run_(run), last_(last) {}

  bool wants(Index n, bool full) const { return n <= last_ && (full || 4 * seconds_ < patience); }

  void measure(Index n, Inputs& x) {
    const double before = seconds_;
    if (4 * before > 2) std::fprintf(stderr, "%s, %ld tokens: about %.0f s ...\r", name_, long(n), 4 * before);
    seconds_ = std::numeric_limits<double>::infinity();
    double bytes = 0, spent = 0;
    while (spent < 0.05) {                      // short ones several times: the best counts
      const std::clock_t start = std::clock();  // the processor's time: other programs' doesn't count
      bytes = run_(x);
      const double time = double(std::clock() - start) / CLOCKS_PER_SEC;
      seconds_ = std::min(seconds_, time);
      spent += time;
    }
    cells_ = text("%11.2f ms", 1e3 * seconds_) +
             (before > 0 ? text("  x %4.1f", seconds_ / before) : std::string(8, ' ')) +
             (bytes < 1 << 20 ? text("%8.0f KiB", bytes / 1024) : text("%8.1f MiB", bytes / (1 << 20)));
  }
  void pass() { cells_ = std::string(34, ' '); }
  const char* cells() const { return cells_.c_str(); }

 private:
  static std::string text(const char* format, double value) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, format, value);
    return buffer;
  }

  const char* name_;
  double (*run_)(Inputs&);
  Index last_;
  double seconds_ = 0;
  std::string cells_;
};

}  // namespace

int main(int argc, char** argv) {
  const bool full = argc == 2 && std::strcmp(argv[1], "--full") == 0;
  if (argc > 1 && !full) return std::fprintf(stderr, "usage: 04_quadratic [--full]\n"), 2;

  std::printf("Causal attention, one head, head_dim %d, float, one thread, %s.\n\n", int(head_dim),
              std::string(rapt::name(rapt::active_isa())).c_str());
  std::printf("             ------- naive, with Eigen -------    -------------- rapt -------------\n");
  std::printf("  tokens            time           scores                time         workspace\n");
  Column by_hand("naive", naive, last_naive), by_rapt("rapt", tiled, last_rapt);
  for (Index n = first_length; by_rapt.wants(n, full); n *= 2) {
    Inputs x(n);
    by_hand.wants(n, full) ? by_hand.measure(n, x) : by_hand.pass();
    by_rapt.measure(n, x);
    std::printf("%8ld %s %s\n", long(n), by_hand.cells(), by_rapt.cells());
    std::fflush(stdout);
  }
  if (!full) std::printf("\n--full goes on: naive up to %d tokens, rapt up to %d.\n", int(last_naive), int(last_rapt));
}
