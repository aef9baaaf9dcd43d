// How fast attention of 16-bit elements is: against the limit of what it is computed in, measured right before and
// after each run, and against the same call of floats.
//
//     rapt_narrow_bench                                    everything
//     rapt_narrow_bench --benchmark_filter=^bfloat16/full  some of it
//
// bfloat16 is computed by multiply-adds of depth 2; bfloat16_exact and half are widened and computed in float. A
// repetition is one run, and what is shown are medians. The counters:
//
//     GFLOP/s     operations on attended pairs of queries and keys: 2 · (head_dim + value_dim) each
//     of_peak     the part of the peak: of the bfloat16 dot product for depth 2, otherwise of float's multiply-adds
//     goal        what that is meant to reach
//     of_float    the speed, as a multiple of that of the same call of floats
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <string>
#include <type_traits>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"
#include "shapes.hpp"

namespace bench {
namespace {

struct Case {
  Shape shape;
  double goal = 0;  // none
  rapt::Arithmetic arithmetic = rapt::Arithmetic::automatic;
};

template <class T> Limit<float> limit_of(const Case& c) {
  const bool pairs = std::is_same_v<T, Eigen::bfloat16> && c.arithmetic == rapt::Arithmetic::automatic;
  return Limit<float>(pairs ? pair_loops(rapt::active_isa()) : loops<float>(rapt::active_isa()));
}

/// One repetition.
template <class T> void attend(benchmark::State& state, const Case& c) {
  const Inputs<T> in(c.shape);
  const Inputs<float> floats(c.shape);
  const Limit<float> limit = limit_of<T>(c);
  with_mask(c.shape, [&](auto mask) {
    auto plan = rapt::plan(in.q, in.k, in.v, in.out, mask, {.arithmetic = c.arithmetic});
    auto of_floats = rapt::plan(floats.q, floats.k, floats.v, floats.out, mask);
    plan.run();
    of_floats.run();
    for (auto _ : state) {
      const Run run = limit.around([&] { plan.run(); });
      state.SetIterationTime(run.seconds);
      state.counters["GFLOP/s"] = operations(c.shape) / run.seconds / 1e9;
      state.counters["of_peak"] = run.fraction(operations(c.shape));
      state.counters["of_float"] = seconds([&] { of_floats.run(); }) / run.seconds;
      if (c.goal != 0) state.counters["goal"] = c.goal;
    }
  });
}

template <class T> void add_case(const std::string& name, const Case& c) {
  add(name, 11, [c](benchmark::State& state) { attend<T>(state, c); });
}

/// The goals are those of depth 2, on a CPU that has its instruction.
template <class T> void add_prefill(const std::string& name, rapt::Arithmetic arithmetic, bool with_goals) {
  const auto goal = [=](double of_peak) { return with_goals ? of_peak : 0; };
  const rapt::Band causal = rapt::causal();
  add_case<T>(name + "/full/d128/n2048", {square(4, 4, 128, 2048), goal(0.84), arithmetic});
  add_case<T>(name + "/full/d128/n1024", {square(8, 8, 128, 1024), goal(0.80), arithmetic});
  add_case<T>(name + "/full/d64/n1024", {square(12, 12, 64, 1024), goal(0.77), arithmetic});
  add_case<T>(name + "/causal/d128/n2048", {square(4, 4, 128, 2048, causal), goal(0.79), arithmetic});
  add_case<T>(name + "/causal/d128/n1024", {square(8, 8, 128, 1024, causal), 0, arithmetic});
  add_case<T>(name + "/full/d64/n197", {square(96, 96, 64, 197), 0, arithmetic});
}

void add_all() {
  benchmark::AddCustomContext("rapt runs", std::string(name(rapt::active_isa())));
  add_prefill<Eigen::bfloat16>("bfloat16", rapt::Arithmetic::automatic, true);
  add_prefill<Eigen::bfloat16>("bfloat16_exact", rapt::Arithmetic::exact, false);
  add_prefill<Eigen::half>("half", rapt::Arithmetic::automatic, false);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
