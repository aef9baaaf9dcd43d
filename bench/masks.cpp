// What masks cost: each against plain attention of the same shape, run right before it, and the machine's limit.
//
//     rapt_mask_bench                                    everything
//     rapt_mask_bench --benchmark_filter=documents       some of it
//
// One thread, float, head_dim 128. What is shown are medians. The counters:
//
//     of_peak     the fraction of the core's multiply-adds, attended pairs of a query and a key counted only
//     of_plain    of_peak over that of plain attention
//     of_share    the time over plain's, over the share of the tiles (as many queries as the kernel has lanes, by 64
//                 keys) of which anything is attended
//     tile        the time of a tile that is masked whole, over that of one of plain's: what more of them add
//     goal        what of_plain is meant to reach, or of_share or tile to stay below
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "inputs.hpp"
#include "limit.hpp"
#include "program.hpp"
#include "rapt/rapt.hpp"

namespace bench {
namespace {

struct Case {
  Index length;
  Index heads;
  double wanted = 0;  // none
};

/// Attended pairs, and attended tiles of `lanes` queries, of one head.
struct Counted {
  double pairs = 0, tiles = 0, all_tiles = 0;
};

template <class M> Counted count(const M& mask, Index length, Index lanes) {
  Counted c;
  for (Index i = 0; i < length; i += lanes)
    for (Index j = 0; j < length; j += 64) {
      Index pairs = 0;
      for (Index q = i; q < std::min(i + lanes, length); ++q)
        for (Index k = j; k < std::min(j + 64, length); ++k)
          pairs += rapt::detail::attends(mask, rapt::detail::coord(0, 0, q, k, q));
      c.pairs += static_cast<double>(pairs);
      c.tiles += pairs != 0;
      c.all_tiles += 1;
    }
  return c;
}

template <class M> void attend(benchmark::State& state, const Case& c, const M& mask) {
  const Inputs<float> in(square(c.heads, c.heads, 128, c.length));
  const Limit<float> limit(rapt::active_isa());
  auto plain = rapt::plan(in.q, in.k, in.v, in.out);
  auto masked = rapt::plan(in.q, in.k, in.v, in.out, mask);
  const Counted counted = count(mask, c.length, masked.lanes());
  const double operation = 4.0 * 128 * static_cast<double>(c.heads), all = static_cast<double>(c.length * c.length);
  masked.run();
  for (auto _ : state) {
    const Run whole = limit.around([&] { plain.run(); }), run = limit.around([&] { masked.run(); });
    state.SetIterationTime(run.seconds);
    const double of_plain = counted.pairs / all * whole.seconds / run.seconds * whole.peak / run.peak;
    state.counters["of_peak"] = run.fraction(operation * counted.pairs);
    state.counters["of_plain"] = of_plain;
    state.counters["of_share"] = run.seconds / whole.seconds / (counted.tiles / counted.all_tiles);
    if (c.wanted != 0) state.counters["goal"] = c.wanted;
  }
}

/// Of a mask that lets nothing through: the time for twice as many keys, less the time for these, is that of masked
/// tiles alone; of a row, queries are packed and zeros are written whatever its keys.
template <class MakeMask> void attend_nothing(benchmark::State& state, const Case& c, const MakeMask& mask_of) {
  const Inputs<float> in(square(c.heads, c.heads, 128, c.length));
  auto half_k = in.k, half_v = in.v;
  half_k.extent[2] = half_v.extent[2] = c.length / 2;
  auto plain = rapt::plan(in.q, in.k, in.v, in.out);
  auto masked = rapt::plan(in.q, in.k, in.v, in.out, mask_of(c.length));
  auto half = rapt::plan(in.q, half_k, half_v, in.out, mask_of(c.length / 2));
  const auto best = [](auto& plan) {
    double least = seconds([&] { plan.run(); });
    for (int i = 0; i < 9; ++i) least = std::min(least, seconds([&] { plan.run(); }));
    return least;
  };
  for (auto _ : state) {
    const double whole = seconds([&] { plain.run(); }), more = best(masked) - best(half);
    state.SetIterationTime(more);
    state.counters["tile"] = 2 * more / whole;
    state.counters["goal"] = c.wanted;
  }
}

template <class M> void add_case(const std::string& name, const Case& c, const M& mask) {
  add(name, c.length > 8192 ? 3 : 11, [c, mask](benchmark::State& state) { attend(state, c, mask); });
}
template <class MakeMask> void add_nothing(const std::string& name, const MakeMask& mask_of) {
  const Case c{2048, 4, 0.01};
  add("nothing/" + name, 11, [c, mask_of](benchmark::State& state) { attend_nothing(state, c, mask_of); });
}

/// Ids of documents of random lengths, packed into one sequence.
std::vector<std::int32_t> packed(Index documents, Index length) {
  Numbers numbers(1);
  std::vector<Index> ends;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(length));
  for (Index i = 1; i < documents; ++i) {
    const double place = (static_cast<double>(i) + 0.4 * numbers.next()) / static_cast<double>(documents);
    ends.push_back(std::clamp<Index>(static_cast<Index>(place * static_cast<double>(length)), 1, length - 1));
  }
  for (const Index end : ends)
    for (Index i = end; i < length; ++i) ++ids[static_cast<std::size_t>(i)];
  return ids;
}

/// A bool, and a bit, for each query and key: true at random.
struct Dense {
  std::vector<unsigned char> bools;
  std::vector<std::uint64_t> words;

  explicit Dense(Index length)
      : bools(static_cast<std::size_t>(length * length)), words(static_cast<std::size_t>(length * length / 64)) {
    Numbers numbers(2);
    for (std::size_t i = 0; i < bools.size(); ++i) {
      bools[i] = numbers.next() > 0;
      words[i / 64] |= std::uint64_t(bools[i]) << i % 64;
    }
  }
};

void add_all() {
  using namespace rapt;
  // Static, as the cases refer to them.
  static const auto packed_2048 = packed(16, 2048), packed_16384 = packed(64, 16384);
  static std::vector<std::int32_t> even(2048);
  for (std::size_t i = 0; i < even.size(); ++i) even[i] = static_cast<std::int32_t>(i / 128);
  static const Dense dense(2048);
  const auto bools = bhsd(reinterpret_cast<const bool*>(dense.bools.data()), 1, 1, 2048, 2048);
  const auto words = bhsd(dense.words.data(), 1, 1, 2048, 32);
  static std::vector<std::int32_t> rows = {0}, columns;  // every fifth block, of those before
  for (std::int32_t r = 0; r < 32; ++r) {
    for (std::int32_t c = r % 5; c <= r; c += 5) columns.push_back(c);
    rows.push_back(static_cast<std::int32_t>(columns.size()));
  }
  static std::vector<std::int32_t> small_rows = {0}, small_columns;
  for (std::int32_t r = 0; r < 128; ++r) {
    for (std::int32_t c = r % 5; c < 128; c += 5) small_columns.push_back(c);
    small_rows.push_back(static_cast<std::int32_t>(small_columns.size()));
  }

  add_case("window_256/n16384", {16384, 1, 0.7}, window(256, 0));
  add_case("documents_16/causal/n2048", {2048, 4, 1.15}, document(packed_2048) | causal());
  add_case("documents_16_even/causal/n2048", {2048, 4, 1.15}, document(even) | causal());
  add_case("documents_16/n2048", {2048, 4, 1.15}, document(packed_2048));
  add_case("documents_64/causal/n16384", {16384, 1, 1.15}, document(packed_16384) | causal());
  add_case("causal/n2048", {2048, 4}, causal());
  add_case("chunks_512/causal/n2048", {2048, 4}, chunk_local(512) | causal());
  add_case("blocks_64/n2048", {2048, 4, 1.15}, block_sparse(rows, columns, 64));
  add_case("blocks_16/n2048", {2048, 4}, block_sparse(small_rows, small_columns, 16));
  add_case("dilated_3/n2048", {2048, 4}, dilated(3));
  add_case("bools/n2048", {2048, 4}, mask(bools));
  add_case("bits/n2048", {2048, 4}, bit_mask(words));

  static const std::vector<unsigned char> shut(2048 * 2048);
  static const std::vector<std::uint64_t> shut_words(2048 * 32);
  static const std::vector<std::int32_t> shut_rows(33, 0), apart(2048, 99);
  add_nothing("bools", [&](Index keys) {
    return mask(strided(reinterpret_cast<const bool*>(shut.data()), {1, 1, 2048, keys}, {0, 0, 2048, 1}));
  });
  add_nothing("bits", [&](Index) { return bit_mask(bhsd(shut_words.data(), 1, 1, 2048, 32)); });
  add_nothing("documents", [&](Index) { return document(apart, even); });
  add_nothing("padding", [](Index) { return padding(0); });
  add_nothing("blocks_64", [&](Index) { return block_sparse(shut_rows, {}, 64); });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc, argv, bench::add_all); }
