// Sequences of a cache that take in different numbers of tokens at once, and attend with them: as each would alone.
#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/ragged.hpp"
#include "support/refusal.hpp"

namespace rapt_test::cache_ragged_test {
namespace {

class CacheRagged : public OnEveryIsa {
 protected:
  /// Turns of tokens, of which queries and keys are as many: prompts, chunks, single tokens and nothing.
  static std::vector<Lengths> turns() {
    return {{{100, 100}, {0, 0}, {600, 600}, {1, 1}, {17, 17}},
            {{1, 1}, {33, 33}, {1, 1}, {0, 0}, {70, 70}},
            {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
            {{3, 3}, {200, 200}, {1, 1}, {16, 16}, {17, 17}}};
  }

  template <class K> void expect_each_alone(const Mask& mask, rapt::Executor* executor, bool turned) const {
    using T = Arithmetic<K>;
    const rapt::CacheShape shape{5, 2, 800, 8, 12};
    rapt::KvCache<K> together(shape, GetParam()), alone(shape, GetParam());
    const rapt::rope::Table<T> table(rapt::rope::standard(8), 800);
    const rapt::AppendOptions<T> append{.rope = turned ? &table : nullptr};
    std::uint64_t seed = 1;
    for (const Lengths& lengths : turns()) {
      PackedInputs<T> in(lengths, {6, 2, 8, 12}, ++seed);
      together.append(in.k_packed(), in.v_packed(), append);
      Options<T> options{.lse = in.lse_view(), .executor = executor, .rope = append.rope, .isa = GetParam()};
      std::visit([&](const auto& score) { rapt::attention(in.q_packed(), together, in.out_packed(), score, options); },
                 mask);
      for (Index s = 0; s < in.count(); ++s) {
        const Views<T> own = in.sequence(s);
        alone.append(s, own.k, own.v, append);
        ASSERT_EQ(together.length(s), alone.length(s));
        ASSERT_TRUE(same_bits(contents(together, s, 0, together.length(s)), contents(alone, s, 0, alone.length(s))));
        ASSERT_TRUE(sequence_is(
            in, s, attend<K>(own.q, alone.view(s), mask, Options<T>{.rope = append.rope, .isa = GetParam()})));
      }
    }
  }
};

TEST_P(CacheRagged, TurnsOfDifferentLengthsAreWhatEachSequenceDoesAlone) {
  ThreadExecutor threads(3);
  ReverseExecutor seven(7);
  for (rapt::Executor* executor : {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&threads),
                                   static_cast<rapt::Executor*>(&seven)})
    for (const bool turned : {false, true}) {
      expect_each_alone<float>(rapt::causal(), executor, turned);
      expect_each_alone<double>(rapt::causal() | rapt::window(90, -1), executor, turned);
      expect_each_alone<Eigen::half>(rapt::causal(), executor, turned);
      expect_each_alone<Eigen::bfloat16>(rapt::Plain{}, executor, false);
    }
}

TEST_P(CacheRagged, AViewOfSomeSequencesTakesAsMany) {
  PackedInputs<float> in({{5, 40}, {1, 3}, {20, 70}}, {4, 2, 8, 8});
  rapt::KvCache<float> cache({5, 2, 100, 8, 8}, GetParam());
  for (Index s = 0; s < 3; ++s) cache.append(s + 1, in.sequence(s).k, in.sequence(s).v);
  const Options<float> options{.lse = in.lse_view(), .isa = GetParam()};
  auto plan = rapt::plan(in.q_packed(), cache.view(1, 3), in.out_packed(), rapt::causal(), options);
  plan.run();
  for (Index s = 0; s < 3; ++s)
    EXPECT_TRUE(sequence_is(in, s, attend(in.sequence(s), rapt::causal(), Options<float>{.isa = GetParam()})));
  cache.append(0, in.sequence(1).k, in.sequence(1).v);
  plan.run();  // another sequence's business
  cache.append(2, in.sequence(1).k, in.sequence(1).v);
  EXPECT_THROW(plan.run(), std::logic_error);
}

TEST_P(CacheRagged, PaddedTokensAndRowsOfTheTableAreTakenIn) {
  const Index batch = 3, longest = 9;
  const std::vector<std::int32_t> lengths = {4, 0, 9};
  std::vector<float> k = random_numbers<float>(batch * longest * 2 * 8, 1),
                     v = random_numbers<float>(batch * longest * 2 * 8, 2);
  const auto k_view = rapt::bshd<const float>(k.data(), batch, longest, 2, 8),
             v_view = rapt::bshd<const float>(v.data(), batch, longest, 2, 8);
  std::vector<Index> rows(at(batch * longest), -1);  // in the padding: no row at all
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < lengths[at(b)]; ++i) rows[at(b * longest + i)] = 5 * b + 2 * i;
  const rapt::rope::Table<float> table(rapt::rope::standard(8), 40);
  const rapt::AppendOptions<float> options{.rope = &table,
                                           .rows = rapt::row_major<const Index>(rows.data(), batch, longest)};
  rapt::KvCache<float> cache({batch, 2, 20, 8, 8}, GetParam()), alone({batch, 2, 20, 8, 8}, GetParam());
  cache.append(rapt::padded(k_view, lengths), rapt::padded(v_view, lengths), options);
  for (Index b = 0; b < batch; ++b) {
    const Index n = lengths[at(b)];
    ASSERT_EQ(cache.length(b), n);
    alone.append(b, positions(entry(k_view, b), 0, n), positions(entry(v_view, b), 0, n),
                 {.rope = &table, .rows = rapt::MatrixView<const Index>{rows.data() + b * longest, 1, n, longest, 1}});
    EXPECT_TRUE(same_bits(contents(cache, b, 0, n), contents(alone, b, 0, n)));
  }
}

TEST_P(CacheRagged, AWindowOverARingForgetsInEachSequenceByItself) {
  rapt::RingCache<float> ring({2, 1, 128, 8, 8}, GetParam());
  rapt::KvCache<float> whole({2, 1, 1000, 8, 8}, GetParam());
  for (const Lengths& lengths : {Lengths{{60, 60}, {3, 3}}, Lengths{{40, 40}, {64, 64}}, Lengths{{1, 1}, {60, 60}},
                                 Lengths{{60, 60}, {1, 1}}, Lengths{{30, 30}, {50, 50}}}) {
    PackedInputs<float> in(lengths, {2, 1, 8, 8}), expected = in;
    const rapt::Band window = rapt::window(63, 0);
    ring.append(in.k_packed(), in.v_packed());
    whole.append(in.k_packed(), in.v_packed());
    rapt::attention(in.q_packed(), ring, in.out_packed(), window, {.isa = GetParam()});
    rapt::attention(expected.q_packed(), whole, expected.out_packed(), window, {.isa = GetParam()});
    EXPECT_TRUE(same_bits(in.out, expected.out));
  }
}

TEST(CacheRaggedErrors, NameTheArgumentAndChangeNothing) {
  PackedInputs<float> in({{1, 5}, {2, 9}}, {2, 1, 8, 8}), three({{1, 1}, {1, 1}, {1, 1}}, {2, 1, 8, 8});
  rapt::KvCache<float> cache({2, 1, 8, 8, 8});
  EXPECT_EQ(refusal([&] { cache.append(in.k_packed(), in.v_packed()); }),
            "rapt: append: 9 positions after 0; sequence 1 has room for 8 of its 8");
  EXPECT_EQ(refusal([&] { cache.append(three.k_packed(), three.v_packed()); }),
            "rapt: k: the number of sequences is 3; it has to be 2, as in the cache");
  View<const float> null = in.k_view();
  null.data = nullptr;
  EXPECT_EQ(refusal([&] { cache.append(rapt::packed(null, in.k_offsets), in.v_packed()); }),
            "rapt: k: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(refusal([&] { rapt::attention(three.q_packed(), cache, three.out_packed()); }),
            "rapt: q: the number of sequences is 3; it has to be 2, as in the cache");
  EXPECT_EQ(cache.length(0), 0);
  EXPECT_EQ(cache.length(1), 0);
}

RAPT_ON_EVERY_ISA(CacheRagged);

}  // namespace
}  // namespace rapt_test::cache_ragged_test
