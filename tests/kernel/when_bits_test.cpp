// Stages that are switched on have the bits of the contract in every combination, and those that are off change none.
#include <memory>
#include <vector>

#include "rapt/score/when.hpp"
#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::when_bits_test {
namespace {

class WhenBits : public OnEveryIsa {};

TEST_P(WhenBits, OfEveryCombination) {
  std::vector<float> numbers(4096 * 40);
  const auto bools = std::make_unique<bool[]>(numbers.size());
  Random random(1);
  for (float& x : numbers) x = static_cast<float>(random.normal());
  for (std::size_t i = 0; i < numbers.size(); ++i) bools[i] = random.below(3) != 0;
  for (int on = 0; on < 16; ++on)
    expect_contracts_bits_of<float>(GetParam(), [&](const Shape& s, Index first, Index last) {
      const Index rows = last - first, heads = s.q_heads, length = s.kv_len;
      const View<const float> bias{numbers.data() + first * length, {1, heads, rows, length}, {0, 4096, length, 1}};
      const View<const bool> mask{bools.get() + first * length, {1, heads, rows, length}, {0, 4096, length, 1}};
      return rapt::when((on & 1) != 0, rapt::bias(bias)) | rapt::when((on & 2) != 0, rapt::softcap(3)) |
             rapt::when((on & 4) != 0, rapt::mask(mask)) | rapt::when((on & 8) != 0, rapt::window(20, 5));
    });
}

RAPT_ON_EVERY_ISA(WhenBits);

}  // namespace
}  // namespace rapt_test::when_bits_test
