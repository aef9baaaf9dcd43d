// Score functions: what models do to the scores between the products and the softmax, and how to do it yourself.
//
// A score change is a stage, and stages are composed with |, in the order in which they apply. Some are built in; any
// function float(float score, rapt::Coord c) is one too. Yours is compiled into the kernels: the loop over a tile's
// scores is vectorised around it, for each instruction set, by the compiler that you use anyway. What that is worth is
// seen when the same function can't be inlined.

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <rapt/rapt.hpp>
#include <string>
#include <vector>

namespace {

using rapt::Coord;
using rapt::Index;

// ---- what they do -------------------------------------------------------------------------------

/// The weights of the last query, in percent. With the identity for values, the output is the weights.
template <class Score> void show(const char* name, const Score& score) {
  const Index length = 8;
  const Eigen::MatrixXf q = Eigen::MatrixXf::Ones(length, 1);
  const Eigen::MatrixXf k = (Eigen::MatrixXf(length, 1) << 0, 3, 0, 0, 6, 0, 0, 0).finished();  // the scores
  const Eigen::MatrixXf v = Eigen::MatrixXf::Identity(length, length);
  Eigen::MatrixXf out(length, length);
  rapt::attention(rapt::view(q), rapt::view(k), rapt::view(v), rapt::view(out), score);
  std::printf("  %-34s", name);
  for (Index j = 0; j < length; ++j) std::printf("%6.1f", 100 * double(out(length - 1, j)));
  std::printf("\n");
}

void show_weights() {
  const float slope[] = {0.5f}, sink[] = {6};
  std::printf("Eight keys with the scores 0 3 0 0 6 0 0 0. How the last query's weights, in percent, change:\n\n");
  show("as they are", rapt::causal());
  show("softcap(3)", rapt::softcap(3) | rapt::causal());
  show("alibi, slope 1/2", rapt::alibi(slope) | rapt::causal());
  show("softcap(3) | alibi", rapt::softcap(3) | rapt::alibi(slope) | rapt::causal());
  show("alibi | softcap(3)", rapt::alibi(slope) | rapt::softcap(3) | rapt::causal());
  show("a sink of 6", rapt::sinks(sink) | rapt::causal());
  show(
      "your own: every other key at half",
      rapt::causal() | [](float s, Coord c) { return c.key % 2 == 0 ? s / 2 : s; });
  std::printf("\nThe order counts, and a sink takes weight that no key gets.\n\n");
}

// ---- what they cost -----------------------------------------------------------------------------

constexpr Index length = 1024, heads = 2, head_dim = 128;

struct Data {
  std::vector<float> q, k, v, out;
  Data() : q(static_cast<std::size_t>(heads * length * head_dim)), out(q.size()) {
    for (std::size_t i = 0; i < q.size(); ++i) q[i] = std::sin(0.37f * float(i % 9973));
    k = v = q;
  }
};

double seconds(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Milliseconds of attention with a score, the best of several; and its output.
template <class Score> double time_of(Data& data, const Score& score) {
  const auto view = [](std::vector<float>& x) { return rapt::bhsd(x.data(), 1, heads, length, head_dim); };
  auto plan = rapt::plan(view(data.q), view(data.k), view(data.v), view(data.out), score);
  double best = seconds([&] { plan.run(); });
  for (int i = 0; i < 10; ++i) best = std::min(best, seconds([&] { plan.run(); }));
  return 1e3 * best;
}

/// Distances as ALiBi has them, for one slope: once as a function that can be inlined, and once behind a pointer of
/// which the compiler knows nothing.
constexpr float slope = 0.03125f;
float by_distance(float s, Coord c) { return std::fma(-slope, static_cast<float>(std::abs(c.query - c.key)), s); }
float (*volatile hidden)(float, Coord) = by_distance;

bool show_costs() {
  const std::vector<float> slopes(heads, slope);
  Data plain, built_in, own, called;
  const double without = time_of(plain, rapt::causal());
  const double softcap = time_of(plain, rapt::softcap(50) | rapt::causal());
  const double alibi = time_of(built_in, rapt::alibi(slopes) | rapt::causal());
  const double inlined = time_of(own, [](float s, Coord c) { return by_distance(s, c); } | rapt::causal());
  const double by_pointer = time_of(called, [f = +hidden](float s, Coord c) { return f(s, c); } | rapt::causal());

  std::printf("Causal attention of %ld tokens, %ld heads of %ld, on one core (%s), milliseconds:\n\n", long(length),
              long(heads), long(head_dim), std::string(rapt::name(rapt::active_isa())).c_str());
  std::printf("  causal()                             %8.2f\n", without);
  std::printf("  softcap(50) | causal()               %8.2f  %+4.0f%%\n", softcap, 100 * (softcap / without - 1));
  std::printf("  alibi(slopes) | causal()             %8.2f  %+4.0f%%\n", alibi, 100 * (alibi / without - 1));
  std::printf("  your function | causal()             %8.2f  %+4.0f%%\n", inlined, 100 * (inlined / without - 1));
  std::printf("  the same, called by a pointer        %8.2f  %+4.0f%%\n", by_pointer, 100 * (by_pointer / without - 1));
  std::printf("\nThe last three are the same function, and give the same bits: %s.\n",
              own.out == built_in.out && called.out == built_in.out ? "yes" : "NO");
  return own.out == built_in.out && called.out == built_in.out;
}

}  // namespace

int main() {
  show_weights();
  return show_costs() ? 0 : 1;
}
