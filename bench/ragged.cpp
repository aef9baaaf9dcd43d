// How fast a ragged batch is, against one sequence of the same work, in turns with it: packed sequences of many lengths
// in one call, their work dealt out by the actual lengths.
//
//     of_peak   the part of the peak of the best instruction set here, with as many threads
//     of_one    of_peak over that of the one sequence, run right after it
//     apart     the time of the same work in two calls, prompts and steps, over that of one
//     goal      what of_one is meant to reach
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"
#include "shapes.hpp"
#include "threads.hpp"

namespace bench {
namespace {

constexpr Index heads = 2, dim = 128;

using Lengths = std::vector<Index>;

/// Fifty lengths from 1 to 4096, as many short as long ones by their logarithms, in no order.
Lengths fifty() {
  Lengths found(50);
  for (std::size_t i = 0; i < found.size(); ++i)
    found[i * 17 % found.size()] = std::lround(std::pow(4096.0, static_cast<double>(i) / 49.0));
  return found;
}
/// One long sequence among fifty short ones.
Lengths skewed() {
  Lengths found(51);
  for (std::size_t i = 0; i < found.size(); ++i) found[i] = 1 + static_cast<Index>(i * 23 % 64);
  found[20] = 4096;
  return found;
}

double pairs(Index length) { return 0.5 * static_cast<double>(length) * static_cast<double>(length + 1); }
double pairs(const Lengths& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), 0.0, [](double sum, Index n) { return sum + pairs(n); });
}
double operations_of(const Lengths& lengths) { return 4.0 * heads * dim * pairs(lengths); }

std::vector<Index> offsets_of(const Lengths& lengths) {
  std::vector<Index> offsets = {0};
  for (const Index length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

/// Packed queries, keys, values and outputs.
struct Packed {
  std::vector<Index> offsets;
  Index length = offsets.back();
  std::vector<float> q = numbers<float>(length * heads * dim, 1), k = numbers<float>(length * heads * dim, 2),
                     v = numbers<float>(length * heads * dim, 3), out = q;

  auto ragged(std::vector<float>& x) { return rapt::packed(rapt::bshd(x.data(), 1, length, heads, dim), offsets); }
  auto plan(rapt::Executor* executor) {
    return rapt::plan(ragged(q), ragged(k), ragged(v), ragged(out), rapt::causal(), {.executor = executor});
  }
};

void attend(benchmark::State& state, const Lengths& lengths, int thread_count) {
  const Lengths one = {std::lround(std::sqrt(2 * pairs(lengths)))};
  Packed many{offsets_of(lengths)}, single{offsets_of(one)};
  const Threads threads(thread_count);
  const Limit<float> limit(rapt::supported_isas().back(), threads.executor());
  auto ragged = many.plan(threads.executor()), alone = single.plan(threads.executor());
  ragged.run();
  for (auto _ : state) {
    const Run run = limit.around([&] { ragged.run(); }), other = limit.around([&] { alone.run(); });
    state.SetIterationTime(run.seconds);
    state.counters["GFLOP/s"] = operations_of(lengths) / run.seconds / 1e9;
    state.counters["of_peak"] = run.fraction(operations_of(lengths));
    state.counters["of_one"] = run.fraction(operations_of(lengths)) / other.fraction(operations_of(one));
    state.counters["goal"] = 0.9;
  }
}

/// A prompt of a thousand tokens beside a token each of 31 sequences that decode, in one call over a cache, and in two.
void serve(benchmark::State& state, int thread_count) {
  const Index prompt = 1000, before = 2000, sequences = 32, q_heads = 8, kv_heads = 2;
  std::vector<std::int32_t> offsets = {0, static_cast<std::int32_t>(prompt)};
  while (static_cast<Index>(offsets.size()) <= sequences) offsets.push_back(offsets.back() + 1);
  rapt::KvCache<float> cache({sequences, kv_heads, before, dim});
  const std::vector<float> rows = numbers<float>(before * kv_heads * dim, 1);
  for (Index s = 0; s < sequences; ++s) {
    const auto view = rapt::bshd(rows.data(), 1, s == 0 ? prompt : before, kv_heads, dim);
    cache.append(s, view, view);
  }
  const std::vector<float> q = numbers<float>(offsets.back() * q_heads * dim, 2);
  std::vector<float> out(q.size());
  const auto some = [&](auto* data, Index batch, Index length) {
    return rapt::bshd(data, batch, length, q_heads, dim);
  };
  const Threads threads(thread_count);
  const rapt::Options<float> options{.executor = threads.executor()};
  auto together = rapt::plan(rapt::packed(some(q.data(), 1, offsets.back()), offsets), cache,
                             rapt::packed(some(out.data(), 1, offsets.back()), offsets), rapt::causal(), options);
  const Index step = prompt * q_heads * dim;
  auto prefill =
      rapt::plan(some(q.data(), 1, prompt), cache.view(0), some(out.data(), 1, prompt), rapt::causal(), options);
  auto decode = rapt::plan(some(q.data() + step, sequences - 1, 1), cache.view(1, sequences - 1),
                           some(out.data() + step, sequences - 1, 1), rapt::causal(), options);
  together.run();
  for (auto _ : state) {
    const double one = seconds([&] { together.run(); });
    const double two = seconds([&] {
      prefill.run();
      decode.run();
    });
    state.SetIterationTime(one);
    state.counters["apart"] = two / one;
  }
}

void add_all() {
  for (const int threads : {1, 2}) {
    if (threads > cores()) continue;
    const std::string name = "threads_" + std::to_string(threads);
    add(name + "/fifty_1_to_4096", 7, [=](benchmark::State& state) { attend(state, fifty(), threads); });
    add(name + "/4096_and_fifty_short", 7, [=](benchmark::State& state) { attend(state, skewed(), threads); });
    add(name + "/prompt_and_31_steps", 7, [=](benchmark::State& state) { serve(state, threads); });
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
