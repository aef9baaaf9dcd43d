// Every built-in mask has the bits of the contract: in both kernels, on every instruction set, with threads, one row at
// a time, and over a cache.
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/masks.hpp"

namespace rapt_test::masks_bits_test {
namespace {

const std::vector<Shape> shapes = {
    {2, 4, 2, 70, 200, 16, 8},   // a partial tile of rows and of keys
    {2, 4, 2, 3, 200, 24, 20},   // few queries
    {1, 2, 1, 130, 600, 8, 17},  // two spans, two groups
    {1, 4, 1, 1, 70, 5, 3},      // one of each
    {1, 2, 2, 40, 40, 8, 8},
};

class MasksBits : public OnEveryIsa {};

TEST_P(MasksBits, AreTheContracts) {
  std::uint64_t seed = 1;
  ThreadExecutor threads(3);
  for (const Shape& shape : shapes) {
    const Inputs<float> inputs(shape, ++seed);
    every_mask(MaskMemory(shape, seed), [&](const auto& mask, const char* name) {
      SCOPED_TRACE(testing::Message() << name << ", " << shape);
      const Result<float> expected = contracts(inputs.views(), mask);
      EXPECT_TRUE(same_bits(attend_with(inputs.views(), mask, Options<float>{.isa = GetParam()}), expected));
      const Options<float> threaded{.executor = &threads, .isa = GetParam()};
      EXPECT_TRUE(same_bits(attend_with(inputs.views(), mask, threaded), expected));
    });
  }
}

TEST_P(MasksBits, AreTheContractsInDouble) {
  const Shape shape{2, 2, 1, 40, 150, 9, 10};
  const Inputs<double> inputs(shape, 3);
  const MaskMemory memory(shape, 4);
  for (const AnyMask& mask : every_mask(memory))
    EXPECT_TRUE(same_bits(attend_with(inputs.views(), mask, Options<double>{.isa = GetParam()}),
                          contracts(inputs.views(), mask)))
        << mask.describe();
}

/// A mask by positions gives each row the bits that it has in the whole call, in whichever kernel it runs.
TEST_P(MasksBits, OfOneRowAtATimeAreThoseOfTheWholeCall) {
  const Shape shape{1, 4, 2, 70, 200, 16, 8};
  const Inputs<float> inputs(shape, 5);
  const MaskMemory memory(shape, 6);
  for (AnyMask mask : every_mask(memory)) {
    const std::string name = mask.describe();
    if (name == "mask" || name == "bit_mask" || name.starts_with("ancestors")) continue;  // by row
    const Result<float> whole = attend_with(inputs.views(), mask, Options<float>{.isa = GetParam()});
    for (Index i = 0; i < shape.q_len; i += 3) {
      mask.align = rapt::align::offset(shape.kv_len - shape.q_len + i);
      const Views<float> in{positions(inputs.views().q, i, i + 1), inputs.views().k, inputs.views().v};
      const Result<float> row = attend_with(in, mask, Options<float>{.isa = GetParam()});
      EXPECT_TRUE(same_rows(row, whole, i, i + 1)) << name;
    }
  }
}

TEST_P(MasksBits, OverACacheAreThoseOfMemory) {
  for (const Index queries : {3, 50}) {
    const Shape shape{2, 4, 2, queries, 150, 16, 8};
    const Inputs<float> inputs(shape, 7);
    const auto cache = cache_of<float>(inputs.views(), GetParam());
    const MaskMemory memory(shape, 8);
    for (const AnyMask& mask : every_mask(memory)) {
      Result<float> found(shape);
      rapt::attention(inputs.views().q, cache, found.out_view(), mask,
                      Options<float>{.lse = found.lse_view(), .isa = GetParam()});
      EXPECT_TRUE(same_bits(found, attend_with(inputs.views(), mask, Options<float>{.isa = GetParam()})))
          << mask.describe();
    }
  }
}

/// Sequences of different lengths: each has its own last positions, where the nodes of a tree are.
TEST_P(MasksBits, OverSequencesOfDifferentLengthsAreThoseOfEach) {
  const Shape shape{3, 2, 1, 20, 120, 8, 8};
  const Inputs<float> inputs(shape, 9);
  const Views<float> in = inputs.views();
  rapt::KvCache<float> cache(cache_shape(shape, 120), GetParam());
  const Index lengths[] = {120, 70, 20};
  const MaskMemory memory(shape, 10);
  const std::vector<AnyMask> masks = {any_mask(rapt::ancestors(memory.parents)),
                                      any_mask(rapt::document(memory.ids) | rapt::causal())};
  for (Index s = 0; s < 3; ++s)
    cache.append(s, positions(entry(in.k, s), 0, lengths[s]), positions(entry(in.v, s), 0, lengths[s]));
  for (const AnyMask& mask : masks) {
    Result<float> found(shape);
    rapt::attention(in.q, cache, found.out_view(), mask, Options<float>{.lse = found.lse_view(), .isa = GetParam()});
    for (Index s = 0; s < 3; ++s) {
      const Views<float> one{entry(in.q, s), positions(entry(in.k, s), 0, lengths[s]),
                             positions(entry(in.v, s), 0, lengths[s])};
      const Result<float> alone = attend_with(one, mask, Options<float>{.isa = GetParam()});
      for (Index h = 0; h < shape.q_heads; ++h)
        for (Index i = 0; i < shape.q_len; ++i)
          ASSERT_TRUE(same_bits(found.row(s, h, i), alone.row(0, h, i), shape.value_dim)) << mask.describe();
    }
  }
}

RAPT_ON_EVERY_ISA(MasksBits);

}  // namespace
}  // namespace rapt_test::masks_bits_test
