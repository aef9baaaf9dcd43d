// FlashAttention's functions with 16-bit tensors: what they do with the same numbers in float, rounded once.
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "rapt/compat/flash_attention.hpp"
#include "support/tensors.hpp"

namespace rapt_test::flash_attention_narrow_test {
namespace {

namespace api = rapt::compat::flash_attention;
using rapt::compat::tensor;
using Ints = std::vector<std::int32_t>;

/// The same numbers, in 16 bits and widened.
template <class T> struct Both {
  std::vector<T> narrow;
  std::vector<float> wide;

  Both(Index count, std::uint64_t seed) {
    for (const float x : random_numbers<float>(count, seed)) wide.push_back(float(narrow.emplace_back(T(x))));
  }
};

template <class T> void expect_rounded(const std::vector<T>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    T rounded;
    rapt::detail::narrow(expected[i], rounded);
    ASSERT_EQ(float(found[i]), float(rounded)) << "element " << i;
  }
}

template <class T> class FlashAttentionOf : public testing::Test {};
using NarrowTypes = testing::Types<Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(FlashAttentionOf, NarrowTypes);

TYPED_TEST(FlashAttentionOf, FuncIsThatOfFloatsRoundedOnce) {
  using T = TypeParam;
  const Index batch = 2, heads = 4, kv_heads = 2, sq = 30, sk = 70, dim = 16;
  const Both<T> q(batch * sq * heads * dim, 1), k(batch * sk * kv_heads * dim, 2), v(batch * sk * kv_heads * dim, 3);
  std::vector<T> out(q.narrow.size());
  std::vector<float> expected(out.size()), lse(at(batch * heads * sq)), expected_lse(lse.size());
  const auto call = [&](const auto& x, const auto& y, const auto& z, auto& to, std::vector<float>& l) {
    using E = typename std::remove_cvref_t<decltype(to)>::value_type;
    api::flash_attn_func<E>(
        tensor(x.data(), {batch, sq, heads, dim}), tensor(y.data(), {batch, sk, kv_heads, dim}),
        tensor(z.data(), {batch, sk, kv_heads, dim}), tensor(to.data(), {batch, sq, heads, dim}),
        {.causal = true, .window_size = {20, 0}, .softcap = 3, .softmax_lse = tensor(l.data(), {batch, heads, sq})});
  };
  call(q.narrow, k.narrow, v.narrow, out, lse);
  call(q.wide, k.wide, v.wide, expected, expected_lse);
  expect_rounded(out, expected);
  EXPECT_TRUE(same_bits(lse, expected_lse));
}

TYPED_TEST(FlashAttentionOf, VarlenLeavesTokensBehindTheLastOffsetAlone) {
  using T = TypeParam;
  const Index room = 40, heads = 2, dim = 8;
  const Ints offsets{0, 3, 3, 31};
  Both<T> q(room * heads * dim, 1), k(room * heads * dim, 2), v(room * heads * dim, 3);
  for (std::size_t i = at(31 * heads * dim); i < q.wide.size(); ++i)
    q.wide[i] = k.wide[i] = v.wide[i] = std::numeric_limits<float>::quiet_NaN(), q.narrow[i] = k.narrow[i] = T(NAN);
  std::vector<T> out(q.narrow.size(), T(-7.0f));
  std::vector<float> expected(out.size(), -7.0f);
  const auto call = [&](const auto& x, const auto& y, const auto& z, auto& to) {
    using E = typename std::remove_cvref_t<decltype(to)>::value_type;
    api::flash_attn_varlen_func<E>(tensor(x.data(), {room, heads, dim}), tensor(y.data(), {room, heads, dim}),
                                   tensor(z.data(), {room, heads, dim}), tensor(to.data(), {room, heads, dim}),
                                   tensor(offsets.data(), {4}), tensor(offsets.data(), {4}), 28, 28, {.causal = true});
  };
  call(q.narrow, k.narrow, v.narrow, out);
  call(q.wide, k.wide, v.wide, expected);
  expect_rounded(out, expected);
  EXPECT_EQ(float(out.back()), -7.0f);
}

/// New keys are turned in float and rounded once, as in the widened caches if those are rounded.
TYPED_TEST(FlashAttentionOf, KvCacheAppendsTurnedKeys) {
  using T = TypeParam;
  const Index batch = 2, heads = 2, room = 50, fresh = 5, dim = 16, pairs = 6;
  const Ints lengths{20, 33};
  Both<T> q(batch * fresh * heads * dim, 1), k(Index(q.narrow.size()), 2), v(Index(q.narrow.size()), 3);
  Both<T> k_cache(batch * room * heads * dim, 4), v_cache(Index(k_cache.narrow.size()), 5);
  const Both<T> cosines(64 * pairs, 6), sines(64 * pairs, 7);
  std::vector<T> out(q.narrow.size());
  std::vector<float> expected(out.size());
  const auto call = [&](const auto& x, const auto& y, const auto& z, auto& keys, auto& values, const auto& cos,
                        const auto& sin, auto& to) {
    using E = typename std::remove_cvref_t<decltype(to)>::value_type;
    api::flash_attn_with_kvcache<E>(
        tensor(x.data(), {batch, fresh, heads, dim}), tensor(keys.data(), {batch, room, heads, dim}),
        tensor(values.data(), {batch, room, heads, dim}), tensor(to.data(), {batch, fresh, heads, dim}),
        {.k = tensor(y.data(), {batch, fresh, heads, dim}),
         .v = tensor(z.data(), {batch, fresh, heads, dim}),
         .rotary_cos = tensor(cos.data(), {64, pairs}),
         .rotary_sin = tensor(sin.data(), {64, pairs}),
         .cache_seqlens = tensor(lengths.data(), {batch}),
         .causal = true});
  };
  call(q.narrow, k.narrow, v.narrow, k_cache.narrow, v_cache.narrow, cosines.narrow, sines.narrow, out);
  call(q.wide, k.wide, v.wide, k_cache.wide, v_cache.wide, cosines.wide, sines.wide, expected);
  expect_rounded(k_cache.narrow, k_cache.wide);
  expect_rounded(v_cache.narrow, v_cache.wide);
  // Once more, to the rounded keys, and without new ones: now the same numbers are attended to.
  for (std::size_t i = 0; i < k_cache.wide.size(); ++i) k_cache.wide[i] = float(k_cache.narrow[i]);
  const auto read = [&](const auto& x, auto& keys, auto& values, auto& to) {
    using E = typename std::remove_cvref_t<decltype(to)>::value_type;
    const Ints grown{25, 38};
    api::flash_attn_with_kvcache<E>(
        tensor(x.data(), {batch, fresh, heads, dim}), tensor(keys.data(), {batch, room, heads, dim}),
        tensor(values.data(), {batch, room, heads, dim}), tensor(to.data(), {batch, fresh, heads, dim}),
        {.cache_seqlens = tensor(grown.data(), {batch}), .causal = true});
  };
  read(q.narrow, k_cache.narrow, v_cache.narrow, out);
  read(q.wide, k_cache.wide, v_cache.wide, expected);
  expect_rounded(out, expected);
}

}  // namespace
}  // namespace rapt_test::flash_attention_narrow_test
