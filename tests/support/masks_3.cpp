#include "support/masks.hpp"

namespace rapt_test {

std::vector<AnyMask> every_mask(const MaskMemory& m) {
  std::vector<AnyMask> all;
  every_mask(m, [&](const auto& mask, const char*) { all.push_back(any_mask(mask)); });
  return all;
}

}  // namespace rapt_test

RAPT_TEST_MASKS_3()
