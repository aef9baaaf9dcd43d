// What a score change costs: attention with it over attention without, both causal, in turn and on one thread.
//
//     rapt_score_bench                               everything
//     rapt_score_bench --benchmark_filter=^bias      some of it
//
// head_dim 128, 2048 tokens, two heads, float unless it says otherwise. A repetition is a run between two of what it is
// compared with, and what is shown are medians. The counters:
//
//     cost          of its time over plain causal attention's, less 1
//     most          what cost is meant to stay below
//     over_alibi    the time of a function written by hand, over that of the library's stage with the same meaning: a
//                   function that the compiler didn't vectorise shows here
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <cstdio>
#include <string>
#include <vector>

#include "clock.hpp"
#include "inputs.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"

namespace bench {
namespace {

constexpr Index length = 2048, heads = 2;
constexpr Shape shape_of_all = square(heads, heads, 128, length, rapt::causal());

const Inputs<float>& inputs() {
  static const Inputs<float> all(shape_of_all);
  return all;
}

/// A plan with the stage before the mask.
template <class S> auto plan_of(const S& stage) {
  const Inputs<float>& in = inputs();
  return rapt::plan(in.q, in.k, in.v, in.out, stage | rapt::causal());
}

/// Once between two of the other. Returns its time over theirs.
template <class Plan, class Other> double run_between(benchmark::State& state, Plan& plan, Other& other) {
  const double before = seconds([&] { other.run(); });
  const double time = seconds([&] { plan.run(); });
  const double after = seconds([&] { other.run(); });
  state.SetIterationTime(time);
  return time / ((before + after) / 2);
}

/// One repetition.
template <class S> void run_over_plain(benchmark::State& state, const S& stage, double most) {
  auto plain = plan_of(rapt::Plain{});
  auto changed = plan_of(stage);
  changed.run();
  for (auto _ : state) state.counters["cost"] = run_between(state, changed, plain) - 1;
  if (most != 0) state.counters["most"] = most;
}
template <class S> void run_over_alibi(benchmark::State& state, const S& stage, const std::vector<float>& slopes) {
  auto alibi = plan_of(rapt::alibi(slopes));
  auto changed = plan_of(stage);
  changed.run();
  for (auto _ : state) state.counters["over_alibi"] = run_between(state, changed, alibi);
}

constexpr int repetitions = 15;

template <class S> void add_case(const std::string& name, const S& stage, double most = 0) {
  add(name, repetitions, [=](benchmark::State& state) { run_over_plain(state, stage, most); });
}

template <class K> std::vector<K> biases() {
  std::vector<K> all;
  for (const float x : numbers<float>(heads * length * length, 3)) all.push_back(static_cast<K>(x));
  return all;
}

void add_all() {
  // Static, as the cases refer to them.
  static const std::vector<float> slopes = rapt::alibi_slopes(heads), logits{-1, 2},
                                  table = numbers<float>(32 * heads, 4);
  static const std::vector<float> bias = biases<float>();
  static const std::vector<Eigen::bfloat16> narrow = biases<Eigen::bfloat16>();
  static const auto by_hand = [slope = slopes[0]](float s, rapt::Coord c) {
    return s + slope * static_cast<float>(c.key - c.query);
  };
  add_case("plain", rapt::Plain{});  // what is left of the differences between two runs
  add_case("softcap", rapt::softcap(50), 0.12);
  add_case("alibi", rapt::alibi(slopes), 0.04);
  add_case("scale_by_head", rapt::scale_by_head(slopes));
  add_case("bias/float", rapt::bias(rapt::bhsd(bias.data(), 1, heads, length, length)), 0.10);
  add_case("bias/bfloat16", rapt::bias(rapt::bhsd(narrow.data(), 1, heads, length, length)));
  add_case("bias/of_keys", rapt::bias(rapt::bhsd(bias.data(), 1, 1, 1, length)));
  add_case("relative_bias/t5",
           rapt::relative_bias(rapt::row_major(table.data(), 32, heads), rapt::T5Buckets{.bidirectional = false}));
  add_case("relative_bias/by_distance",
           rapt::relative_bias(rapt::row_major(bias.data(), heads, length), length - 1, 0));
  add_case("sinks", rapt::sinks(logits), 0.01);
  add_case("function", by_hand, 0.08);
  add("function/over_alibi", repetitions, [&](benchmark::State& state) { run_over_alibi(state, by_hand, slopes); });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
