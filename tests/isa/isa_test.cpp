// Which instruction sets there are, which of them runs, and who says so.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::isa_test {
namespace {

using rapt::all_isas;

/// Sets an environment variable for the length of a test.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* before = std::getenv(variable)) before_ = before;
    if (value != nullptr)
      setenv(variable, value, 1);
    else
      unsetenv(variable);
  }
  ~Environment() {
    if (before_)
      setenv(variable, before_->c_str(), 1);
    else
      unsetenv(variable);
  }

 private:
  static constexpr const char* variable = "RAPT_ISA";
  std::optional<std::string> before_;
};

TEST(Isa, HasAName) {
  EXPECT_EQ(rapt::name(Isa::generic), "generic");
  EXPECT_EQ(rapt::name(Isa::neon), "neon");
  EXPECT_EQ(rapt::name(Isa::avx2), "avx2");
  EXPECT_EQ(rapt::name(Isa::avx512), "avx512");
  EXPECT_EQ(rapt::name(Isa::avx512vnni), "avx512vnni");
  EXPECT_EQ(rapt::name(Isa::avx512bf16), "avx512bf16");
}

TEST(Isa, GenericRunsEverywhereAndTheBestComesLast) {
  const std::vector<Isa> found = rapt::supported_isas();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front(), Isa::generic);
  for (std::size_t i = 1; i < found.size(); ++i) EXPECT_LT(found[i - 1], found[i]);
  for (const Isa isa : all_isas) EXPECT_EQ(rapt::supported(isa), std::count(found.begin(), found.end(), isa) == 1);
}

TEST(Isa, IsFoundByItsNameIfItCanRun) {
  for (const Isa isa : rapt::supported_isas()) EXPECT_EQ(rapt::detail::isa_named(rapt::name(isa), "RAPT_ISA"), isa);
}

TEST(Isa, OfAnUnknownNameIsRefusedInWords) {
  EXPECT_EQ(refusal([] { rapt::detail::isa_named("sse9", "RAPT_ISA"); }),
            "rapt: RAPT_ISA: is 'sse9', which is no instruction set; it has to be one of: " +
                rapt::detail::supported_names());
  for (const char* name : {"AVX2", "avx", "avx512 ", "genericc"})
    EXPECT_NE(refusal([=] { rapt::detail::isa_named(name, "x"); }), "") << name;
}

TEST(Isa, ThatCanNotRunHereIsRefusedInWords) {
  for (const Isa isa : all_isas)
    if (!rapt::supported(isa)) {
      EXPECT_EQ(refusal([=] { rapt::detail::isa_named(rapt::name(isa), "RAPT_ISA"); }),
                "rapt: RAPT_ISA: is " + std::string(rapt::name(isa)) + ", " + rapt::detail::why_not(isa) +
                    "; it has to be one of: " + rapt::detail::supported_names());
    }
}

TEST(Isa, ThatCanNotRunHereSaysWhatItWouldTake) {
  const bool x86 = RAPT_ARCH_X86_64 != 0;
  for (const Isa isa : all_isas) {
    if (rapt::supported(isa)) continue;
    const std::string why = rapt::detail::why_not(isa);
    const bool others = x86 ? isa == Isa::neon : isa != Isa::neon;
    EXPECT_EQ(why.find("this CPU") != std::string::npos, rapt::detail::built_for(isa)) << why;
    EXPECT_EQ(why.find("is for") != std::string::npos, others) << why;
  }
}

#if RAPT_ARCH_X86_64
TEST(Isa, IsWhatTheCompilersRuntimeFindsToo) {
  __builtin_cpu_init();
  EXPECT_EQ(rapt::detail::cpu().avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(rapt::detail::cpu().avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
}
#endif

TEST(ActiveIsa, IsTheBestUnlessTheEnvironmentNamesOne) {
  {
    const Environment unset(nullptr);
    EXPECT_EQ(rapt::detail::choose_isa(), rapt::supported_isas().back());
  }
  {
    const Environment empty("");
    EXPECT_EQ(rapt::detail::choose_isa(), rapt::supported_isas().back());
  }
  for (const Isa isa : rapt::supported_isas()) {
    const Environment named(std::string(rapt::name(isa)).c_str());
    EXPECT_EQ(rapt::detail::choose_isa(), isa);
  }
}

TEST(ActiveIsa, RefusesAnUnknownNameInTheEnvironment) {
  const Environment wrong("avx1024");
  EXPECT_EQ(refusal([] { rapt::detail::choose_isa(); }),
            "rapt: RAPT_ISA: is 'avx1024', which is no instruction set; it has to be one of: " +
                rapt::detail::supported_names());
}

TEST(ActiveIsa, IsWhatAPlanUses) {
  const Inputs<float> inputs({1, 1, 1, 3, 3, 4, 4}, 1);
  Result<float> result(inputs.shape);
  auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view());
  // Floats have nothing of what the last two add to the one below.
  const Isa expected = std::min(rapt::active_isa(), Isa::avx512);
  EXPECT_EQ(plan.isa(), expected);
  plan.run();
  EXPECT_EQ(plan.ran(), expected);
}

class EveryIsa : public OnEveryIsa {};

TEST_P(EveryIsa, IsTheOneWhoseKernelRan) {
  const Inputs<float> inputs({1, 2, 1, 40, 100, 8, 8}, 1);
  Result<float> result(inputs.shape);
  auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                         {.isa = GetParam()});
  EXPECT_EQ(plan.isa(), GetParam());
  EXPECT_FALSE(plan.ran().has_value()) << "nothing has run yet";
  plan.run();
  EXPECT_EQ(plan.ran(), GetParam());
  EXPECT_NE(plan.explain().find(std::string(rapt::name(GetParam()))), std::string::npos);
}

RAPT_ON_EVERY_ISA(EveryIsa);

}  // namespace
}  // namespace rapt_test::isa_test
