// Tests on every instruction set that the machine has.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "rapt/isa/isa.hpp"

namespace rapt {
/// How GoogleTest writes a parameter.
inline void PrintTo(Isa isa, std::ostream* to) { *to << name(isa); }
}  // namespace rapt

namespace rapt_test {

class OnEveryIsa : public testing::TestWithParam<rapt::Isa> {};

inline std::string isa_name(const testing::TestParamInfo<rapt::Isa>& info) {
  return std::string(rapt::name(info.param));
}

}  // namespace rapt_test

#define RAPT_ON_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(rapt::supported_isas()), rapt_test::isa_name)
