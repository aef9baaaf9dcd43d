// Observing a ragged batch: each sequence has the bits that it has alone, and nothing is written for what isn't there.
#include <vector>

#include "rapt/kv/pool.hpp"
#include "rapt/observe/ragged.hpp"
#include "rapt/score/padding.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"

namespace rapt_test::observe_ragged_test {
namespace {

/// Answers to everything, in the places of views [batch, heads, n] and [batch, heads, keys].
struct Answers {
  Index batch, heads, n, keys;
  std::vector<float> entropy, largest, probability, top_p, mass, lse;
  std::vector<std::int32_t> top;

  Answers(Index b, Index h, Index rows, Index k)
      : batch(b),
        heads(h),
        n(rows),
        keys(k),
        entropy(at(b * h * rows), sentinel<float>),
        largest(entropy),
        probability(entropy),
        top_p(at(b * h * rows * 2), sentinel<float>),
        mass(at(b * h * k), sentinel<float>),
        lse(entropy),
        top(at(b * h * rows * 2), -7) {}
  rapt::Observation<float> into() {
    return {.entropy = rapt::bhs(entropy.data(), batch, heads, n),
            .largest = rapt::bhs(largest.data(), batch, heads, n),
            .largest_probability = rapt::bhs(probability.data(), batch, heads, n),
            .top_keys = rapt::bhsd(top.data(), batch, heads, n, 2),
            .top_probabilities = rapt::bhsd(top_p.data(), batch, heads, n, 2),
            .mass = rapt::bhs(mass.data(), batch, heads, keys)};
  }
  LogSumExp<float> lses() { return rapt::lse_bhs(lse.data(), batch, heads, n); }
};

const std::vector<Index> q_lengths{3, 0, 20, 1}, k_lengths{30, 5, 100, 1}, q_offsets{0, 3, 3, 23, 24},
    k_offsets{0, 30, 35, 135, 136};
constexpr Index heads = 4, kv_heads = 2, dim = 12;

class ObserveRagged : public OnEveryIsa {
 protected:
  std::vector<float> q = random_numbers<float>(25 * heads * dim, 1), k = random_numbers<float>(140 * kv_heads * dim, 2);
  View<const float> queries() const { return rapt::bshd<const float>(q.data(), 1, 25, heads, dim); }
  View<const float> keys() const { return rapt::bshd<const float>(k.data(), 1, 140, kv_heads, dim); }
  View<const float> query(Index b) const { return positions(queries(), q_offsets[at(b)], q_offsets[at(b) + 1]); }
  View<const float> key(Index b) const { return positions(keys(), k_offsets[at(b)], k_offsets[at(b) + 1]); }

  /// A score that tells batch entries apart: alone, a sequence is entry 0, and has its own number.
  static auto score(Index of) {
    return rapt::softcap(3) | [of](float s, rapt::Coord c) { return s + 0.1f * static_cast<float>(c.batch + of); } |
           rapt::causal();
  }
  Answers alone(Index b) {
    Answers one(1, heads, q_lengths[at(b)], k_lengths[at(b)]);
    rapt::observe(query(b), key(b), one.into(), score(b), {.lse = one.lses(), .isa = GetParam()});
    return one;
  }
  /// Row r of head h of the whole is row i of sequence b.
  static void expect_row(const Answers& all, Index r, const Answers& one, Index i) {
    for (Index h = 0; h < heads; ++h) {
      const std::size_t a = at(h * all.n + r), o = at(h * one.n + i);
      EXPECT_EQ(bits(all.entropy[a]), bits(one.entropy[o]));
      EXPECT_EQ(bits(all.largest[a]), bits(one.largest[o]));
      EXPECT_EQ(bits(all.probability[a]), bits(one.probability[o]));
      EXPECT_EQ(bits(all.lse[a]), bits(one.lse[o]));
      EXPECT_EQ(all.top[2 * a], one.top[2 * o]);
      EXPECT_EQ(all.top[2 * a + 1], one.top[2 * o + 1]);
    }
  }
};

TEST_P(ObserveRagged, PackedSequencesAreWhatTheyAreAlone) {
  Answers all(1, heads, 25, 140);
  rapt::observe(rapt::packed(queries(), q_offsets), rapt::packed(keys(), k_offsets), all.into(), score(0),
                {.lse = all.lses(), .isa = GetParam()});
  for (Index b = 0; b < 4; ++b) {
    const Answers one = alone(b);
    for (Index i = 0; i < q_lengths[at(b)]; ++i) expect_row(all, q_offsets[at(b)] + i, one, i);
    for (Index h = 0; h < heads; ++h)
      EXPECT_TRUE(same_bits(all.mass.data() + h * 140 + k_offsets[at(b)], one.mass.data() + h * one.keys, one.keys));
  }
  for (Index h = 0; h < heads; ++h) {
    EXPECT_EQ(all.entropy[at(h * 25 + 24)], sentinel<float>);
    EXPECT_EQ(all.mass[at(h * 140 + 136)], sentinel<float>);
  }
}

template <class Cache> void fill_cache(Cache& cache, const std::function<View<const float>(Index)>& key) {
  for (Index b = 0; b < 4; ++b) cache.append(b, key(b), key(b));
}

TEST_P(ObserveRagged, SequencesOfACacheAreWhatTheyAreAlone) {
  const rapt::CacheShape shape{4, kv_heads, 128, dim};
  rapt::KvCache<float> cache(shape, GetParam());
  rapt::PagePool<float> pool({.pages = 16, .kv_heads = kv_heads, .head_dim = dim});
  rapt::PagedCache<float> paged(pool, 4, 128, GetParam());
  fill_cache(cache, [&](Index b) { return key(b); });
  fill_cache(paged, [&](Index b) { return key(b); });
  for (const bool pages : {false, true}) {
    Answers all(1, heads, 25, 1), mass(4, heads, 1, 100);
    rapt::Observation<float> into = all.into();
    into.mass = mass.into().mass;
    const Options<float> o{.lse = all.lses(), .isa = GetParam()};
    if (pages)
      rapt::observe(rapt::packed(queries(), q_offsets), paged, into, score(0), o);
    else
      rapt::observe(rapt::packed(queries(), q_offsets), cache, into, score(0), o);
    for (Index b = 0; b < 4; ++b) {
      const Answers one = alone(b);
      for (Index i = 0; i < q_lengths[at(b)]; ++i) expect_row(all, q_offsets[at(b)] + i, one, i);
      for (Index h = 0; h < heads; ++h)
        EXPECT_TRUE(same_bits(mass.mass.data() + (b * heads + h) * 100, one.mass.data() + h * one.keys, one.keys));
    }
  }
}

RAPT_ON_EVERY_ISA(ObserveRagged);

TEST(ObserveRaggedErrors, NameTheArgument) {
  std::vector<float> q(6 * 8), k(9 * 8), entropy(6), short_one(5);
  const std::vector<Index> qs{0, 2, 6}, ks{0, 4, 9}, three{0, 1, 2, 9};
  const View<const float> queries = rapt::bshd<const float>(q.data(), 1, 6, 1, 8),
                          keys = rapt::bshd<const float>(k.data(), 1, 9, 1, 8);
  EXPECT_EQ(refusal([&] {
              rapt::observe(rapt::packed(queries, qs), rapt::packed(keys, three),
                            {.entropy = rapt::bhs(entropy.data(), 1, 1, 6)});
            }),
            "rapt: k: the number of sequences is 3; it has to be 2, as in q");
  EXPECT_EQ(refusal([&] {
              rapt::observe(rapt::packed(queries, qs), rapt::packed(keys, ks),
                            {.entropy = rapt::bhs(short_one.data(), 1, 1, 5)});
            }),
            "rapt: entropy: length is 5; it has to be 6, as in q");
  EXPECT_EQ(refusal([&] {
              rapt::observe(rapt::packed(queries, qs), rapt::packed(keys, ks),
                            {.entropy = rapt::bhs(q.data(), 1, 1, 6)});
            }),
            "rapt: entropy: shares memory with q; it has to be apart from what is read");
}

}  // namespace
}  // namespace rapt_test::observe_ragged_test
