// What the benchmark programs have in common: their cases, one repetition each time, and their main().
//
//     --benchmark_filter=^causal       some of the cases
//     --benchmark_format=json          for programs
//     --benchmark_list_tests=true      their names
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "medians.hpp"

namespace bench {

/// Adds a case. `body` is one repetition, which says how long it took; several are shown by their median.
inline void add(const std::string& name, int repetitions, std::function<void(benchmark::State&)> body) {
  benchmark::RegisterBenchmark(name.c_str(), std::move(body))
      ->Iterations(1)
      ->Repetitions(repetitions)
      ->ReportAggregatesOnly(repetitions > 1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

/// Whether the argument was there; takes it out.
inline bool take(int& argc, char** argv, const char* argument) {
  char** const end = argv + argc;
  char** const rest = std::remove_if(argv + 1, end, [&](const char* a) { return std::strcmp(a, argument) == 0; });
  argc = static_cast<int>(rest - argv);
  return rest != end;
}

/// The main() of a benchmark program: runs what `add_all` adds. What cases refer to has to outlive `add_all`.
inline int run(int argc, char** argv, const std::function<void()>& add_all) {
  try {
    const auto is_format = [](const char* a) { return std::strncmp(a, "--benchmark_format", 18) == 0; };
    const bool other_format = std::any_of(argv + 1, argv + argc, is_format);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    add_all();
    Medians medians;
    benchmark::RunSpecifiedBenchmarks(other_format ? nullptr : &medians);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

}  // namespace bench
