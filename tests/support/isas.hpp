// Tests on every instruction set that the machine has.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "rapt/isa/isa.hpp"

namespace rapt {
/// How GoogleTest writes a parameter.
inline void PrintTo(Isa isa, std::ostream* to) { *to << name(isa); }
}  // namespace rapt

namespace rapt_test {

class OnEveryIsa : public testing::TestWithParam<rapt::Isa> {};
/// The same for pairs of bfloat16, for which there are more.
class OnEveryPairIsa : public testing::TestWithParam<rapt::Isa> {};

/// Those that have kernels of their own whatever the elements.
inline std::vector<rapt::Isa> isas_of_all_elements() {
  std::vector<rapt::Isa> isas = rapt::supported_isas();
  std::erase(isas, rapt::Isa::avx512bf16);
  return isas;
}

inline std::string isa_name(const testing::TestParamInfo<rapt::Isa>& info) {
  return std::string(rapt::name(info.param));
}

}  // namespace rapt_test

#define RAPT_ON_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt_test::isas_of_all_elements()), rapt_test::isa_name)
#define RAPT_ON_EVERY_PAIR_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt::supported_isas()), rapt_test::isa_name)
