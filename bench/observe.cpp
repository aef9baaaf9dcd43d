// What looking at attention costs: each answer by itself, against attention of the same shape, run right before it, and
// the machine's limit.
//
//     rapt_observe_bench                               everything
//     rapt_observe_bench --benchmark_filter=mass       some of it
//
// One thread, float, head_dim 128. What is shown are medians. The counters:
//
//     of_peak        the fraction of the core's multiply-adds, of the products of queries and keys in all its passes
//     of_attention   its time over attention's
//     goal           what of_attention is meant to stay below: with values as wide as keys, a pass's products are half
#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"

namespace bench {
namespace {

/// A shape, and memory for every answer.
struct Case {
  Shape shape;
  Inputs<float> in;
  std::vector<float> lse, entropy, largest, probabilities, mass;
  std::vector<std::int32_t> keys;

  explicit Case(const Shape& s)
      : shape(s),
        in(s),
        lse(rows(s)),
        entropy(rows(s)),
        largest(rows(s)),
        probabilities(8 * rows(s)),
        mass(static_cast<std::size_t>(s.q_heads * s.kv_len)),
        keys(8 * rows(s)) {}

  static std::size_t rows(const Shape& s) { return static_cast<std::size_t>(s.q_heads * s.q_len); }
  rapt::Cube<float> of_rows(std::vector<float>& x) const { return rapt::bhs(x.data(), 1, shape.q_heads, shape.q_len); }
  rapt::LogSumExp<float> lse_view() { return rapt::lse_bhs(lse.data(), 1, shape.q_heads, shape.q_len); }
};

struct Asked {
  bool entropy, largest, top, mass, known;
  int passes;
  double goal;
};

rapt::Observation<float> into(Case& c, const Asked& a) {
  rapt::Observation<float> o;
  if (a.entropy) o.entropy = c.of_rows(c.entropy);
  if (a.largest) o.largest = c.of_rows(c.largest);
  if (a.top) {
    o.top_keys = rapt::bhsd(c.keys.data(), 1, c.shape.q_heads, c.shape.q_len, 8);
    o.top_probabilities = rapt::bhsd(c.probabilities.data(), 1, c.shape.q_heads, c.shape.q_len, 8);
  }
  if (a.mass) o.mass = rapt::bhs(c.mass.data(), 1, c.shape.q_heads, c.shape.kv_len);
  if (a.known) o.known_lse = c.lse_view();
  return o;
}

void observe(benchmark::State& state, const Shape& shape, const Asked& asked) {
  Case c(shape);
  const Limit<float> limit(rapt::active_isa());
  with_mask(shape, [&](const auto& mask) {
    rapt::Workspace workspace;
    auto attention = rapt::plan(c.in.q, c.in.k, c.in.v, c.in.out, mask, {.lse = c.lse_view()});
    const rapt::Observation<float> o = into(c, asked);
    const auto look = [&] { rapt::observe(c.in.q, c.in.k, o, mask, {.workspace = &workspace}); };
    attention.run();
    look();
    for (auto _ : state) {
      const double whole = seconds([&] { attention.run(); });
      const Run run = limit.around(look);
      state.SetIterationTime(run.seconds);
      state.counters["of_peak"] = run.fraction(operations(shape) / 2 * asked.passes);
      state.counters["of_attention"] = run.seconds / whole;
      state.counters["goal"] = asked.goal;
    }
  });
}

void add_case(const std::string& name, const Shape& shape, const Asked& asked) {
  add(name, 9, [=](benchmark::State& state) { observe(state, shape, asked); });
}

void add_all() {
  const std::pair<const char*, Shape> shapes[] = {{"full/n2048", square(2, 2, 128, 2048)},
                                                  {"causal/n2048", square(2, 2, 128, 2048, rapt::causal())},
                                                  {"window_256/n8192", square(1, 1, 128, 8192, rapt::window(256, 0))},
                                                  {"gqa_32_8/n512", square(32, 8, 128, 512, rapt::causal())}};
  for (const auto& [name, shape] : shapes) {
    const std::string where = std::string("/") + name;
    add_case("entropy" + where, shape, {true, false, false, false, true, 1, 0.65});
    add_case("largest" + where, shape, {false, true, false, false, true, 1, 0.6});
    add_case("top_8" + where, shape, {false, false, true, false, true, 1, 0.8});
    add_case("mass" + where, shape, {false, false, false, true, true, 1, 0.65});
    add_case("all, logsumexps unknown" + where, shape, {true, true, true, true, false, 3, 2});
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
