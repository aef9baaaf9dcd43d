// NaN and infinities under every mask, at random: what is masked can't reach the output whatever its bits, what is
// attended does, and a row without a key is zero.
#include <cmath>
#include <limits>
#include <vector>

#include "support/isas.hpp"
#include "support/masks.hpp"

namespace rapt_test::masks_nonfinite_test {
namespace {

/// Quiet and signalling NaN of either sign, with payloads; infinities.
template <class T> T poison(Random& random) {
  using Bits = BitsOf<T>;
  const Bits exponent = bits(std::numeric_limits<T>::infinity());
  const Bits sign = Bits(random.below(2)) << (8 * sizeof(T) - 1);
  const Bits payload = static_cast<Bits>(random.next()) & (bits(T(2)) - 1) & ~exponent;
  return from_bits<T>(sign | exponent | (random.below(3) == 0 ? Bits(0) : payload | 1));
}

/// Whether query i of head h of entry b attends to key j.
bool reached(const auto& mask, const Shape& s, Index b, Index h, Index i, Index j) {
  return rapt::detail::attends(mask, rapt::detail::coord(b, h, s.kv_len - s.q_len + i, j, i));
}

/// Some keys and values of every head of a call are poisoned, in all elements. A row that attends to one is NaN; any
/// other has the bits that it has without the poison, and zeros if it attends to nothing.
template <class T, class M>
void expect_poison_reaches_what_attends(const Inputs<T>& clean, const M& mask, Isa isa, Random& random) {
  const Shape& s = clean.shape;
  Inputs<T> inputs = clean;
  std::vector<bool> poisoned(at(s.batch * s.kv_heads * s.kv_len));
  const Index one_in = 1 + random.below(s.kv_len);  // from all to hardly any
  for (Index r = 0; r < s.batch * s.kv_heads * s.kv_len; ++r) {
    if (random.below(one_in) != 0) continue;
    poisoned[at(r)] = true;
    for (Index d = 0; d < s.head_dim; ++d) inputs.k[at(r * s.head_dim + d)] = poison<T>(random);
    for (Index d = 0; d < s.value_dim; ++d) inputs.v[at(r * s.value_dim + d)] = poison<T>(random);
  }
  const Result<T> expected = attend_with(clean.views(), mask, Options<T>{.isa = isa});
  const Result<T> found = attend_with(inputs.views(), mask, Options<T>{.isa = isa});
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = 0; i < s.q_len; ++i) {
        bool any = false, hit = false;
        for (Index j = 0; j < s.kv_len; ++j) {
          const Index kv_head = b * s.kv_heads + h / (s.q_heads / s.kv_heads);
          if (!reached(mask, s, b, h, i, j)) continue;
          any = true;
          hit = hit || poisoned[at(kv_head * s.kv_len + j)];
        }
        const T* const row = found.row(b, h, i);
        for (Index d = 0; d < s.value_dim; ++d) {
          const bool right = hit    ? std::isnan(row[d])
                             : !any ? bits(row[d]) == 0
                                    : bits(row[d]) == bits(expected.row(b, h, i)[d]);
          ASSERT_TRUE(right) << "row " << i << " of head " << h << ": " << row[d];
        }
        const T lse = found.lse_of(b, h, i);
        ASSERT_TRUE(any || lse == -std::numeric_limits<T>::infinity()) << lse;
        ASSERT_TRUE(hit ? std::isnan(lse) : bits(lse) == bits(expected.lse_of(b, h, i))) << lse;
      }
}

std::vector<Shape> shapes() { return {{2, 4, 2, 70, 150, 6, 10}, {2, 4, 2, 3, 150, 6, 16}, {1, 2, 2, 65, 64, 4, 3}}; }

class MasksNonFinite : public OnEveryIsa {};

TEST_P(MasksNonFinite, ReachExactlyWhatAttendsToThem) {
  Random random(1);
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (const Shape& shape : shapes()) {
      const MaskMemory memory(shape, seed);
      const Inputs<float> inputs(shape, seed);
      every_mask(memory, [&](const auto& mask, const char* name) {
        SCOPED_TRACE(testing::Message() << name << ", " << shape);
        expect_poison_reaches_what_attends(inputs, mask, GetParam(), random);
      });
    }
}

TEST_P(MasksNonFinite, ReachExactlyWhatAttendsToThemInDouble) {
  Random random(2);
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (const Shape& shape : shapes()) {
      const MaskMemory memory(shape, seed);
      const Inputs<double> inputs(shape, seed);
      for (const AnyMask& mask : every_mask(memory)) {
        SCOPED_TRACE(testing::Message() << mask.describe() << ", " << shape);
        expect_poison_reaches_what_attends(inputs, mask, GetParam(), random);
      }
    }
}

/// Two masks at random, one after the other, either, both, not: through AnyMask, as one mask.
TEST_P(MasksNonFinite, ReachExactlyWhatAttendsToThemThroughCompositions) {
  Random random(3);
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    for (const Shape& shape : shapes()) {
      const MaskMemory memory(shape, seed);
      const Inputs<float> inputs(shape, seed);
      const std::vector<AnyMask> masks = every_mask(memory);
      const auto any = [&] { return masks[at(random.below(Index(masks.size())))]; };
      const AnyMask a = any(), b = any(), c = any();
      const AnyMask composed = random.below(2) == 0 ? any_mask((a && !b) || c) : any_mask(a | (b || c));
      SCOPED_TRACE(testing::Message() << composed.describe() << ", " << shape);
      expect_poison_reaches_what_attends(inputs, composed, GetParam(), random);
    }
}

/// Masks that leave nothing.
TEST_P(MasksNonFinite, AreOutOfReachWhereNothingIsAttended) {
  Random random(4);
  for (const Shape& shape : shapes()) {
    const Inputs<float> inputs(shape, 5);
    for (const AnyMask& mask :
         {any_mask(rapt::padding(0)), any_mask(!rapt::Plain{}), any_mask(rapt::left_padding(150))})
      expect_poison_reaches_what_attends(inputs, mask, GetParam(), random);
  }
}

RAPT_ON_EVERY_ISA(MasksNonFinite);

}  // namespace
}  // namespace rapt_test::masks_nonfinite_test
