// Every built-in mask has the bits of the contract in double too: all of them in one composition, which takes one
// kernel, and in which all but one let everything through. (A composition asks each of its masks by that mask's own
// form in the kernels.)
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/masks.hpp"

namespace rapt_test::masks_double_test {
namespace {

/// A bit for each mask.
enum Which {
  padded,
  padded_left,
  prefix,
  chunks,
  dilation,
  documents,
  bools,
  bits64,
  bits32,
  tree,
  blocks,
  last = blocks
};

/// Some of the masks of `memory`, the others replaced by such as hide nothing.
class AllMasks {
 public:
  explicit AllMasks(const MaskMemory& memory) : m_(memory) { std::fill_n(true_, std::size(true_), true); }

  /// Those whose bits are in `which`.
  auto of(unsigned which) const {
    using namespace rapt;
    const auto in = [=](Which w) { return (which >> w & 1) != 0; };
    const Index words = (m_.shape.kv_len + 63) / 64;
    const auto hides_nothing = block_sparse(every_, one_column_, {Index(1) << 20, Index(1) << 20});
    return padding(in(padded) ? PerBatch(m_.lengths) : PerBatch(m_.shape.kv_len)) |
           left_padding(in(padded_left) ? PerBatch(m_.lengths) : PerBatch(0)) |
           prefix_lm(in(prefix) ? PerBatch(m_.lengths) : PerBatch(m_.shape.kv_len)) |
           chunk_local(in(chunks) ? 50 : Index(1) << 20) | dilated(in(dilation) ? 3 : 1) |
           document(in(documents) ? PerPosition(m_.id_matrix()) : PerPosition(same_)) |
           mask(in(bools) ? m_.dense_view() : bhsd(true_, 1, 1, 1, m_.shape.kv_len)) |
           bit_mask(in(bits64) ? m_.word_view(m_.words) : bhsd(ones_.data(), 1, 1, 1, words)) |
           bit_mask(in(bits32) ? m_.word_view(m_.half_words) : bhsd(half_ones_.data(), 1, 1, 1, 2 * words)) |
           (ancestors(m_.parents, m_.shape.q_len) || !padding(in(tree) ? m_.shape.kv_len : 0)) |
           (in(blocks)
                ? block_sparse(row_major(m_.rows.data(), m_.shape.q_heads, Index(m_.rows.size()) / m_.shape.q_heads),
                               m_.columns, m_.block())
                : hides_nothing);
  }

 private:
  const MaskMemory& m_;
  bool true_[1000];
  std::vector<std::int32_t> same_ = std::vector<std::int32_t>(1000), every_ = {0, 1}, one_column_ = {0};
  std::vector<std::uint64_t> ones_ = std::vector<std::uint64_t>(20, ~std::uint64_t(0));
  std::vector<std::uint32_t> half_ones_ = std::vector<std::uint32_t>(40, ~std::uint32_t(0));
};

class MasksDouble : public OnEveryIsa {};

TEST_P(MasksDouble, HaveTheContractsBits) {
  ThreadExecutor threads(3);
  std::uint64_t seed = 20;
  for (const Shape& shape : {Shape{2, 4, 2, 70, 200, 16, 8}, {2, 4, 2, 3, 200, 24, 20}, {1, 2, 1, 130, 600, 8, 17}}) {
    const Inputs<double> inputs(shape, ++seed);
    const MaskMemory memory(shape, seed);
    const AllMasks all(memory);
    const Result<double> plain = contracts(inputs.views(), any_mask(rapt::Plain{}));
    const auto expect = [&](unsigned which) {
      const auto mask = all.of(which);
      SCOPED_TRACE(testing::Message() << "masks " << std::hex << which << std::dec << ", " << shape);
      const Result<double> expected = contracts(inputs.views(), mask);
      EXPECT_TRUE(same_bits(attend_with(inputs.views(), mask, Options<double>{.isa = GetParam()}), expected));
      EXPECT_TRUE(same_bits(attend_with(inputs.views(), mask, Options<double>{.executor = &threads, .isa = GetParam()}),
                            expected));
      EXPECT_FALSE(same_bits(expected, plain)) << "the mask hides nothing";
    };
    for (int which = 0; which <= last; ++which) expect(1u << which);
    expect(1u << padded | 1u << bools | 1u << documents);
    expect(1u << prefix | 1u << bits64 | 1u << tree | 1u << blocks);
  }
}

/// What the others are replaced by does hide nothing.
TEST_P(MasksDouble, OfWhichNoneIsAskedForAreNone) {
  const Shape shape{2, 4, 2, 70, 200, 16, 8};
  const Inputs<double> inputs(shape, 3);
  const MaskMemory memory(shape, 4);
  EXPECT_TRUE(same_bits(attend_with(inputs.views(), AllMasks(memory).of(0), Options<double>{.isa = GetParam()}),
                        contracts(inputs.views(), any_mask(rapt::Plain{}))));
}

RAPT_ON_EVERY_ISA(MasksDouble);

}  // namespace
}  // namespace rapt_test::masks_double_test
