// Tests on every instruction set that the machine has.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
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
/// And for integers, for which there are others.
class OnEveryQuadIsa : public testing::TestWithParam<rapt::Isa> {};

/// Those that have kernels of their own: whatever the elements, for pairs of bfloat16, and for integers.
inline std::vector<rapt::Isa> isas_without(std::initializer_list<rapt::Isa> others) {
  std::vector<rapt::Isa> isas = rapt::supported_isas();
  for (const rapt::Isa isa : others) std::erase(isas, isa);
  return isas;
}
inline std::vector<rapt::Isa> isas_of_all_elements() {
  return isas_without({rapt::Isa::avx512vnni, rapt::Isa::avx512bf16});
}
inline std::vector<rapt::Isa> isas_of_pairs() { return isas_without({rapt::Isa::avx512vnni}); }
inline std::vector<rapt::Isa> isas_of_quads() { return isas_without({rapt::Isa::avx512bf16}); }

inline std::string isa_name(const testing::TestParamInfo<rapt::Isa>& info) {
  return std::string(rapt::name(info.param));
}

}  // namespace rapt_test

#define RAPT_ON_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt_test::isas_of_all_elements()), rapt_test::isa_name)
#define RAPT_ON_EVERY_PAIR_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt_test::isas_of_pairs()), rapt_test::isa_name)
#define RAPT_ON_EVERY_QUAD_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt_test::isas_of_quads()), rapt_test::isa_name)
