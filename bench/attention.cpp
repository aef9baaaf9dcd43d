// How fast attention is, against the machine's limit measured right before and after each run.
//
//     rapt_bench                                    everything but the long one
//     rapt_bench --benchmark_filter=^causal         some of it
//     rapt_bench --long                             with 131,072 tokens
//     rapt_bench --benchmark_format=json            for programs
//
// A repetition is one run, and what is shown are medians. The counters:
//
//     GFLOP/s       operations on attended pairs of queries and keys: 2 · (head_dim + value_dim) each
//     of_peak       the part of the peak of the best instruction set here, with as many threads
//     of_own_peak   the same for the instruction set in use, if it's another one
//     goal          what of_peak (with another instruction set, of_own_peak) is meant to reach
//     speed-up      over one thread
//     GB/s          keys and values read, each counted once
//     of_limit      the shortest time that the peak and the reading of keys and values allow, over the time taken
//     workspace     bytes
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "naive_eigen.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"
#include "shapes.hpp"
#include "threads.hpp"

namespace bench {
namespace {

struct Case {
  Shape shape;
  double goal = 0;  // none
  Layout layout = Layout::bhsd;
  std::optional<rapt::Isa> isa{};
  int threads = 1;
};

rapt::Isa best_isa() { return rapt::supported_isas().back(); }

void count_work(benchmark::State& state, const Case& c, const Run& run, double own_peak) {
  const double work = operations(c.shape);
  state.counters["GFLOP/s"] = work / run.seconds / 1e9;
  state.counters["of_peak"] = run.fraction(work);
  if (c.isa.value_or(rapt::active_isa()) != best_isa()) state.counters["of_own_peak"] = work / run.seconds / own_peak;
  if (c.goal != 0) state.counters["goal"] = c.goal;
}

/// With few queries, the memory may be the limit.
template <class T>
void count_reading(benchmark::State& state, const Case& c, const Inputs<T>& in, const Run& run,
                   rapt::Executor* executor) {
  const double bytes = static_cast<double>(kv_elements(c.shape)) * sizeof(T);
  const double rate = ReadRate<T>(best_isa(), in.kv().data(), kv_elements(c.shape)).sample(executor);
  state.counters["GB/s"] = bytes / run.seconds / 1e9;
  state.counters["of_limit"] = std::max(operations(c.shape) / run.peak, bytes / rate) / run.seconds;
}

/// One repetition.
template <class T> void attend(benchmark::State& state, const Case& c) {
  const Inputs<T> in(c.shape, c.layout);
  const Threads threads(c.threads);
  const Limit<T> best(best_isa(), threads.executor()), own(c.isa.value_or(rapt::active_isa()), threads.executor());
  with_mask(c.shape, [&](auto mask) {
    auto plan = rapt::plan(in.q, in.k, in.v, in.out, mask, {.executor = threads.executor(), .isa = c.isa});
    auto alone = rapt::plan(in.q, in.k, in.v, in.out, mask, {.isa = c.isa});
    // Once before it counts, so that no memory is touched for the first time; but not if that takes most of a minute.
    if (c.shape.q_len < 100'000) plan.run();
    if (c.threads > 1) alone.run();
    for (auto _ : state) {
      Run inner{};
      Run run = best.around([&] { inner = own.around([&] { plan.run(); }); });
      run.seconds = inner.seconds;
      state.SetIterationTime(run.seconds);
      count_work(state, c, run, inner.peak);
      if (c.threads > 1) state.counters["speed-up"] = seconds([&] { alone.run(); }) / run.seconds;
      if (c.shape.q_len < 64) count_reading(state, c, in, run, threads.executor());
    }
    state.counters["workspace"] = static_cast<double>(plan.workspace_bytes());
  });
}

template <class T> void attend_naively(benchmark::State& state, const Case& c) {
  const Inputs<T> in(c.shape);
  const Limit<T> best(best_isa());
  naive_attention(c.shape, in);  // warm
  for (auto _ : state) {
    const Run run = best.around([&] { naive_attention(c.shape, in); });
    state.SetIterationTime(run.seconds);
    state.counters["GFLOP/s"] = operations(c.shape) / run.seconds / 1e9;
    state.counters["of_peak"] = run.fraction(operations(c.shape));
  }
}

constexpr int usual_repetitions = 11;

template <class T = float> void add_case(const std::string& name, const Case& c, int repetitions = usual_repetitions) {
  add(name, repetitions, [c](benchmark::State& state) { attend<T>(state, c); });
}

template <class T = float> void add_naive(const std::string& name, const Shape& shape) {
  add(name, 5, [shape](benchmark::State& state) { attend_naively<T>(state, {.shape = shape}); });
}

constexpr Shape full_1024 = square(8, 8, 128, 1024);
constexpr Shape causal_1024 = square(8, 8, 128, 1024, rapt::causal());

void add_prefill() {
  add_case("full/d128/n1024", {.shape = full_1024, .goal = 0.91});
  add_case("full/d128/n4096", {.shape = square(2, 2, 128, 4096), .goal = 0.93});
  add_case("full/d64/n1024", {.shape = square(12, 12, 64, 1024), .goal = 0.86});
  add_case("causal/d128/n1024", {.shape = causal_1024, .goal = 0.86});
  add_case("causal/d128/n4096", {.shape = square(2, 2, 128, 4096, rapt::causal()), .goal = 0.90});
  add_case("window_1023/d128/n4096", {.shape = square(2, 2, 128, 4096, shape::sliding(1024))});
  add_case("gqa_32_8/full/d128/n512", {.shape = square(32, 8, 128, 512), .goal = 0.88});
  add_case<double>("double/full/d128/n1024", {.shape = full_1024, .goal = 0.85});
}

void add_isas() {
  for (rapt::Isa isa : rapt::supported_isas()) {
    // Without a fused multiply-add of the CPU's, one of the C library is called for each: some hundred times slower.
    const bool slow = isa == rapt::Isa::generic;
    const double goal = isa == rapt::Isa::avx2 ? 0.87 : 0;
    const Shape shape = slow ? square(1, 1, 128, 256) : full_1024;
    add_case(std::string(name(isa)) + "/full/d128/n" + std::to_string(shape.q_len),
             {.shape = shape, .goal = goal, .isa = isa});
  }
}

void add_layouts() {
  add_case("layout_bhsd/full/d128/n1024", {.shape = full_1024, .layout = Layout::bhsd});
  add_case("layout_bshd/full/d128/n1024", {.shape = full_1024, .layout = Layout::bshd});
  add_case("layout_sbhd/full/d128/n1024", {.shape = full_1024, .layout = Layout::sbhd});
  add_case("layout_bhds/full/d128/n1024", {.shape = full_1024, .layout = Layout::bhds});
}

/// What vision, text and image models ask for: many short sequences, or few keys of a text for all pixels.
void add_short() {
  constexpr Index heads = 8 * 12;  // batch 8, 12 heads
  add_case("short/full/d64/n197", {.shape = square(heads, heads, 64, 197), .goal = 0.80});
  add_case("short/full/d64/n128", {.shape = square(heads, heads, 64, 128), .goal = 0.80});
  add_case("short/causal/d64/n77", {.shape = square(heads, heads, 64, 77, rapt::causal()), .goal = 0.45});
  add_case("short/full/d40/4096_x_77", {.shape = {2 * 8, 2 * 8, 4096, 77, 40, 40, {}}, .goal = 0.72});
}

void add_few_queries() {
  for (Index queries : {1, 4, 16})
    add_case("few/" + std::to_string(queries) + "_x_8192/gqa_32_8/d128",
             {.shape = {32, 8, queries, 8192, 128, 128, rapt::causal()}});
}

void add_threads() {
  std::vector<int> counts;
  if (cores() >= 2) counts.push_back(2);
  if (cores() > 2) counts.push_back(cores());
  for (int count : counts) {
    const std::string prefix = "threads_" + std::to_string(count);
    add_case(prefix + "/full/d128/n1024", {.shape = full_1024, .threads = count});
    add_case(prefix + "/causal/d128/n1024", {.shape = causal_1024, .threads = count});
    add_case(prefix + "/few/1_x_8192/gqa_32_8/d128", {.shape = {32, 8, 1, 8192, 128, 128, {}}, .threads = count});
  }
}

void add_naive_eigen() {
  add_naive("naive_eigen/full/d128/n1024", full_1024);
  add_naive("naive_eigen/causal/d128/n1024", causal_1024);
  add_naive<double>("naive_eigen/double/full/d128/n1024", full_1024);
}

void add_long() { add_case("long/causal/d128/n131072", {.shape = shape::one_head(131'072)}, 1); }

void describe_peak(rapt::Isa isa) {
  char text[80];
  std::snprintf(text, sizeof text, "%.1f GFLOP/s in float, %.1f in double, on one core",
                Peak<float>(isa).sample() / 1e9, Peak<double>(isa).sample() / 1e9);
  benchmark::AddCustomContext("peak of " + std::string(name(isa)), text);
}

void add_all() {
  benchmark::AddCustomContext("rapt runs", std::string(name(rapt::active_isa())));  // throws if RAPT_ISA is wrong
  for (rapt::Isa each : rapt::supported_isas()) describe_peak(each);
  add_prefill();
  add_isas();
  add_layouts();
  add_short();
  add_few_queries();
  add_threads();
  add_naive_eigen();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bool with_long = bench::take(argc, argv, "--long");
  return bench::run(argc, argv, [=] {
    bench::add_all();
    if (with_long) bench::add_long();
  });
}
