// What ordinary code calls leaves the upper halves of the vector registers zero: with anything in them, the SSE code of
// the rest of the program is slow. This file is compiled without the optimisation that makes GCC see to it by itself.
#include <Eigen/Core>
#include <cstdint>
#include <rapt/rapt.hpp>
#include <span>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

#if defined(__x86_64__)

namespace rapt_test::leaving_test {
namespace {

using rapt::Index;

/// All that registers 0 to 15 hold beyond their first 128 bits.
template <int Bytes> struct Rest {
  alignas(64) std::uint8_t of[16][Bytes] = {};
};

template <int Bytes> bool is_zero(const Rest<Bytes>& rest) {
  for (const auto& bytes : rest.of)
    for (const std::uint8_t byte : bytes)
      if (byte != 0) return false;
  return true;
}

#define RAPT_EACH_REGISTER(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define RAPT_HALF_OF_256(n) "vextractf128 $1, %%ymm" #n ", " #n "*16(%0)\n\t"
#define RAPT_HALF_OF_512(n) "vextractf64x4 $1, %%zmm" #n ", " #n "*32(%0)\n\t"

bool upper_halves_are_zero(Isa isa) {
  Rest<16> upper;
  __asm__ volatile(RAPT_EACH_REGISTER(RAPT_HALF_OF_256)::"r"(&upper) : "memory");
  if (isa < Isa::avx512) return is_zero(upper);
  Rest<32> wide;
  __asm__ volatile(RAPT_EACH_REGISTER(RAPT_HALF_OF_512)::"r"(&wide) : "memory");
  return is_zero(upper) && is_zero(wide);
}

void soil_upper_halves() {
  const float one = 1;
  __asm__ volatile("vbroadcastss %0, %%ymm15" ::"m"(one) : "xmm15");
}

class UpperHalves : public OnEveryPairIsa {
 protected:
  void SetUp() override {
    if (!rapt::supported(Isa::avx2)) GTEST_SKIP() << "this CPU has no upper halves";
    soil_upper_halves();
    ASSERT_FALSE(upper_halves_are_zero(Isa::avx2)) << "the test can't see them";
    __asm__ volatile("vzeroupper");
  }
  /// After a call of `what`; generic code, which has no use for them, as well.
  template <class F> void expect_zero(const char* what, const F& call) const {
    call();
    EXPECT_TRUE(upper_halves_are_zero(GetParam())) << what;
  }

  template <class T> static rapt::View<T> heads(std::vector<T>& x, Index length, Index count) {
    return rapt::bshd(x.data(), 1, length, count, Index(16));
  }
};

TEST_P(UpperHalves, AreZeroAfterEveryKindOfCall) {
  const Isa isa = GetParam();
  const Index n = 70;
  std::vector<float> q(at(n * 4 * 16), 0.5f), k(at(n * 2 * 16), 0.25f), out(at(n * 4 * 16)), row(16),
      entropy(at(4 * n));
  const auto queries = heads(q, n, 4), one = heads(q, 1, 4), keys = heads(k, n, 2), to = heads(out, n, 4),
             to_one = heads(out, 1, 4);
  rapt::KvCache<Eigen::bfloat16> cache({.kv_heads = 2, .capacity = n, .head_dim = 16}, isa);
  rapt::rope::Table<float> table(rapt::rope::standard(16), 4);
  const rapt::Linear<float> linear(rapt::row_major<const float>(k.data(), 16, 16));

  expect_zero("a table of rotations", [&] { table = rapt::rope::Table<float>(rapt::rope::standard(16), n); });
  expect_zero("rotate", [&] { rapt::rope::rotate(queries, to, table, {.isa = isa}); });
  expect_zero("append", [&] { cache.append(keys, keys, {.rope = &table}); });
  expect_zero("attention", [&] { rapt::attention(queries, keys, keys, to, rapt::causal(), {.isa = isa}); });
  expect_zero("attention to a cache", [&] { rapt::attention(one, cache, to_one, {.rope = &table, .isa = isa}); });
  std::vector<Eigen::bfloat16> narrow(at(n * 4 * 16), Eigen::bfloat16(0.5f)), narrow_out = narrow;
  expect_zero("attention of bfloat16", [&] {
    rapt::attention(heads(narrow, n, 4), heads(narrow, n, 4), heads(narrow, n, 4), heads(narrow_out, n, 4),
                    {.isa = isa});
  });
  expect_zero("Linear", [&] {
    linear(rapt::row_major<const float>(q.data(), 3, 16), rapt::row_major(out.data(), 3, Index(16)), {.isa = isa});
  });
  expect_zero("rms_norm", [&] { rapt::rms_norm(queries, row, to, {.isa = isa}); });
  expect_zero("observe",
              [&] { rapt::observe(queries, keys, {.entropy = rapt::bhs(entropy.data(), 1, 4, n)}, {.isa = isa}); });
  std::vector<float> lse(at(4 * n));
  const rapt::AttentionState<float> state{to, rapt::bhs(lse.data(), 1, 4, n)};
  const rapt::AttentionState<const float> parts[] = {state, state};
  expect_zero("merge", [&] { rapt::merge<float>(parts, state, {.isa = isa}); });
}

RAPT_ON_EVERY_PAIR_ISA(UpperHalves);

}  // namespace
}  // namespace rapt_test::leaving_test

#endif
