// Sequences with a common beginning: a cascade is attention to all their keys, with the same bits wherever the common
// ones end with a span, and up to rounding elsewhere.
#include "rapt/state/cascade.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "support/error_bound.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::cascade_test {
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

/// Both are float results of the same rows, whose spans begin in different places: twice RowBound, with a span more.
void expect_close(const Result<float>& found, const Result<float>& expected, const Inputs<float>& inputs) {
  const Views<float> in = inputs.views();
  for (Index b = 0; b < in.q.batch(); ++b)
    for (Index h = 0; h < in.q.heads(); ++h)
      for (Index i = 0; i < in.q.length(); ++i) {
        const RowFacts facts = facts_of_row(in, Mask{}, b, h, i, 0.25);  // of all keys, masked ones too
        const RowBound<float> bound(facts, in.k.length() + rapt::contract::span);
        const double lse = expected.lse_of(b, h, i), weight = 2 * bound.lse(std::fabs(lse));
        double largest = 0;
        for (const float v : inputs.v) largest = std::max(largest, static_cast<double>(std::fabs(v)));
        const double limit = std::expm1(weight + 2 * bound.relative) * largest;
        ASSERT_NEAR(found.lse_of(b, h, i), lse, weight);
        for (Index d = 0; d < in.v.dim(); ++d) ASSERT_NEAR(found.row(b, h, i)[d], expected.row(b, h, i)[d], limit);
      }
}

template <class Score>
Result<float> cascade(const Family& family, const Score& score, rapt::Executor* executor, Isa isa) {
  const Views<float> in = family.all.views();
  Result<float> found(family.shape);
  rapt::cascade_attention(in.q, family.common_part(in.k), family.common_part(in.v), family.own_part(in.k),
                          family.own_part(in.v), found.out_view(), score,
                          {.lse = found.lse_view(), .executor = executor, .isa = isa});
  return found;
}

template <class Score>
void expect_bits_of_one_call(const Family& family, const Score& score, rapt::Executor* executor, Isa isa) {
  const Views<float> in = family.all.views();
  Result<float> expected(family.shape);
  rapt::attention(in.q, in.k, in.v, expected.out_view(), score, {.lse = expected.lse_view(), .isa = isa});
  EXPECT_TRUE(same_bits(cascade(family, score, executor, isa), expected));
}

class Cascade : public OnEveryIsa {};

TEST_P(Cascade, IsAttentionToAllKeys) {
  ThreadExecutor threads(3);
  for (const Index q_len : {1, 3})
    for (const Index batch : {1, 5, 20})
      for (const Index common : {0, 1, 64, 200, 512, 1024}) {
        const Family family(batch, q_len, common, 40);
        const Result<float> expected = attend(family.all.views(), rapt::causal(), Options<float>{.isa = GetParam()});
        for (rapt::Executor* executor :
             {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&threads)}) {
          const Result<float> found = cascade(family, rapt::causal(), executor, GetParam());
          if (common % rapt::contract::span == 0)
            EXPECT_TRUE(same_bits(found, expected));
          else
            expect_close(found, expected, family.all);
        }
      }
}

/// Scores that ask for a place in each of the ways that there are: by distance, by position, by row, by batch entry, by
/// head; and the ones that ask for none.
TEST_P(Cascade, SeesTheScoreOfAllKeys) {
  ThreadExecutor threads(3);
  const std::vector<float> slopes = rapt::alibi_slopes(4), logits{0.5f, -1, 2, 0};
  for (const Index q_len : {1, 3})
    for (const Index batch : {2, 20}) {
      const Family family(batch, q_len, 512, 40);
      const auto expect = [&](const auto& score) {
        expect_bits_of_one_call(family, score, nullptr, GetParam());
        expect_bits_of_one_call(family, score, &threads, GetParam());
      };
      expect(rapt::softcap(2) | rapt::alibi(slopes) | rapt::window(300, 0) | rapt::sinks(logits));
      expect(rapt::when(true, rapt::window(20, 0)) | rapt::when(false, rapt::softcap(1)));
      const std::vector<float> numbers = random_numbers<float>(batch * 4 * q_len * 552, 9);
      expect(rapt::bias(rapt::bhsd(numbers.data(), batch, 4, q_len, 552)) | rapt::causal());
      expect(
          rapt::Plain{} | [](float s, rapt::Coord c) { return s * static_cast<float>(c.key % 7 + c.row + c.batch); } |
          [](rapt::Coord c) { return (c.key + c.query + c.batch) % 3 != 0; });
    }
}

TEST_P(Cascade, LetsQueriesStandAnywhere) {
  const Family family(3, 4, 512, 40);
  for (const rapt::Align align : {rapt::align::top_left, rapt::align::offset(510), rapt::align::offset(530)})
    expect_bits_of_one_call(family, rapt::causal(align), nullptr, GetParam());
}

TEST_P(Cascade, TakesACacheOfSequencesOfDifferentLengths) {
  const Family family(3, 1, 512, 30);
  const Views<float> in = family.all.views();
  rapt::KvCache<float> cache({.sequences = 3, .kv_heads = 2, .capacity = 64, .head_dim = 16, .value_dim = 12},
                             GetParam());
  rapt::KvCache<float> whole({.sequences = 3, .kv_heads = 2, .capacity = 576, .head_dim = 16, .value_dim = 12},
                             GetParam());
  const auto part = [](View<const float> x, Index b, Index first, Index count) {
    x.data += b * x.stride[0] + first * x.stride[2];
    x.extent[0] = 1;
    x.extent[2] = count;
    return x;
  };
  for (Index b = 0; b < 3; ++b) {
    cache.append(b, part(in.k, b, 512, 10 * (b + 1)), part(in.v, b, 512, 10 * (b + 1)));
    whole.append(b, part(in.k, b, 0, 512 + 10 * (b + 1)), part(in.v, b, 0, 512 + 10 * (b + 1)));
  }
  Result<float> found(family.shape), expected(family.shape);
  rapt::cascade_attention(in.q, family.common_part(in.k), family.common_part(in.v), cache, found.out_view(),
                          rapt::causal(), {.lse = found.lse_view(), .isa = GetParam()});
  rapt::attention(in.q, whole, expected.out_view(), rapt::causal(), {.lse = expected.lse_view(), .isa = GetParam()});
  EXPECT_TRUE(same_bits(found, expected));
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
  v = family.common_part(in.v);
  const std::vector<float> numbers(16);
  EXPECT_EQ(refusal([&] {
              rapt::cascade_attention(in.q, k, v, family.own_part(in.k), family.own_part(in.v), out,
                                      rapt::bias(rapt::bhsd(numbers.data(), 1, 1, 1, 8)));
            }),
            "rapt: bias: the number of keys is 8; it has to be 1, or at least 16, the number of keys");
}

}  // namespace
}  // namespace rapt_test::cascade_test
