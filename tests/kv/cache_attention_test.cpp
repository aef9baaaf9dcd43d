// Attention to a cache has the bits of attention to the same keys and values in memory, and of the contract.
#include <cmath>
#include <vector>

#include "support/caches.hpp"
#include "support/isas.hpp"

namespace rapt_test::cache_attention_test {
namespace {

struct Case {
  Shape shape;
  Mask mask;
};

Mask any_mask(Random& random, Index kv_len) {
  const std::vector<Mask> masks = {rapt::Plain{},
                                   rapt::causal(),
                                   rapt::causal(rapt::align::top_left),
                                   rapt::causal(rapt::align::offset(kv_len / 2)),
                                   rapt::window(20, 3),
                                   rapt::window(0, 0),
                                   rapt::window(-1, 2, rapt::align::top_left),
                                   rapt::causal() | rapt::window(70, -1)};
  return masks[at(random.below(static_cast<Index>(masks.size())))];
}

/// Combinations of edges, drawn at random, none of which takes long.
std::vector<Case> cases(std::uint64_t seed, int count) {
  const std::vector<Index> dims = {1, 8, 15, 16, 17, 64, 80, 128, 576},
                           lengths = {0, 1, 15, 16, 17, 63, 64, 65, 511, 512, 513, 1000},
                           groups = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16};
  Random random(seed);
  const auto one_of = [&random](const std::vector<Index>& from) {
    return from[at(random.below(static_cast<Index>(from.size())))];
  };
  std::vector<Case> found;
  while (found.size() < static_cast<std::size_t>(count)) {
    const Index q_len = random.below(12) == 0 ? 40 : 1 + random.below(17), kv_heads = 1 + random.below(2);
    const Shape shape{1 + random.below(2), one_of(groups) * kv_heads, kv_heads, q_len, one_of(lengths), one_of(dims),
                      one_of(dims)};
    if (shape.work() < 800000) found.push_back({shape, any_mask(random, shape.kv_len)});
  }
  return found;
}

class CacheAttention : public OnEveryIsa {
 protected:
  template <class K> void expect_bits_of_memory(const Case& c, std::uint64_t seed) const {
    using T = Arithmetic<K>;
    const Options<T> options{.isa = GetParam()};
    const Inputs<T> inputs = inputs_for<K>(c.shape, seed);
    const Result<T> found =
        attend<K>(inputs.views().q, cache_of<K>(inputs.views(), GetParam()).view(), c.mask, options);
    ASSERT_TRUE(same_bits(found, attend(inputs.views(), c.mask, options))) << c.shape << ", mask " << describe(c.mask);
    ASSERT_TRUE(same_bits(found, attend_by_contract(inputs.views(), c.mask)))
        << "the contract's: " << c.shape << ", mask " << describe(c.mask);
  }
  template <class K> void expect_bits_of_memory(std::uint64_t seed) const {
    for (const Case& c : cases(seed, 70)) {
      ASSERT_NO_FATAL_FAILURE(expect_bits_of_memory<K>(c, seed));
      ++seed;
    }
  }
};

TEST_P(CacheAttention, OfFloatsHasTheBitsOfMemory) { expect_bits_of_memory<float>(1); }
TEST_P(CacheAttention, OfDoublesHasTheBitsOfMemory) { expect_bits_of_memory<double>(2); }
TEST_P(CacheAttention, OfHalvesHasTheBitsOfTheirFloatsInMemory) { expect_bits_of_memory<Eigen::half>(3); }
TEST_P(CacheAttention, OfBfloat16sHasTheBitsOfTheirFloatsInMemory) { expect_bits_of_memory<Eigen::bfloat16>(4); }

/// Rows of a head on both sides of where few end, made up of groups and queries in every way.
TEST_P(CacheAttention, EveryNumberOfRowsHasTheBitsOfMemory) {
  for (Index group = 1; group <= 9; ++group)
    for (Index q_len = 1; q_len <= 17; ++q_len) {
      const Case c{{1, group, 1, q_len, 70 + group, 17, 24}, rapt::causal()};
      ASSERT_NO_FATAL_FAILURE(expect_bits_of_memory<float>(c, 5));
      if (group % 2 == 1) {
        ASSERT_NO_FATAL_FAILURE(expect_bits_of_memory<Eigen::bfloat16>(c, 6));
      }
    }
}

TEST_P(CacheAttention, EveryLengthHasTheBitsOfMemory) {
  for (Index length = 0; length <= 140; ++length)
    for (const Index q_len : {1, 20}) {
      const Case c{{1, 2, 1, q_len, length, 9, 5}, rapt::causal()};
      ASSERT_NO_FATAL_FAILURE(expect_bits_of_memory<float>(c, 7));
      ASSERT_NO_FATAL_FAILURE(expect_bits_of_memory<Eigen::half>(c, 8));
    }
}

TEST_P(CacheAttention, RoundsWhatItTakesInToTheNearest16Bits) {
  const Shape shape{1, 3, 3, 5, 90, 21, 18};
  const Inputs<float> inputs(shape, 9);
  Inputs<float> rounded = inputs;
  for (std::vector<float>* numbers : {&rounded.k, &rounded.v})
    for (float& x : *numbers) x = static_cast<float>(Eigen::bfloat16(x));
  const Options<float> options{.isa = GetParam()};
  EXPECT_TRUE(
      same_bits(attend<Eigen::bfloat16>(inputs.views().q, cache_of<Eigen::bfloat16>(inputs.views(), GetParam()).view(),
                                        {}, options),
                attend(rounded.views(), {}, options)));
}

TEST_P(CacheAttention, TakesACacheAndAViewOfItAlike) {
  const Inputs<float> inputs({1, 4, 2, 3, 50, 8, 8}, 10);
  rapt::KvCache<float> kv({1, 2, 50, 8, 8}, GetParam());
  rapt::RingCache<float> ring({1, 2, 50, 8, 8}, GetParam());
  kv.append(inputs.views().k, inputs.views().v);
  ring.append(inputs.views().k, inputs.views().v);
  Result<float> from_kv(inputs.shape), from_ring(inputs.shape), from_plan(inputs.shape);
  const Options<float> options{.isa = GetParam()};
  rapt::attention(inputs.views().q, kv, from_kv.out_view(), rapt::causal(), options);
  rapt::attention(inputs.views().q, ring, from_ring.out_view(), rapt::causal(), options);
  auto plan = rapt::plan(inputs.views().q, kv, from_plan.out_view(), rapt::causal(), options);
  plan.run();
  EXPECT_EQ(plan.ran(), GetParam());
  const std::vector<float> expected = attend<float>(inputs.views().q, kv.view(), rapt::causal(), options).out;
  EXPECT_TRUE(same_bits(from_kv.out, expected));
  EXPECT_TRUE(same_bits(from_ring.out, expected));
  EXPECT_TRUE(same_bits(from_plan.out, expected));
}

/// Sequences of different lengths in one batch, each with queries of its own.
template <class K> void expect_each_sequence_as_if_alone(Isa isa, Index q_len, const Mask& mask) {
  using T = Arithmetic<K>;
  const std::vector<Index> lengths = {70, 0, 600, 1, 64, 513};
  const Index sequences = static_cast<Index>(lengths.size());
  const Inputs<T> inputs = inputs_for<K>({sequences, 4, 2, q_len, 600, 16, 24}, 11);
  const Views<T> views = inputs.views();
  rapt::KvCache<K> cache({sequences, 2, 600, 16, 24}, isa);
  for (Index s = 0; s < sequences; ++s)
    cache.append(s, positions(entry(views.k, s), 0, lengths[at(s)]), positions(entry(views.v, s), 0, lengths[at(s)]));
  const Options<T> options{.isa = isa};
  const Result<T> batch = attend<K>(views.q, cache.view(), mask, options);
  for (Index s = 0; s < sequences; ++s) {
    const Views<T> alone{entry(views.q, s), positions(entry(views.k, s), 0, lengths[at(s)]),
                         positions(entry(views.v, s), 0, lengths[at(s)])};
    const Result<T> expected = attend(alone, mask, options);
    const Index numbers = static_cast<Index>(expected.out.size()), rows = static_cast<Index>(expected.lse.size());
    EXPECT_TRUE(same_bits(batch.row(s, 0, 0), expected.out.data(), numbers)) << "sequence " << s;
    EXPECT_TRUE(same_bits(batch.lse.data() + s * rows, expected.lse.data(), rows)) << "sequence " << s;
    EXPECT_TRUE(same_bits(attend<K>(alone.q, cache.view(s), mask, options), expected)) << "sequence " << s;
  }
  const Result<T> three = attend<K>({views.q.data + 2 * views.q.stride[0], {3, 4, q_len, 16}, views.q.stride},
                                    cache.view(2, 3), mask, options);
  EXPECT_TRUE(same_bits(three.out.data(), batch.row(2, 0, 0), static_cast<Index>(three.out.size())));
}
TEST_P(CacheAttention, SequencesOfDifferentLengthsAreWhatEachIsAlone) {
  for (const Index q_len : {1, 3, 30})
    for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(40, 0))}) {
      SCOPED_TRACE(testing::Message() << q_len << " queries, mask " << describe(mask));
      expect_each_sequence_as_if_alone<float>(GetParam(), q_len, mask);
      expect_each_sequence_as_if_alone<Eigen::half>(GetParam(), q_len, mask);
    }
}

/// Whichever instruction set has filled a cache, each one reads it.
TEST_P(CacheAttention, ReadsWhatAnyInstructionSetTookIn) {
  const Inputs<float> inputs({1, 2, 1, 2, 75, 33, 21}, 12);
  const Options<float> options{.isa = GetParam()};
  for (const Isa other : rapt::supported_isas()) {
    EXPECT_TRUE(same_bits(
        attend<Eigen::half>(inputs.views().q, cache_of<Eigen::half>(inputs.views(), other).view(), {}, options),
        attend<Eigen::half>(inputs.views().q, cache_of<Eigen::half>(inputs.views(), GetParam()).view(), {}, options)));
  }
}

RAPT_ON_EVERY_ISA(CacheAttention);

}  // namespace
}  // namespace rapt_test::cache_attention_test
