// How fast rotary embeddings are applied in place, against reading and writing the same memory, measured right before
// and after each run; and what they add to a prefill, where keys are turned while they are stored and queries while
// they are packed.
//
//     rapt_rope_bench                                  everything
//     rapt_rope_bench --benchmark_filter=^llama3       some of it
//
// A repetition is one run, and what is shown are medians. The counters:
//
//     GB/s        elements read and written
//     of_limit    the part of what a loop that multiplies every element in place gets from the same memory
//     Mangle/s    cosines and sines computed, for tables: millions of pairs a second
//     of_attention  the time that turning adds to storing keys and to attention, of attention's without it; the two
//                   are from_keys and from_queries, and goal is what their sum is meant to stay under
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "clock.hpp"
#include "inputs.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"

#define RAPT_EACH_REGION "update-inl.hpp"
#include "rapt/isa/each_region.hpp"

namespace bench {
namespace {

namespace rope = rapt::rope;

struct Case {
  Index heads, length;
  Layout layout = Layout::bshd;
  rope::Pairing pairing = rope::Pairing::half;
  rapt::Isa isa = rapt::active_isa();
};

constexpr Index head_dim = 128;

/// Seconds that one pass of multiplying every element takes: the best of a few.
double update_seconds(std::vector<float>& memory, int passes) {
  const rapt::Isa isa = rapt::supported_isas().back();
  const auto update = RAPT_OF_REGION(isa, updater<float>());
  float* volatile hidden = memory.data();  // what is read from a volatile, the compiler can't follow
  volatile float one = 1;
  double best = 1e9;
  for (int burst = 0; burst < 3; ++burst)
    best = std::min(best, seconds([&] {
                      for (int i = 0; i < passes; ++i) update(hidden, static_cast<Index>(memory.size()), one);
                    }));
  return best / passes;
}

/// One repetition. What fits a cache is gone through as often as makes a millisecond or so.
void rotate(benchmark::State& state, const Case& c) {
  std::vector<float> memory = numbers<float>(c.heads * c.length * head_dim, 1);
  rope::Spec spec = rope::llama3(head_dim);
  spec.pairing = c.pairing;
  const rope::Table<float> table(spec, c.length);
  const rapt::View<float> x = view_in(c.layout, memory.data(), c.heads, c.length, head_dim);
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(memory.size());
  const int passes = std::max(1, static_cast<int>(6e7 / bytes));
  rope::rotate(x, table, {.isa = c.isa});  // warm
  for (auto _ : state) {
    const double before = update_seconds(memory, passes);
    const double time = seconds([&] {
                          for (int i = 0; i < passes; ++i) rope::rotate(x, table, {.isa = c.isa});
                        }) /
                        passes;
    const double after = update_seconds(memory, passes);
    state.SetIterationTime(time);
    state.counters["GB/s"] = bytes / time / 1e9;
    state.counters["of_limit"] = (before + after) / 2 / time;
  }
}

/// Seconds of each, the one and the other in turn, first to last and back: what drifts meanwhile is in both alike.
template <class One, class Other> std::pair<double, double> in_turn(One&& one, Other&& other) {
  const double first = seconds(one), second = seconds(other);
  const double third = seconds(other), fourth = seconds(one);
  return {(first + fourth) / 2, (second + third) / 2};
}

/// One repetition: a prompt goes into an empty cache, then all of its queries attend, each with and without turning.
void prefill(benchmark::State& state, Index q_heads, Index kv_heads, Index length) {
  const Inputs<float> in(square(q_heads, kv_heads, head_dim, length, rapt::causal()), Layout::bshd);
  const rope::Table<float> table(rope::llama3(head_dim), length);
  rapt::KvCache<float> cache({.kv_heads = kv_heads, .capacity = length, .head_dim = head_dim});
  rapt::Workspace workspace;
  const auto append = [&](const rope::Table<float>* rope) {
    cache.truncate(0, 0);
    cache.append(in.k, in.v, {.rope = rope});
  };
  const auto attend = [&](const rope::Table<float>* rope) {
    rapt::attention(in.q, cache, in.out, rapt::causal(), {.rope = rope, .workspace = &workspace});
  };
  append(&table);  // warm
  attend(&table);
  for (auto _ : state) {
    const auto [keys, turned_keys] = in_turn([&] { append(nullptr); }, [&] { append(&table); });
    const auto [queries, turned_queries] = in_turn([&] { attend(nullptr); }, [&] { attend(&table); });
    state.SetIterationTime(turned_queries);
    state.counters["from_keys"] = (turned_keys - keys) / queries;
    state.counters["from_queries"] = (turned_queries - queries) / queries;
    state.counters["of_attention"] = (turned_keys - keys + turned_queries - queries) / queries;
    state.counters["goal"] = 0.03;
  }
}

void make_table(benchmark::State& state, Index length) {
  const rope::Spec spec = rope::llama3(head_dim);
  for (auto _ : state) {
    Index rows = 0;
    const double time = seconds([&] { rows = rope::Table<float>(spec, length).rows(); });
    state.SetIterationTime(time);
    state.counters["Mangle/s"] = static_cast<double>(rows * spec.pairs()) / time / 1e6;
  }
}

constexpr int repetitions = 11;

void add_case(const std::string& name, const Case& c) {
  add(name, repetitions, [c](benchmark::State& state) { rotate(state, c); });
}

void add_all() {
  benchmark::AddCustomContext("rapt runs", std::string(name(rapt::active_isa())));
  for (const auto& [pairing, pairing_name] :
       {std::pair(rope::Pairing::half, "half"), {rope::Pairing::interleaved, "interleaved"}}) {
    const std::string tail = std::string("/") + pairing_name;
    add_case("llama3/q32_x_2048/bshd" + tail, {32, 2048, Layout::bshd, pairing});
    add_case("llama3/k8_x_2048/bshd" + tail, {8, 2048, Layout::bshd, pairing});
    add_case("llama3/k8_x_2048/bhsd" + tail, {8, 2048, Layout::bhsd, pairing});
    add_case("cached/8_x_64/bshd" + tail, {8, 64, Layout::bshd, pairing});
    add_case("decode/32_x_1" + tail, {32, 1, Layout::bshd, pairing});
    for (rapt::Isa isa : rapt::supported_isas())
      add_case(std::string(rapt::name(isa)) + "/8_x_64/bshd" + tail, {8, 64, Layout::bshd, pairing, isa});
  }
  add("prefill/32_8_x_2048", repetitions, [](benchmark::State& state) { prefill(state, 32, 8, 2048); });
  add("table/131072_x_64", repetitions, [](benchmark::State& state) { make_table(state, 131072); });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
