// Ragged batches of the tests: packed queries, keys and values, and each of their sequences alone.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "rapt/ragged.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

/// Numbers of queries and of keys.
using Lengths = std::vector<std::pair<Index, Index>>;

struct Heads {
  Index q_heads = 2, kv_heads = 1, head_dim = 8, value_dim = 8;
};

/// One under, at and over a register, a tile and a span; none; and few rows among many.
inline Lengths edges() {
  return {{0, 0},   {0, 5},   {5, 0},  {1, 1},    {1, 63},   {63, 64},  {64, 65},  {65, 64},
          {1, 700}, {3, 600}, {1, 64}, {40, 600}, {16, 513}, {17, 512}, {130, 130}};
}
/// Fifty sequences, most of them short.
inline Lengths fifty(std::uint64_t seed) {
  Random random(seed);
  Lengths found;
  while (found.size() < 50) {
    const Index longest = Index(1) << random.below(8), q = random.below(longest + 1);
    found.emplace_back(q, q + (random.below(2) == 0 ? 0 : random.below(90)));
  }
  found[33] = {150, 1100};
  return found;
}

/// One after the other, in memory order [position, head, dim]. Offsets of queries have 32 bits, those of keys 64.
template <class T> struct PackedInputs {
  Lengths lengths;
  Heads heads;
  std::vector<std::int32_t> q_offsets = {0};
  std::vector<Index> k_offsets = {0};
  std::vector<T> q, k, v, out, lse;

  PackedInputs(Lengths of, const Heads& h, std::uint64_t seed = 1) : lengths(std::move(of)), heads(h) {
    for (const auto& [queries, keys] : lengths) {
      q_offsets.push_back(q_offsets.back() + static_cast<std::int32_t>(queries));
      k_offsets.push_back(k_offsets.back() + keys);
    }
    q = random_numbers<T>(queries() * h.q_heads * h.head_dim, 3 * seed);
    k = random_numbers<T>(keys() * h.kv_heads * h.head_dim, 3 * seed + 1);
    v = random_numbers<T>(keys() * h.kv_heads * h.value_dim, 3 * seed + 2);
    out.assign(at(queries() * h.q_heads * h.value_dim), sentinel<T>);
    lse.assign(at(queries() * h.q_heads), sentinel<T>);
  }

  Index count() const { return static_cast<Index>(lengths.size()); }
  Index queries() const { return q_offsets.back(); }
  Index keys() const { return k_offsets.back(); }

  View<const T> q_view() const { return rapt::bshd(q.data(), 1, queries(), heads.q_heads, heads.head_dim); }
  View<const T> k_view() const { return rapt::bshd(k.data(), 1, keys(), heads.kv_heads, heads.head_dim); }
  View<const T> v_view() const { return rapt::bshd(v.data(), 1, keys(), heads.kv_heads, heads.value_dim); }
  View<T> out_view() { return rapt::bshd(out.data(), 1, queries(), heads.q_heads, heads.value_dim); }
  LogSumExp<T> lse_view() { return rapt::lse_bsh(lse.data(), 1, queries(), heads.q_heads); }

  rapt::Ragged<const T> q_packed() const { return rapt::packed(q_view(), q_offsets); }
  rapt::Ragged<const T> k_packed() const { return rapt::packed(k_view(), k_offsets); }
  rapt::Ragged<const T> v_packed() const { return rapt::packed(v_view(), k_offsets); }
  rapt::Ragged<T> out_packed() { return rapt::packed(out_view(), q_offsets); }

  Views<T> sequence(Index b) const { return {q_packed().sequence(b), k_packed().sequence(b), v_packed().sequence(b)}; }
};

/// Attention of all sequences in one call, into in.out and in.lse.
template <class T> void attend_packed(PackedInputs<T>& in, const Mask& mask, Options<T> options) {
  in.out.assign(in.out.size(), sentinel<T>);
  in.lse.assign(in.lse.size(), sentinel<T>);
  options.lse = in.lse_view();
  std::visit(
      [&](const auto& score) {
        rapt::attention(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), score, options);
      },
      mask);
}

/// Each sequence's rows have the bits of `alone`, which attended to nothing else. `out` and `lse`: where they stand.
template <class T> testing::AssertionResult has_rows(const View<T>& out, const auto& lse, const Result<T>& alone) {
  for (Index h = 0; h < out.heads(); ++h)
    for (Index i = 0; i < out.length(); ++i) {
      for (Index d = 0; d < out.dim(); ++d)
        if (bits(out(0, h, i, d)) != bits(alone.row(0, h, i)[d]))
          return testing::AssertionFailure() << "head " << h << ", row " << i << ", dim " << d << " is "
                                             << out(0, h, i, d) << " and not " << alone.row(0, h, i)[d];
      if (bits(lse(h, i)) != bits(alone.lse_of(0, h, i)))
        return testing::AssertionFailure() << "another logsumexp of head " << h << ", row " << i;
    }
  return testing::AssertionSuccess();
}

template <class T> testing::AssertionResult sequence_is(PackedInputs<T>& in, Index b, const Result<T>& alone) {
  const Index begin = in.q_offsets[at(b)];
  return has_rows(
             in.out_packed().sequence(b), [&](Index h, Index i) -> T { return in.lse_view()(0, h, begin + i); }, alone)
         << " in sequence " << b << " of " << in.lengths[at(b)].first << " queries and " << in.lengths[at(b)].second
         << " keys";
}

}  // namespace rapt_test
