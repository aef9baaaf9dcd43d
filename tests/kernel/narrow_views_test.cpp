// Queries, keys, values and outputs of 16 bits, each its own type: computed in float, and rounded once.
#include <Eigen/Core>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/ragged.hpp"
#include "rapt/rope/scaling.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::narrow_views_test {
namespace {

using Eigen::bfloat16, Eigen::half;

class NarrowViews : public OnEveryIsa {};

/// Random numbers as elements of E, rounded by Eigen; and as the floats that those stand for.
template <class E> struct Numbers {
  std::vector<E> narrow;
  std::vector<float> wide;

  Numbers(Index count, std::uint64_t seed) {
    for (const float x : random_numbers<float>(count, seed)) {
      narrow.push_back(static_cast<E>(x));
      wide.push_back(static_cast<float>(narrow.back()));
    }
  }
};

/// The view of a shape whose elements stand `step` apart, and leave as much room at the end of a row.
template <class E> View<E> spread(E* data, Index b, Index h, Index n, Index d, Index step) {
  const Index row = d * step + 3;
  return rapt::strided(data, {b, h, n, d}, {h * n * row, n * row, row, step});
}
Index spread_size(Index b, Index h, Index n, Index d, Index step) { return b * h * n * (d * step + 3); }

struct Call {
  Shape shape;
  Index step = 1;       // of elements
  bool turned = false;  // by a rotary table
  bool causal = true;
};

template <class Q, class K, class V, class O> void expect_rounded_once(const Call& c, Isa isa) {
  const Shape& s = c.shape;
  const auto size = [&](Index h, Index n, Index d) { return spread_size(s.batch, h, n, d, c.step); };
  const auto view = [&](auto* data, Index h, Index n, Index d) { return spread(data, s.batch, h, n, d, c.step); };
  const Numbers<Q> q(size(s.q_heads, s.q_len, s.head_dim), 1);
  const Numbers<K> k(size(s.kv_heads, s.kv_len, s.head_dim), 2);
  const Numbers<V> v(size(s.kv_heads, s.kv_len, s.value_dim), 3);
  std::vector<O> out(at(size(s.q_heads, s.q_len, s.value_dim)), O(-12345.5f));
  std::vector<float> expected(out.size(), -12345.5f);
  const rapt::rope::Table<float> table(rapt::rope::standard(s.head_dim / 2 * 2), s.kv_len + 1);
  std::vector<float> lse(at(s.rows())), expected_lse(lse.size());
  const auto options = [&](std::vector<float>& to) {
    Options<float> o{.lse = rapt::lse_bhs(to.data(), s.batch, s.q_heads, s.q_len), .isa = isa};
    if (c.turned) o.rope = &table;
    return o;
  };
  const auto when = rapt::when(c.causal, rapt::causal());
  rapt::attention(view(q.narrow.data(), s.q_heads, s.q_len, s.head_dim),
                  view(k.narrow.data(), s.kv_heads, s.kv_len, s.head_dim),
                  view(v.narrow.data(), s.kv_heads, s.kv_len, s.value_dim),
                  view(out.data(), s.q_heads, s.q_len, s.value_dim), when, options(lse));
  rapt::attention(view(q.wide.data(), s.q_heads, s.q_len, s.head_dim),
                  view(k.wide.data(), s.kv_heads, s.kv_len, s.head_dim),
                  view(v.wide.data(), s.kv_heads, s.kv_len, s.value_dim),
                  view(expected.data(), s.q_heads, s.q_len, s.value_dim), when, options(expected_lse));
  EXPECT_TRUE(same_bits(lse, expected_lse));
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(static_cast<float>(out[i]), static_cast<float>(static_cast<O>(expected[i]))) << i << ", " << s;
}

const Call calls[] = {
    {{2, 4, 2, 77, 130, 24, 20}},           // many rows
    {{2, 4, 2, 77, 130, 40, 36}, 1, true},  // turned
    {{2, 4, 2, 70, 70, 13, 7}, 2},          // elements apart
    {{2, 4, 2, 1, 130, 24, 20}},            // few rows
    {{2, 4, 2, 2, 130, 13, 7}, 2, false},   // and apart
    {{1, 4, 1, 3, 600, 32, 33}, 1, true},   // and turned
};

TEST_P(NarrowViews, AreRoundedOnce) {
  for (const Call& c : calls) {
    expect_rounded_once<bfloat16, float, float, float>(c, GetParam());
    expect_rounded_once<half, half, half, half>(c, GetParam());
    expect_rounded_once<float, bfloat16, half, bfloat16>(c, GetParam());
    expect_rounded_once<half, float, bfloat16, float>(c, GetParam());
  }
}

/// A cache and a ragged batch have queries and outputs of their own types as well.
TEST_P(NarrowViews, GoToACacheAndInRaggedBatches) {
  const Shape s{3, 4, 2, 40, 40, 16, 12};
  const Numbers<half> q(s.batch * 4 * 40 * 16, 4);
  const Inputs<float> inputs = inputs_for<bfloat16>(s, 5);
  rapt::KvCache<bfloat16> cache = cache_of<bfloat16>(inputs.views(), GetParam());
  std::vector<half> out(at(s.rows() * 12), half(-1.f));
  std::vector<float> expected(out.size(), -1.f);
  const std::vector<Index> lengths{40, 0, 7};
  const auto attend = [&](const auto* queries, auto* to) {
    rapt::attention(rapt::padded(rapt::bhsd(queries, 3, 4, 40, 16), lengths), cache,
                    rapt::padded(rapt::bhsd(to, 3, 4, 40, 12), lengths), rapt::causal(), {.isa = GetParam()});
  };
  attend(q.narrow.data(), out.data());
  attend(q.wide.data(), expected.data());
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(static_cast<float>(out[i]), static_cast<float>(static_cast<half>(expected[i]))) << i;
}

/// What can't be held: NaN becomes the canonical one, too large a number infinite.
TEST_P(NarrowViews, HoldNaNAndInfinity) {
  const float huge = 1e30f, nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> q(16, 0.f), k(16, 0.f), v{huge, -huge, nan, 1.f, 65520.f, 65519.f, 0.f, 1e-8f};
  std::vector<half> out(8);
  rapt::attention(rapt::bhsd(q.data(), 1, 1, 1, 16), rapt::bhsd(k.data(), 1, 1, 1, 16),
                  rapt::bhsd(v.data(), 1, 1, 1, 8), rapt::bhsd(out.data(), 1, 1, 1, 8), rapt::Plain{},
                  {.isa = GetParam()});
  const std::uint16_t expected[] = {0x7c00, 0xfc00, 0x7e00, 0x3c00, 0x7c00, 0x7bff, 0, 0};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(std::bit_cast<std::uint16_t>(out[i]), expected[i]) << i;
}

RAPT_ON_EVERY_ISA(NarrowViews);

}  // namespace
}  // namespace rapt_test::narrow_views_test
