// Sequences with a common beginning: a cascade is attention to all their keys, up to rounding.
#include "rapt/state/cascade.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "support/error_bound.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test {
namespace {

/// Sequences of `common` keys that they share and `own` of their own.
struct Family {
  Shape shape;  // of all keys
  Index common;
  Inputs<float> all;

  Family(Index batch, Index q_len, Index common_len, Index own_len)
      : shape{batch, 4, 2, q_len, common_len + own_len, 16, 12}, common(common_len), all(shape, 5) {
    for (Index b = 1; b < batch; ++b)
      for (Index h = 0; h < 2; ++h)
        for (Index j = 0; j < common; ++j) {
          for (Index d = 0; d < 16; ++d) all.k_view()(b, h, j, d) = all.k_view()(0, h, j, d);
          for (Index d = 0; d < 12; ++d) all.v_view()(b, h, j, d) = all.v_view()(0, h, j, d);
        }
  }
  View<const float> common_part(View<const float> x) const {
    x.extent[0] = 1;
    x.extent[2] = common;
    return x;
  }
  View<const float> own_part(View<const float> x) const {
    x.data += common * x.stride[2];
    x.extent[2] -= common;
    return x;
  }
};

/// Both are float results of the same rows: twice RowBound, and the merging of two states, whose weights are each off
/// by the difference of two logsumexps.
void expect_close(const Result<float>& found, const Result<float>& expected, const Inputs<float>& inputs) {
  const Views<float> in = inputs.views();
  const double u = ExpError<float>::u;
  for (Index b = 0; b < in.q.batch(); ++b)
    for (Index h = 0; h < in.q.heads(); ++h)
      for (Index i = 0; i < in.q.length(); ++i) {
        const RowFacts facts = facts_of_row(in, Mask{}, b, h, i, 0.25);  // of all keys, masked ones too
        const RowBound<float> bound(facts, in.k.length());
        const double lse = expected.lse_of(b, h, i), reach = facts.spread + std::log(240.0);
        const double weight =
            2 * bound.lse(std::fabs(lse)) + (reach * (1 + ExpError<float>::slope()) + ExpError<float>::fixed) * u;
        double largest = 0;
        for (const float v : inputs.v) largest = std::max(largest, static_cast<double>(std::fabs(v)));
        const double limit = std::expm1(2 * weight + 2 * bound.relative + 7 * u) * largest;
        ASSERT_NEAR(found.lse_of(b, h, i), lse, 2 * weight + 3 * u * (1 + std::fabs(lse)));
        for (Index d = 0; d < in.v.dim(); ++d) ASSERT_NEAR(found.row(b, h, i)[d], expected.row(b, h, i)[d], limit);
      }
}

class Cascade : public OnEveryIsa {};

TEST_P(Cascade, IsAttentionToAllKeys) {
  ThreadExecutor threads(3);
  for (const Index q_len : {1, 3})
    for (const Index batch : {1, 5, 20})
      for (const Index common : {0, 1, 64, 200}) {
        const Family family(batch, q_len, common, 40);
        const Views<float> in = family.all.views();
        const Result<float> expected = attend(in, rapt::causal(), Options<float>{.isa = GetParam()});
        for (rapt::Executor* executor :
             {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&threads)}) {
          Result<float> found(family.shape);
          rapt::cascade_attention(in.q, family.common_part(in.k), family.common_part(in.v), family.own_part(in.k),
                                  family.own_part(in.v), found.out_view(), rapt::causal(),
                                  {.lse = found.lse_view(), .executor = executor, .isa = GetParam()});
          expect_close(found, expected, family.all);
        }
      }
}

TEST_P(Cascade, TakesACacheOfSequencesOfDifferentLengths) {
  const Family family(3, 1, 100, 30);
  const Views<float> in = family.all.views();
  rapt::KvCache<float> cache({.sequences = 3, .kv_heads = 2, .capacity = 64, .head_dim = 16, .value_dim = 12},
                             GetParam());
  rapt::KvCache<float> whole({.sequences = 3, .kv_heads = 2, .capacity = 192, .head_dim = 16, .value_dim = 12},
                             GetParam());
  const auto part = [](View<const float> x, Index b, Index first, Index count) {
    x.data += b * x.stride[0] + first * x.stride[2];
    x.extent[0] = 1;
    x.extent[2] = count;
    return x;
  };
  for (Index b = 0; b < 3; ++b) {
    cache.append(b, part(in.k, b, 100, 10 * (b + 1)), part(in.v, b, 100, 10 * (b + 1)));
    whole.append(b, part(in.k, b, 0, 100 + 10 * (b + 1)), part(in.v, b, 0, 100 + 10 * (b + 1)));
  }
  Result<float> found(family.shape), expected(family.shape);
  rapt::cascade_attention(in.q, family.common_part(in.k), family.common_part(in.v), cache, found.out_view(),
                          rapt::causal(), {.lse = found.lse_view(), .isa = GetParam()});
  rapt::attention(in.q, whole, expected.out_view(), rapt::causal(), {.lse = expected.lse_view(), .isa = GetParam()});
  expect_close(found, expected, family.all);
}

RAPT_ON_EVERY_ISA(Cascade);

TEST(CascadeErrors, NameTheArgument) {
  const Family family(2, 1, 8, 8);
  const Views<float> in = family.all.views();
  Result<float> found(family.shape);
  EXPECT_EQ(refusal([&] {
              rapt::cascade_attention(in.q, in.k, in.v, family.own_part(in.k), family.own_part(in.v), found.out_view());
            }),
            "rapt: common_k: batch is 2; it has to be 1, as in keys that all sequences share");
  const auto says = [&](const View<const float>& k, const View<const float>& v, const View<float>& out) {
    return refusal([&] { rapt::cascade_attention(in.q, k, v, family.own_part(in.k), family.own_part(in.v), out); });
  };
  View<const float> k = family.common_part(in.k), v = family.common_part(in.v);
  const View<float> out = found.out_view();
  --k.extent[3];
  EXPECT_EQ(says(k, v, out), "rapt: common_k: head_dim is 15; it has to be 16, as in q");
  ++k.extent[3], --k.extent[2];
  EXPECT_EQ(says(k, v, out), "rapt: common_v: length is 8; it has to be 7, as in common_k");
  ++k.extent[2];
  v = rapt::bshd(static_cast<const float*>(found.out.data()), 1, 8, 2, 12);
  EXPECT_EQ(says(k, v, out), "rapt: out: shares memory with common_v; it has to be apart from what is read");
}

}  // namespace
}  // namespace rapt_test
