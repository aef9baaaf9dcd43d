// How fast few queries attend to many keys, as when decoding, against the machine's limit measured right before and
// after each run: reading the same memory with as many threads.
//
//     rapt_decode_bench                                  everything
//     rapt_decode_bench --benchmark_filter=bfloat16      some of it
//
// Llama 3 8B's heads: 32 query heads, 8 key/value heads, head_dim 128; one sequence unless it says how many. A
// repetition is a step of each of several layers, so that what was read last time has left the caches again. What is
// shown are medians. The counters:
//
//     GB/s        keys and values read, each counted once
//     of_limit    the shortest time that reading keys and values, and the peak, allow, over the time taken; of codes,
//                 which are multiplied as integers, that reading allows
//     goal        what of_limit is meant to reach
//     us_a_step   microseconds for all sequences of one layer
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"
#include "threads.hpp"

namespace bench {
namespace {

constexpr Index q_heads = 32, kv_heads = 8, head_dim = 128;

struct Case {
  Index keys;
  double goal = 0;  // none
  Index queries = 1;
  Index sequences = 1;
  int threads = 2;
};

/// Keys and values of one layer: a cache, or a caller's rows.
template <class K> struct Cached {
  rapt::KvCache<K> cache;

  explicit Cached(const Case& c)
      : cache({.sequences = c.sequences, .kv_heads = kv_heads, .capacity = c.keys, .head_dim = head_dim}) {
    std::vector<float> rows(static_cast<std::size_t>(kv_heads * head_dim) * 64);
    Numbers numbers(1);
    for (float& x : rows) x = static_cast<float>(numbers.next());
    for (Index s = 0; s < c.sequences; ++s)
      for (Index at = 0; at < c.keys; at += 64) {
        const auto view = rapt::bshd(rows.data(), 1, std::min<Index>(64, c.keys - at), kv_heads, head_dim);
        cache.append(s, view, view);
      }
  }
  void attend(const rapt::View<const float>& q, const rapt::View<float>& out,
              const rapt::Options<float>& options) const {
    rapt::attention(q, cache, out, rapt::causal(), options);
  }
  const float* data() const { return reinterpret_cast<const float*>(cache.view().kv.keys); }
  Index bytes() const { return cache.bytes(); }
};

/// The same in pages of a pool, which the sequences took in turns: none stands beside its neighbour. (Of one sequence,
/// every other page belongs to another one, which nobody attends to.)
template <class K, Index page_size> struct Pooled {
  rapt::PagePool<K> pool;
  rapt::PagedCache<K> cache, others;

  explicit Pooled(const Case& c)
      : pool({.pages = 2 * c.sequences * (c.keys / page_size),
              .page_size = page_size,
              .kv_heads = kv_heads,
              .head_dim = head_dim}),
        cache(pool, c.sequences, c.keys),
        others(pool, c.sequences, c.keys) {
    std::vector<float> rows(static_cast<std::size_t>(kv_heads * head_dim * page_size));
    Numbers numbers(1);
    for (float& x : rows) x = static_cast<float>(numbers.next());
    const auto view = rapt::bshd(rows.data(), 1, page_size, kv_heads, head_dim);
    for (Index at = 0; at < c.keys; at += page_size)
      for (Index s = 0; s < c.sequences; ++s) {
        cache.append(s, view, view);
        others.append(s, view, view);
      }
  }
  void attend(const rapt::View<const float>& q, const rapt::View<float>& out,
              const rapt::Options<float>& options) const {
    rapt::attention(q, cache, out, rapt::causal(), options);
  }
  /// As much of the pool as the cache has.
  const float* data() const { return reinterpret_cast<const float*>(cache.view().kv.keys); }
  /// What is read of it; a page takes a little more.
  Index bytes() const { return 2 * cache.sequences() * cache.length(0) * kv_heads * head_dim * Index(sizeof(K)); }
};

/// A caller's rows in pages, which stand in no order.
template <Index page_size> struct RowPages {
  std::vector<float> memory;
  std::vector<std::int32_t> table;
  std::vector<Index> lengths;
  rapt::View<const float> k, v;

  explicit RowPages(const Case& c)
      : memory(static_cast<std::size_t>(2 * c.sequences * c.keys * kv_heads * head_dim)),
        lengths(static_cast<std::size_t>(c.sequences), c.keys) {
    Numbers numbers(1);
    for (float& x : memory) x = static_cast<float>(numbers.next());
    const Index pages = c.sequences * c.keys / page_size;
    for (Index i = 0; i < pages; ++i) table.push_back(static_cast<std::int32_t>(i * 7919 % pages));
    const float* const data = memory.data();
    k = rapt::bshd(data, pages, page_size, kv_heads, head_dim);
    v = rapt::bshd(data + memory.size() / 2, pages, page_size, kv_heads, head_dim);
  }
  void attend(const rapt::View<const float>& q, const rapt::View<float>& out,
              const rapt::Options<float>& options) const {
    const Index sequences = static_cast<Index>(lengths.size());
    const auto pages = rapt::row_major(table.data(), sequences, static_cast<Index>(table.size()) / sequences);
    rapt::attention(q, rapt::paged(k, v, pages, lengths), out, rapt::causal(), options);
  }
  const float* data() const { return memory.data(); }
  Index bytes() const { return static_cast<Index>(memory.size() * sizeof(float)); }
};

struct RowMajor {
  std::vector<float> memory;
  rapt::View<const float> k, v;

  explicit RowMajor(const Case& c) : memory(static_cast<std::size_t>(2 * c.sequences * c.keys * kv_heads * head_dim)) {
    Numbers numbers(1);
    for (float& x : memory) x = static_cast<float>(numbers.next());
    const float* const data = memory.data();
    k = rapt::bshd(data, c.sequences, c.keys, kv_heads, head_dim);
    v = rapt::bshd(data + memory.size() / 2, c.sequences, c.keys, kv_heads, head_dim);
  }
  void attend(const rapt::View<const float>& q, const rapt::View<float>& out,
              const rapt::Options<float>& options) const {
    rapt::attention(q, k, v, out, rapt::causal(), options);
  }
  const float* data() const { return memory.data(); }
  Index bytes() const { return static_cast<Index>(memory.size() * sizeof(float)); }
};

/// Enough layers for a quarter of a gigabyte, as a model has many.
Index layers_of(Index bytes) { return std::clamp<Index>((Index(256) << 20) / bytes, 1, 64); }

/// Whether keys and values are codes.
template <class Layer> constexpr bool has_codes = false;
template <class K> constexpr bool has_codes<Cached<K>> = rapt::QuantisedElement<K>;

template <class Layer> void decode(benchmark::State& state, const Case& c) {
  std::vector<std::unique_ptr<Layer>> layers;
  layers.push_back(std::make_unique<Layer>(c));
  const Index count = layers_of(layers[0]->bytes());
  while (static_cast<Index>(layers.size()) < count) layers.push_back(std::make_unique<Layer>(c));

  std::vector<float> q(static_cast<std::size_t>(c.sequences * c.queries * q_heads * head_dim), 0.25f), out(q.size());
  const auto q_view = rapt::bshd(static_cast<const float*>(q.data()), c.sequences, c.queries, q_heads, head_dim);
  const auto out_view = rapt::bshd(out.data(), c.sequences, c.queries, q_heads, head_dim);
  const Threads threads(c.threads);
  rapt::Workspace workspace;
  const rapt::Options<float> options{.executor = threads.executor(), .workspace = &workspace};
  const Limit<float> peak(rapt::supported_isas().back(), threads.executor());
  const double bytes = static_cast<double>(count * layers[0]->bytes());
  const double work = 4.0 * static_cast<double>(count * c.sequences * c.queries * q_heads * c.keys * head_dim);
  const auto read_seconds = [&] {
    double sum = 0;
    for (const auto& layer : layers) {
      const ReadRate<float> rate(rapt::supported_isas().back(), layer->data(), layer->bytes() / Index(sizeof(float)));
      sum += static_cast<double>(layer->bytes()) / rate.sample_once(threads.executor());
    }
    return sum;
  };
  const auto step = [&] {
    for (const auto& layer : layers) layer->attend(q_view, out_view, options);
  };
  step();
  for (auto _ : state) {
    const double before = read_seconds();
    const Run run = peak.around(step);
    const double reading = (before + read_seconds()) / 2;
    state.SetIterationTime(run.seconds);
    state.counters["GB/s"] = bytes / run.seconds / 1e9;
    state.counters["of_limit"] = (has_codes<Layer> ? reading : std::max(reading, work / run.peak)) / run.seconds;
    state.counters["us_a_step"] = run.seconds / static_cast<double>(count) * 1e6;
    if (c.goal != 0) state.counters["goal"] = c.goal;
  }
}

template <class Layer> void add_layer(const std::string& name, const Case& c) {
  add(name, 7, [c](benchmark::State& state) { decode<Layer>(state, c); });
}

void add_all() {
  const int threads = std::min(cores(), 2);
  const std::string two = "threads_" + std::to_string(threads) + "/";
  for (Index keys : {8192, 32768}) {
    const std::string n = "/n" + std::to_string(keys);
    add_layer<Cached<Eigen::bfloat16>>(two + "bfloat16" + n, {.keys = keys, .goal = 0.85, .threads = threads});
    add_layer<Cached<Eigen::half>>(two + "half" + n, {.keys = keys, .goal = 0.85, .threads = threads});
    add_layer<Cached<float>>(two + "float" + n, {.keys = keys, .goal = 0.80, .threads = threads});
    add_layer<Pooled<Eigen::bfloat16, 16>>(two + "bfloat16/pages_16" + n, {.keys = keys, .threads = threads});
    add_layer<Pooled<Eigen::bfloat16, 128>>(two + "bfloat16/pages_128" + n, {.keys = keys, .threads = threads});
    add_layer<Pooled<float, 16>>(two + "float/pages_16" + n, {.keys = keys, .threads = threads});
    add_layer<Cached<rapt::int8>>(two + "int8" + n, {.keys = keys, .goal = 0.75, .threads = threads});
    add_layer<Cached<rapt::q8_0>>(two + "q8_0" + n, {.keys = keys, .goal = 0.65, .threads = threads});
    add_layer<Cached<rapt::fp8_e4m3>>(two + "fp8_e4m3" + n, {.keys = keys, .goal = 0.60, .threads = threads});
    add_layer<Cached<rapt::fp8_e5m2>>(two + "fp8_e5m2" + n, {.keys = keys, .goal = 0.60, .threads = threads});
    add_layer<Cached<rapt::q5_0>>(two + "q5_0" + n, {.keys = keys, .threads = threads});
    add_layer<Cached<rapt::q4_0>>(two + "q4_0" + n, {.keys = keys, .goal = 0.45, .threads = threads});
    add_layer<Cached<rapt::q4_1>>(two + "q4_1" + n, {.keys = keys, .goal = 0.45, .threads = threads});
    add_layer<RowMajor>(two + "rows" + n, {.keys = keys, .goal = 0.60, .threads = threads});
    add_layer<RowPages<16>>(two + "rows/pages_16" + n, {.keys = keys, .threads = threads});
  }
  add_layer<Cached<Eigen::bfloat16>>("threads_1/bfloat16/n8192", {.keys = 8192, .goal = 0.75, .threads = 1});
  add_layer<Cached<float>>("threads_1/float/n8192", {.keys = 8192, .threads = 1});
  add_layer<RowMajor>("threads_1/rows/n8192", {.keys = 8192, .threads = 1});
  add_layer<Cached<Eigen::bfloat16>>(two + "bfloat16/4_queries/n8192",
                                     {.keys = 8192, .queries = 4, .threads = threads});
  add_layer<Cached<rapt::int8>>(two + "int8/4_queries/n8192", {.keys = 8192, .queries = 4, .threads = threads});
  add_layer<Cached<rapt::q4_0>>(two + "q4_0/4_queries/n8192", {.keys = 8192, .queries = 4, .threads = threads});
  add_layer<Cached<float>>(two + "float/4_queries/n8192", {.keys = 8192, .queries = 4, .threads = threads});
  add_layer<Cached<Eigen::bfloat16>>(two + "bfloat16/8_sequences/n512",
                                     {.keys = 512, .sequences = 8, .threads = threads});
  add_layer<Cached<float>>(two + "float/8_sequences/n512", {.keys = 512, .sequences = 8, .threads = threads});
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
