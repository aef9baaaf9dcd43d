// Masks in memory: bools and bits, with any strides.
#include <memory>
#include <vector>

#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::dense_mask_test {
namespace {

const Shape shape{2, 3, 1, 40, 150};

TEST(DenseMask, IsIndexedByTheCallsRowAndTheKey) {
  const MaskMemory m(shape, 1);
  const auto view = m.dense_view();
  const auto mask = rapt::mask(view);
  const auto bits = rapt::bit_mask(m.word_view(m.words));
  const auto half = rapt::bit_mask(m.word_view(m.half_words));
  for (std::int32_t b = 0; b < 2; ++b)
    for (std::int32_t h = 0; h < 3; ++h)
      for (std::int32_t i = 0; i < 40; ++i)
        for (std::int32_t j = 0; j < 150; ++j) {
          ASSERT_EQ(mask.attends({b, h, 1000 + i, j, i}), view(b, h, i, j));
          ASSERT_EQ(bits.attends({b, h, 1000 + i, j, i}), view(b, h, i, j));
          ASSERT_EQ(half.attends({b, h, 1000 + i, j, i}), view(b, h, i, j));
        }
}

TEST(DenseMask, CoversIsExactWhateverTheStrides) {
  const MaskMemory m(shape, 2);
  EXPECT_GT(expect_covers_is_true(rapt::mask(m.dense_view()), shape, 0, true).least(), 500);
  View<const bool> turned = m.dense_view();  // [.., key, query], as a transposed tensor
  turned.stride[2] = 1, turned.stride[3] = 40;
  EXPECT_GT(expect_covers_is_true(rapt::mask(turned), shape, 7, true).least(), 10);
  View<const bool> backwards = m.dense_view();
  backwards.data += 149, backwards.stride[3] = -1;
  EXPECT_GT(expect_covers_is_true(rapt::mask(backwards), shape, 7, true).least(), 500);
}

/// Bytes mask by being 0 or not, whatever else they are: in the forms for eight at once, and for the last few.
TEST(DenseMask, OfBytesAttendsToWhatIsNotZero) {
  const Shape bytes_shape{2, 3, 1, 40, 133};
  Random random(3);
  std::vector<std::uint8_t> bytes(at(2 * 3 * 40 * 133));
  const std::uint8_t values[] = {0, 1, 2, 128, 255, 0, 4, 127};
  for (std::uint8_t& byte : bytes) byte = values[random.below(8)];
  for (Index i = 0; i < 3 * 133; ++i) bytes[at(i)] = i < 133 ? 2 : 0;  // rows of one kind
  const auto mask = rapt::mask(rapt::bhsd(bytes.data(), 2, 3, 40, 133));
  for (std::int32_t row = 0; row < 40; ++row)
    for (std::int32_t key = 0; key < 133; ++key) {
      const bool attended = bytes[at((5 * 40 + row) * 133 + key)] != 0;
      const std::int32_t count = std::min(133 - key, 64);
      EXPECT_EQ(mask.attends({1, 2, row, key, row}), attended);
      EXPECT_EQ(mask.row_bits({1, 2, row, key, row}, count) & 1, attended);
      EXPECT_EQ(mask.row_bits({1, 2, row, key, row}, count) >> (count - 1) & 1,
                bytes[at((5 * 40 + row) * 133 + key + count - 1)] != 0);
    }
  EXPECT_GT(expect_covers_is_true(mask, bytes_shape, 0, true).least(), 50);
}

TEST(DenseMask, BroadcastsAnExtentOfOneAndAStrideOfZero) {
  const MaskMemory m(shape, 3);
  for (std::size_t axis = 0; axis < 4; ++axis) {
    View<const bool> one = m.dense_view(), zero = m.dense_view();
    one.extent[axis] = 1;
    zero.stride[axis] = 0;
    const Coord c{1, 2, 9, 140, 33};
    EXPECT_EQ(rapt::mask(one).attends(c), zero(c.batch, c.head, c.row, c.key));
    EXPECT_EQ(rapt::mask(zero).attends(c), zero(c.batch, c.head, c.row, c.key));
    expect_covers_is_true(rapt::mask(one), shape, 0, true);
    if (axis == 3) continue;
    View<const std::uint64_t> words = m.word_view(m.words);
    words.extent[axis] = 1;
    EXPECT_EQ(rapt::bit_mask(words).attends(c), zero(c.batch, c.head, c.row, c.key));
    expect_covers_is_true(rapt::bit_mask(words), shape, 0, true);
  }
}

TEST(BitMask, CoversIsExactWhateverTheStrides) {
  const MaskMemory m(shape, 4);
  EXPECT_GT(expect_covers_is_true(rapt::bit_mask(m.word_view(m.words)), shape, 0, true).least(), 500);
  EXPECT_GT(expect_covers_is_true(rapt::bit_mask(m.word_view(m.half_words)), shape, 0, true).least(), 500);
  View<const std::uint32_t> apart = m.word_view(m.half_words);  // every other word, of half the keys
  apart.extent[3] = 2, apart.stride[3] = 2;
  EXPECT_GT(expect_covers_is_true(rapt::bit_mask(apart), {2, 3, 1, 40, 64}, 0, true).least(), 500);
}

TEST(BitMask, DoesNotLookAtBitsBeyondTheLastKey) {
  std::vector<std::uint64_t> words(2, 0);
  words[1] = ~std::uint64_t(0) << 22;  // keys 86 and up
  const auto none = rapt::bit_mask(rapt::bhsd(words.data(), 1, 1, 1, 2));
  EXPECT_EQ(none.covers(Box{0, 0, 0, 0, 0, 64, 85}), Coverage::none);
  words[1] = ~words[1];
  const auto all = rapt::bit_mask(rapt::bhsd(words.data(), 1, 1, 1, 2));
  EXPECT_EQ(all.covers(Box{0, 0, 0, 0, 0, 64, 85}), Coverage::all);
}

TEST(DenseMask, RefusesExtentsThatAreNotTheCalls) {
  const bool data[1] = {};
  const std::uint32_t word = 0;
  const rapt::ProblemShape call{2, 4, 10, 33};
  const auto says = [&](Index b, Index h, Index q, Index k) {
    return refusal([&] { rapt::mask(rapt::bhsd(data, b, h, q, k)).check(call); });
  };
  EXPECT_EQ(says(2, 4, 10, 33), "");
  EXPECT_EQ(says(1, 1, 1, 1), "");
  EXPECT_EQ(says(3, 1, 1, 1), "rapt: mask: batch is 3; it has to be 2, or 1 for all");
  EXPECT_EQ(says(1, 2, 1, 1), "rapt: mask: the number of heads is 2; it has to be 4, or 1 for all");
  EXPECT_EQ(says(1, 1, 33, 10), "rapt: mask: q_len is 33; it has to be 10, or 1 for all");
  EXPECT_EQ(says(1, 1, 10, 34), "rapt: mask: kv_len is 34; it has to be 33, or 1 for all");
  EXPECT_EQ(refusal([&] {
              rapt::mask(View<const bool>{nullptr, {1, 1, 1, 1}, {}}).check(call);
            }),
            "rapt: mask: data is a null pointer; it has to point to the elements, as no extent is 0");
  const auto says_bits = [&](Index b, Index h, Index q, Index w) {
    return refusal([&] { rapt::bit_mask(rapt::bhsd(&word, b, h, q, w)).check(call); });
  };
  EXPECT_EQ(says_bits(2, 4, 10, 2), "");
  EXPECT_EQ(says_bits(2, 4, 10, 3), "");
  EXPECT_EQ(says_bits(2, 4, 9, 2), "rapt: bit_mask: q_len is 9; it has to be 10, or 1 for all");
  EXPECT_EQ(says_bits(2, 4, 10, 1),
            "rapt: bit_mask: a row has 1 words of 32 bits; it has to have a bit for each of 33 keys");
}

}  // namespace
}  // namespace rapt_test::dense_mask_test
