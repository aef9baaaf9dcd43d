// What it saves to read the common keys and values of several sequences once for all of them: cascade_attention()
// against attention to caches that hold all of each sequence's, in turns.
//
//     rapt_cascade_bench
//
// Llama 3 8B's heads: 32 query heads, 8 key/value heads, head_dim 128, float; one query a sequence, 128 keys of its
// own. What is shown are medians. The counters:
//
//     saving      the time of the plain way over that of the cascade
//     us_plain    microseconds of the plain way, a layer
//     us_cascade  and of the cascade
#include "rapt/state/cascade.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "clock.hpp"
#include "inputs.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"
#include "threads.hpp"

namespace bench {
namespace {

constexpr Index q_heads = 32, kv_heads = 8, head_dim = 128, own = 128;

std::vector<float> numbers(Index count) {
  std::vector<float> x(static_cast<std::size_t>(count));
  Numbers next(1);
  for (float& number : x) number = static_cast<float>(next.next());
  return x;
}

void decode(benchmark::State& state, Index sequences, Index common, int thread_count) {
  const std::vector<float> rows = numbers((common + own) * kv_heads * head_dim),
                           q = numbers(sequences * q_heads * head_dim);
  std::vector<float> out(q.size());
  const auto part = [&](Index first, Index count) {
    return rapt::bshd(rows.data() + first * kv_heads * head_dim, 1, count, kv_heads, head_dim);
  };
  rapt::KvCache<float> whole(
      {.sequences = sequences, .kv_heads = kv_heads, .capacity = common + own, .head_dim = head_dim}),
      own_cache({.sequences = sequences, .kv_heads = kv_heads, .capacity = own, .head_dim = head_dim});
  for (Index s = 0; s < sequences; ++s) {
    whole.append(s, part(0, common + own), part(0, common + own));
    own_cache.append(s, part(common, own), part(common, own));
  }
  const auto q_view = rapt::bshd(q.data(), sequences, 1, q_heads, head_dim);
  const auto out_view = rapt::bshd(out.data(), sequences, 1, q_heads, head_dim);
  const Threads threads(thread_count);
  rapt::Workspace workspace;
  rapt::CascadeMemory memory;
  const auto plain = [&] {
    rapt::attention(q_view, whole, out_view, rapt::causal(), {.executor = threads.executor(), .workspace = &workspace});
  };
  const auto cascade = [&] {
    rapt::cascade_attention(q_view, part(0, common), part(0, common), own_cache, out_view, rapt::causal(),
                            {.executor = threads.executor(), .memory = &memory});
  };
  plain();
  cascade();
  for (auto _ : state) {
    const double slow = seconds(plain), fast = seconds(cascade);
    state.SetIterationTime(fast);
    state.counters["saving"] = slow / fast;
    state.counters["us_plain"] = slow * 1e6;
    state.counters["us_cascade"] = fast * 1e6;
  }
}

void add_all() {
  const int threads = std::min(cores(), 2);
  for (const Index sequences : {4, 16, 64})
    for (const Index common : {1024, 8192}) {
      if (sequences == 64 && common == 8192) continue;  // the plain way would take 4 GiB
      add("threads_" + std::to_string(threads) + "/sequences_" + std::to_string(sequences) + "/common_" +
              std::to_string(common),
          7, [=](benchmark::State& state) { decode(state, sequences, common, threads); });
    }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
