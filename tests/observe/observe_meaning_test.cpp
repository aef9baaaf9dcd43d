// What the numbers are: probabilities that add up, attention's own weights, rows without a key, NaN, infinity, keys
// that are never read. Bounds are derived, from those of support/error_bound.hpp.
#include <vector>

#include "support/error_bound.hpp"
#include "support/isas.hpp"
#include "support/observe.hpp"

namespace rapt_test::observe_meaning_test {
namespace {

class Observing : public OnEveryIsa {};

/// How far the contract's p = exp(score − logsumexp) may be from the exact one, relatively, and what is flushed to 0.
///
/// The score is off by E at most, and the logsumexp by L (RowBound::lse); their difference y is rounded, and exp has
/// its own error. Beyond 88 (708) below, the weight is 0 where it should be under 2·min(). No more than 0 is exact: so
/// is p.
template <class T> struct WeightBound {
  double relative, underflow, depth;  // depth: of y, in units of 1: E + L + |y|·u

  WeightBound(const RowFacts& facts, Index kv_len, double lse) {
    const RowBound<T> row(facts, kv_len);
    const double u = ExpError<T>::u / (1 - ExpError<T>::u), off = row.score_error + row.lse(lse);
    const double reach =
        std::min(facts.spread + std::log(static_cast<double>(facts.keys) + 1) + off, sizeof(T) == 8 ? 708.5 : 88.0);
    depth = off + reach * u;
    relative = std::expm1(depth + (ExpError<T>::fixed + ExpError<T>::slope() * reach) * u);
    underflow = 2 * static_cast<double>(std::numeric_limits<T>::min());
  }
};

struct Case {
  Shape shape;
  AnyScore stages;
  double scale;
};

std::vector<Case> cases() {
  using namespace rapt;
  return {{{1, 2, 1, 20, 100, 64, 16}, any_score(Plain{}), 0.125},
          {{2, 4, 2, 70, 70, 32, 16}, any_score(causal()), 0.2},
          {{1, 1, 1, 10, 1100, 16, 8}, any_score(causal()), 0.25},
          {{1, 2, 2, 30, 600, 16, 8}, any_score(window(200, 3)), 1.0},
          {{1, 1, 1, 9, 513, 8, 8}, any_score(Plain{}), 3.0},
          {{1, 1, 1, 9, 700, 32, 8}, any_score(Plain{}), -8.0},
          {{1, 1, 1, 40, 20, 4, 4}, any_score(causal()), 0.5}};
}

/// The same in double, as the textbook has it, with the facts of each row.
struct Oracle {
  Shape shape;
  Inputs<double> wide;
  Observed<double> exact;

  Oracle(const Inputs<float>& inputs, const Case& c, Index top) : shape(c.shape), wide(inputs), exact(c.shape, top) {
    const Options<double> options{.scale = c.scale};
    rapt::reference::probabilities<double>(wide.views().q, wide.views().k, exact.matrix(exact.probabilities), c.stages,
                                           options);
    rapt::reference::observe<double>(wide.views().q, wide.views().k, exact.all(), c.stages, options);
    rapt::contract::scores<double>(wide.views().q, wide.views().k, exact.matrix(exact.scores), c.stages, options);
  }
  double p(Index row, Index j) const { return exact.probabilities[at(row * shape.kv_len + j)]; }
  double lse(Index row) const {
    double sum = 0;
    for (Index j = 0; j < shape.kv_len; ++j) sum += std::exp(exact.scores[at(row * shape.kv_len + j)]);
    return std::log(sum);
  }
};

/// Any score, for facts_of_row(): of stages that don't change scores.
struct MaskOnly {
  const AnyScore& stages;
  std::optional<rapt::Align> align = stages.align;
  bool attends(rapt::Coord c) const { return stages.attends(c); }
};

TEST_P(Observing, IsWithinItsBoundOfDouble) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(testing::Message() << c.shape << ", " << c.stages.words << ", scale " << c.scale);
    const Shape& s = c.shape;
    const Inputs<float> inputs(s, 1);
    const Oracle oracle(inputs, c, 3);
    const Observed<float> found = observed<float>(inputs.views().q, inputs.views().k, s, c.stages,
                                                  Options<float>{.scale = c.scale, .isa = GetParam()}, 3);
    const double u = ExpError<float>::u / (1 - ExpError<float>::u);
    std::vector<double> mass_bound(found.mass.size()), mass_rows(found.mass.size());
    for (Index b = 0; b < s.batch; ++b)
      for (Index h = 0; h < s.q_heads; ++h)
        for (Index i = 0; i < s.q_len; ++i) {
          const Index row = found.row(b, h, i);
          const RowFacts facts = facts_of_row(inputs.views(), MaskOnly{c.stages}, b, h, i, c.scale);
          const WeightBound<float> bound(facts, s.kv_len, facts.keys == 0 ? 0 : oracle.lse(row));
          double entropy_bound = 0, magnitude = 0, sum = 0;
          for (Index j = 0; j < s.kv_len; ++j) {
            const double p = oracle.p(row, j), q = static_cast<double>(found.probabilities[at(row * s.kv_len + j)]);
            const double limit = p * bound.relative + (p == 0 ? 0 : bound.underflow);
            ASSERT_LE(std::fabs(q - p), limit) << "p of row " << row << ", key " << j;
            sum += q;
            mass_bound[at((b * s.q_heads + h) * s.kv_len + j)] += limit;
            mass_rows[at((b * s.q_heads + h) * s.kv_len + j)] += p;
            const double y = p == 0 ? 0 : -std::log(p);
            // p·y: p's error and y's; where p is flushed, all of it.
            entropy_bound += p * y * bound.relative + p * bound.depth * (1 + bound.relative) + bound.underflow * y;
            magnitude += p * y;
          }
          // As many roundings as terms, each of a sum of terms that are not negative.
          entropy_bound += static_cast<double>(facts.keys) * u * (magnitude + entropy_bound);
          ASSERT_LE(std::fabs(static_cast<double>(found.entropy[at(row)]) - oracle.exact.entropy[at(row)]),
                    entropy_bound);
          if (facts.keys == 0) {
            EXPECT_EQ(sum, 0);
            EXPECT_EQ(bits(found.entropy[at(row)]), 0u);
            EXPECT_EQ(found.largest[at(row)], -std::numeric_limits<float>::infinity());
            EXPECT_EQ(bits(found.largest_probability[at(row)]), 0u);
            EXPECT_EQ(found.top_keys[at(3 * row)], -1);
          } else {
            EXPECT_LE(std::fabs(sum - 1), bound.relative + static_cast<double>(facts.keys) * bound.underflow);
            EXPECT_LE(std::fabs(static_cast<double>(found.largest[at(row)]) - oracle.exact.largest[at(row)]),
                      facts.score_error);
          }
        }
    for (std::size_t j = 0; j < found.mass.size(); ++j) {
      const double limit = mass_bound[j] + static_cast<double>(s.q_len) * u * (mass_rows[j] + mass_bound[j]);
      ASSERT_LE(std::fabs(static_cast<double>(found.mass[j]) - oracle.exact.mass[j]), limit) << "mass " << j;
    }
    // All masses of a head together: the rows that have a key.
    for (Index h = 0; h < s.batch * s.q_heads; ++h) {
      double sum = 0, limit = 0, rows = 0;
      for (Index j = 0; j < s.kv_len; ++j) {
        const std::size_t key = at(h * s.kv_len + j);
        sum += static_cast<double>(found.mass[key]);
        limit += mass_bound[key] + static_cast<double>(s.q_len) * u * (mass_rows[key] + mass_bound[key]);
      }
      for (Index i = 0; i < s.q_len; ++i) rows += found.top_keys[at(3 * (h * s.q_len + i))] >= 0;
      EXPECT_LE(std::fabs(sum - rows), limit + 1e-12 * rows);
      EXPECT_LT(limit, 0.05 * rows + 1e-30);  // a bound that anything satisfies proves nothing
    }
  }
}

/// What attention's output is made of: sum of p · v.
TEST_P(Observing, ShowsTheWeightsOfAttention) {
  const Case c{{1, 4, 2, 30, 600, 32, 24}, any_score(rapt::causal()), 0.2};
  const Inputs<float> inputs(c.shape, 2);
  const Oracle oracle(inputs, c, 1);
  const Shape& s = c.shape;
  const Options<float> options{.scale = c.scale, .isa = GetParam()};
  const Observed<float> found = observed<float>(inputs.views().q, inputs.views().k, s, c.stages, options, 1);
  const Result<float> result = attend(inputs.views(), rapt::causal(), options);
  for (Index h = 0; h < s.q_heads; ++h)
    for (Index i = 0; i < s.q_len; ++i) {
      const Index row = found.row(0, h, i);
      const RowFacts facts = facts_of_row(inputs.views(), rapt::causal(), 0, h, i, c.scale);
      const WeightBound<float> weight(facts, s.kv_len, oracle.lse(row));
      const RowBound<float> bound(facts, s.kv_len);
      for (Index d = 0; d < s.value_dim; ++d) {
        double sum = 0, magnitude = 0;
        for (Index j = 0; j < s.kv_len; ++j) {
          const double v = static_cast<double>(inputs.views().v(0, h / 2, j, d));
          sum += static_cast<double>(found.probabilities[at(row * s.kv_len + j)]) * v;
          magnitude += oracle.p(row, j) * std::fabs(v);
        }
        ASSERT_LE(std::fabs(sum - static_cast<double>(result.row(0, h, i)[d])),
                  weight.relative * magnitude + bound.output(magnitude, 3) + weight.underflow * 600 * 3);
      }
    }
}

/// Two numbers that can be worked out: all keys alike, and one key alone.
TEST_P(Observing, KnowsTheEntropyOfEvenAndOfSharpRows) {
  const std::vector<float> q(8), k(8 * 100);
  Observed<float> even({1, 1, 1, 1, 100, 8, 8}, 2);
  rapt::observe(rapt::bhsd(q.data(), 1, 1, 1, 8), rapt::bhsd(k.data(), 1, 1, 100, 8), even.all(), rapt::window(99, 0),
                {.isa = GetParam()});
  EXPECT_NEAR(even.entropy[0], std::log(100), 1e-5);
  EXPECT_EQ(even.top_keys, (std::vector<std::int32_t>{0, 1}));  // equal scores: the earlier key first
  rapt::observe(rapt::bhsd(q.data(), 1, 1, 1, 8), rapt::bhsd(k.data(), 1, 1, 100, 8), even.all(), rapt::window(0, 0),
                {.isa = GetParam()});
  EXPECT_EQ(even.entropy[0], 0);
  EXPECT_EQ(even.largest_probability[0], 1);
  EXPECT_EQ(even.top_keys, (std::vector<std::int32_t>{99, -1}));
  EXPECT_EQ(even.mass[99], 1);
}

TEST_P(Observing, GivesASinkItsShare) {
  const std::vector<float> q(8), k(8 * 3), sinks = {0};  // three scores of 0, and a sink of 0
  Observed<float> found({1, 1, 1, 1, 3, 8, 8}, 1);
  const AnyScore stages = any_score(rapt::sinks(sinks));
  found = observed<float>(rapt::bhsd(q.data(), 1, 1, 1, 8), rapt::bhsd(k.data(), 1, 1, 3, 8), found.shape, stages,
                          Options<float>{.isa = GetParam()}, 1);
  for (const float p : found.probabilities) EXPECT_NEAR(p, 0.25, 1e-6);
  EXPECT_NEAR(found.entropy[0], 0.75 * std::log(4.0), 1e-6);  // the sink's own part is not in it
  EXPECT_NEAR(found.mass[0] + found.mass[1] + found.mass[2], 0.75, 1e-6);
}

/// Masked: whatever they are, they reach nothing.
TEST_P(Observing, IsNotReachedByMaskedNaNOrInfinity) {
  const Shape s{1, 4, 2, 70, 200, 8, 8};
  Inputs<float> inputs(s, 3);
  const AnyScore stages = any_score(rapt::causal() | [](rapt::Coord c) { return c.key % 5 != 3; });
  const Options<float> options{.isa = GetParam()};
  const Observed<float> expected = observed<float>(inputs.views().q, inputs.views().k, s, stages, options, 9);
  for (Index h = 0; h < s.kv_heads; ++h)
    for (Index j = 3; j < s.kv_len; j += 5)
      for (Index d = 0; d < s.head_dim; ++d)
        inputs.k_view()(0, h, j, d) =
            j % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  EXPECT_TRUE(same_bits(observed<float>(inputs.views().q, inputs.views().k, s, stages, options, 9), expected));
}

/// Attended: they are seen, and where they come from.
TEST_P(Observing, ShowsAnAttendedNaNAndInfinity) {
  const Shape s{1, 2, 1, 70, 200, 8, 8};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Inputs<float> inputs(s, 3);
    for (const Index j : {150, 160}) inputs.k_view()(0, 0, j, 2) = bad;
    const AnyScore stages = any_score(rapt::causal());
    const Observed<float> found =
        observed<float>(inputs.views().q, inputs.views().k, s, stages, Options<float>{.isa = GetParam()}, 4);
    ASSERT_TRUE(same_bits(found, transcribed<float>(inputs.views(), stages, Options<float>{}, 4)));
    if (bad == bad) continue;
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < 70; ++i) {
        const Index row = found.row(0, h, i), position = 130 + i;
        const bool reached = position >= 150;
        EXPECT_EQ(std::isnan(found.entropy[at(row)]), reached);
        EXPECT_EQ(std::isnan(found.largest[at(row)]), reached);
        EXPECT_EQ(std::isnan(found.largest_probability[at(row)]), reached);
        EXPECT_EQ(std::isnan(found.top_probabilities[at(4 * row + 3)]), reached);
        if (reached) {
          EXPECT_EQ(found.top_keys[at(4 * row)], 150);
        }
        if (position >= 160) {
          EXPECT_EQ(found.top_keys[at(4 * row + 1)], 160);
        }
        EXPECT_EQ(std::isnan(found.probabilities[at(row * 200 + 7)]), reached);
        EXPECT_EQ(std::isnan(found.scores[at(row * 200 + 7)]), false);
      }
    for (Index j = 0; j < 200; ++j) EXPECT_TRUE(std::isnan(found.mass[at(j)])) << j;
  }
}

/// A row all of whose scores are −∞ has keys, and no weight.
TEST_P(Observing, GivesNoWeightToScoresOfMinusInfinity) {
  const Shape s{1, 1, 1, 3, 70, 8, 8};
  const Inputs<float> inputs(s, 3);
  const float never = -std::numeric_limits<float>::infinity();
  const AnyScore stages = any_score(rapt::bias(rapt::strided(&never, {1, 1, 1, 1}, {0, 0, 0, 0})));
  const Observed<float> found =
      observed<float>(inputs.views().q, inputs.views().k, s, stages, Options<float>{.isa = GetParam()}, 2);
  for (const float p : found.probabilities) EXPECT_EQ(bits(p), 0u);
  for (const float h : found.entropy) EXPECT_EQ(bits(h), 0u);
  for (const float m : found.mass) EXPECT_EQ(bits(m), 0u);
  EXPECT_EQ(found.top_keys, (std::vector<std::int32_t>{0, 1, 0, 1, 0, 1}));
}

/// At any point of a composition: what comes after is not in it.
TEST_P(Observing, ShowsScoresAtEveryPointOfAComposition) {
  const Shape s{1, 2, 1, 20, 90, 8, 8};
  const Inputs<float> inputs(s, 4);
  const View<const float> q = inputs.views().q, k = inputs.views().k;
  Observed<float> raw(s, 1), capped(s, 1), masked(s, 1);
  const Options<float> options{.scale = 2.0, .isa = GetParam()};
  rapt::scores(q, k, raw.matrix(raw.scores), any_score(rapt::Plain{}), options);
  rapt::scores(q, k, capped.matrix(capped.scores), any_score(rapt::softcap(1.5)), options);
  rapt::scores(q, k, masked.matrix(masked.scores), any_score(rapt::softcap(1.5) | rapt::causal()), options);
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < 20; ++i)
      for (Index j = 0; j < 90; ++j) {
        const std::size_t cell = at(raw.row(0, h, i) * 90 + j);
        EXPECT_EQ(bits(capped.scores[cell]), bits(rapt::softcap(1.5).change(raw.scores[cell], {})));
        EXPECT_EQ(masked.scores[cell], j <= 70 + i ? capped.scores[cell] : -std::numeric_limits<float>::infinity());
      }
}

RAPT_ON_EVERY_ISA(Observing);

}  // namespace
}  // namespace rapt_test::observe_meaning_test
