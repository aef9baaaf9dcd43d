// Prints one line for each benchmark: the median of its repetitions.
#pragma once

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

/// Google Benchmark's own console writes 0.91 as 910m and 103 as 0.103k, and four lines for each benchmark.
class Medians final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override {
    PrintBasicContext(&GetErrorStream(), context);
    std::printf("%-40s %12s   %s\n", "benchmark (medians)", "time", "counters (explained in the benchmark's source)");
    std::puts(std::string(110, '-').c_str());
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (runs.size() == 1 || run.aggregate_name == "median") print(run);
    std::fflush(stdout);
  }

 private:
  static void print(const Run& run) {
    std::printf("%-40s %9.3f ms  ", run.run_name.function_name.c_str(), run.GetAdjustedRealTime());
    for (const auto& [name, counter] : run.counters) {
      // Three digits: whole numbers stay whole.
      const double value = counter.value;
      const int decimals = value == std::floor(value) ? 0 : value < 10 ? 3 : 1;
      std::printf(" %s=%.*f", name.c_str(), decimals, value);
    }
    std::puts("");
  }
};

}  // namespace bench
