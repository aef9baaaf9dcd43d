// How fast projections are, against the machine's limits measured right before and after each run, and against Eigen's
// product, compiled with whatever flags this file has.
//
//     rapt_linear_bench                                    everything
//     rapt_linear_bench --benchmark_filter=rows_1/         some of it
//     rapt_linear_bench --benchmark_filter=^q4_0           with weights that are kept narrower: half, bfloat16, int8, …
//     rapt_linear_bench_native --benchmark_filter=eigen    Eigen's best
//
// A repetition is one run, and what is shown are medians. The counters:
//
//     GFLOP/s       2 · rows · in · out operations
//     of_peak       the part of the peak of the best instruction set here, with as many threads
//     of_own_peak   the same for the instruction set in use, if it's another one
//     GB/s          weights read, once, as they are kept
//     of_reading    the part of the rate at which as many threads can read memory of the same size
//     of_float      of weights that are kept narrower: the speed, as a multiple of that of floats
//     goal          what of_peak (with few rows, of_reading; with another instruction set, of_own_peak) is meant to
//     reach
#include "rapt/linear/linear.hpp"

#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "threads.hpp"

namespace bench {
namespace {

struct Case {
  Index rows, in, out;
  double goal = 0;  // none
  std::optional<rapt::Isa> isa{};
  int threads = 1;

  double operations() const { return 2.0 * static_cast<double>(rows * in) * static_cast<double>(out); }
  /// Few rows are done before the weights have been read.
  bool reads() const { return rows <= 8; }
};

rapt::Isa best_isa() { return rapt::supported_isas().back(); }

template <class T> std::vector<T> numbers(Index count, std::uint64_t seed) {
  Numbers source(seed);
  std::vector<T> result(static_cast<std::size_t>(count));
  for (T& x : result) x = static_cast<T>(source.next());
  return result;
}

template <class T> using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T> struct Product {
  std::vector<T> x, weight, y;

  explicit Product(const Case& c)
      : x(numbers<T>(c.rows * c.in, 1)),
        weight(numbers<T>(c.in * c.out, 2)),
        y(static_cast<std::size_t>(c.rows * c.out)) {}
};

/// Memory as the packed weights have it, to be read and nothing else.
template <class T> class Reading {
 public:
  explicit Reading(Index count) : memory_(count * Index(sizeof(T))), count_(count) { std::fill_n(data(), count, T(1)); }
  double rate(rapt::Executor* executor) const { return ReadRate<T>(best_isa(), data(), count_).sample(executor); }

 private:
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }

  rapt::detail::LargeMemory memory_;
  Index count_;
};

void count_reading(benchmark::State& state, Index bytes, double time, double rate) {
  state.counters["GB/s"] = static_cast<double>(bytes) / time / 1e9;
  state.counters["of_reading"] = static_cast<double>(bytes) / time / rate;
}

/// One repetition of `work`, a product of the case's extents with so many bytes of weights. Returns its seconds.
template <class T, class Work>
double measure(benchmark::State& state, const Case& c, Index bytes, rapt::Executor* executor, Work&& work) {
  const Limit<T> best(best_isa(), executor), own(c.isa.value_or(rapt::active_isa()), executor);
  const Reading<T> reading(c.reads() ? bytes / Index(sizeof(T)) : 1);
  work();  // warm
  double time = 0;
  for (auto _ : state) {
    const double before = c.reads() ? reading.rate(executor) : 0;
    Run inner{};
    Run run = best.around([&] { inner = own.around(work); });
    run.seconds = inner.seconds;
    state.SetIterationTime(time = run.seconds);
    state.counters["GFLOP/s"] = c.operations() / run.seconds / 1e9;
    state.counters["of_peak"] = run.fraction(c.operations());
    if (c.isa.value_or(rapt::active_isa()) != best_isa())
      state.counters["of_own_peak"] = inner.fraction(c.operations());
    if (c.reads()) count_reading(state, bytes, run.seconds, std::max(before, reading.rate(executor)));
    if (c.goal != 0) state.counters["goal"] = c.goal;
  }
  return time;
}

template <class T> void project(benchmark::State& state, const Case& c) {
  Product<T> in(c);
  const rapt::Linear<T> linear(rapt::row_major<const T>(in.weight.data(), c.out, c.in));
  const Threads threads(c.threads);
  rapt::Workspace workspace;
  measure<T>(state, c, linear.bytes(), threads.executor(), [&] {
    linear(rapt::row_major<const T>(in.x.data(), c.rows, c.in), rapt::row_major(in.y.data(), c.rows, c.out),
           {.executor = threads.executor(), .workspace = &workspace, .isa = c.isa});
  });
}

/// The same with weights that are kept as W, next to floats.
template <class W> void project_kept(benchmark::State& state, const Case& c) {
  Product<float> in(c);
  const auto weight = rapt::row_major<const float>(in.weight.data(), c.out, c.in);
  const rapt::Linear<float> floats(weight);
  const rapt::Linear<float, W> narrow(weight);
  const Threads threads(c.threads);
  rapt::Workspace workspace;
  const auto run = [&](const auto& linear) {
    linear(rapt::row_major<const float>(in.x.data(), c.rows, c.in), rapt::row_major(in.y.data(), c.rows, c.out),
           {.executor = threads.executor(), .workspace = &workspace, .isa = c.isa});
  };
  const double time = measure<float>(state, c, narrow.bytes(), threads.executor(), [&] { run(narrow); });
  run(floats);
  state.counters["of_float"] = seconds([&] { run(floats); }) / time;
}

/// Queries, keys and values as four, one and one sixths of the outputs.
template <class T> void project_stacked(benchmark::State& state, const Case& c) {
  Product<T> in(c);
  const Index sixth = c.out / 6, first[] = {0, 4 * sixth, 5 * sixth}, width[] = {4 * sixth, sixth, sixth};
  const auto weight = [&](int i) {
    return rapt::row_major<const T>(&in.weight[std::size_t(first[i] * c.in)], width[i], c.in);
  };
  const auto y = [&](int i) { return rapt::row_major(&in.y[std::size_t(first[i] * c.rows)], c.rows, width[i]); };
  const rapt::Linear<T> linear({weight(0), weight(1), weight(2)});
  rapt::Workspace workspace;
  measure<T>(state, c, linear.bytes(), nullptr, [&] {
    linear(rapt::row_major<const T>(in.x.data(), c.rows, c.in), {y(0), y(1), y(2)}, {.workspace = &workspace});
  });
}

template <class T> void project_with_eigen(benchmark::State& state, const Case& c) {
  Product<T> in(c);
  const Eigen::Map<const RowMajor<T>> x(in.x.data(), c.rows, c.in), weight(in.weight.data(), c.out, c.in);
  Eigen::Map<RowMajor<T>> y(in.y.data(), c.rows, c.out);
  const Eigen::Map<const Eigen::VectorX<T>> x_vector(in.x.data(), c.in);
  Eigen::Map<Eigen::VectorX<T>> y_vector(in.y.data(), c.out);
  measure<T>(state, c, c.in * c.out * Index(sizeof(T)), nullptr, [&] {
    if (c.rows == 1)
      y_vector.noalias() = weight * x_vector;  // what it has a kernel of its own for
    else
      y.noalias() = x * weight.transpose();
    benchmark::ClobberMemory();
  });
}

constexpr int repetitions = 11;

template <class T = float> void add_case(const std::string& name, const Case& c) {
  add(name, repetitions, [c](benchmark::State& state) { project<T>(state, c); });
}

void add_many_rows() {
  add_case("rows_512/4096_4096", {512, 4096, 4096, 0.88});
  add_case("rows_64/4096_4096", {64, 4096, 4096});
  add_case("rows_16/4096_4096", {16, 4096, 4096});
  add_case("rows_512/11008_4096", {512, 11008, 4096});
  add_case("rows_512/768_768", {512, 768, 768});
  add_case<double>("double/rows_512/2048_2048", {512, 2048, 2048});
  for (rapt::Isa isa : rapt::supported_isas())
    if (isa != rapt::Isa::generic && isa != best_isa())
      add_case(std::string(name(isa)) + "/rows_512/4096_4096", {512, 4096, 4096, 0, isa});
}

void add_few_rows() {
  add_case("rows_1/4096_4096", {1, 4096, 4096, 0.85});
  for (Index rows : {2, 4, 6}) add_case("rows_" + std::to_string(rows) + "/4096_4096", {rows, 4096, 4096});
  add_case<double>("double/rows_1/4096_4096", {1, 4096, 4096});
}

void add_stacked() {
  const auto stacked = [](const Case& c) { return [c](benchmark::State& state) { project_stacked<float>(state, c); }; };
  add("qkv/rows_512/4096_6144", repetitions, stacked({512, 4096, 6144}));
  add("qkv/rows_1/4096_6144", repetitions, stacked({1, 4096, 6144}));
}

template <class W> void add_format(const std::string& format) {
  const auto add_kept = [&](const std::string& name, const Case& c) {
    add(format + name, repetitions, [c](benchmark::State& state) { project_kept<W>(state, c); });
  };
  add_kept("/rows_1/4096_4096", {1, 4096, 4096});
  add_kept("/rows_512/4096_4096", {512, 4096, 4096});
  if (cores() >= 2) add_kept("/threads_2/rows_1/4096_4096", {.rows = 1, .in = 4096, .out = 4096, .threads = 2});
}

void add_formats() {
  add_format<Eigen::half>("half");
  add_format<Eigen::bfloat16>("bfloat16");
  add_format<rapt::int8>("int8");
  add_format<rapt::q8_0>("q8_0");
  add_format<rapt::q5_0>("q5_0");
  add_format<rapt::q5_1>("q5_1");
  add_format<rapt::q4_0>("q4_0");
  add_format<rapt::q4_1>("q4_1");
}

void add_threads() {
  if (cores() < 2) return;
  add_case("threads_2/rows_512/4096_4096", {.rows = 512, .in = 4096, .out = 4096, .threads = 2});
  add_case("threads_2/rows_1/4096_4096", {.rows = 1, .in = 4096, .out = 4096, .goal = 0.85, .threads = 2});
}

void add_eigen() {
  for (const auto& [name, c] : {std::pair<const char*, Case>("eigen/rows_512/4096_4096", {512, 4096, 4096}),
                                std::pair<const char*, Case>("eigen/rows_16/4096_4096", {16, 4096, 4096}),
                                std::pair<const char*, Case>("eigen/rows_512/768_768", {512, 768, 768}),
                                std::pair<const char*, Case>("eigen/rows_1/4096_4096", {1, 4096, 4096})})
    add(name, repetitions, [c = c](benchmark::State& state) { project_with_eigen<float>(state, c); });
}

void add_all() {
  benchmark::AddCustomContext("rapt runs", std::string(name(rapt::active_isa())));  // throws if RAPT_ISA is wrong
  benchmark::AddCustomContext("Eigen runs", Eigen::SimdInstructionSetsInUse());
  add_many_rows();
  add_few_rows();
  add_stacked();
  add_threads();
  add_formats();
  add_eigen();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
