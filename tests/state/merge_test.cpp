// States of parts of the keys, merged: the state of all of them, whatever the parts.
#include "rapt/state/merge.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "rapt/score/key_range.hpp"
#include "support/error_bound.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::merge_test {
namespace {

using rapt::AttentionState;

template <class T> AttentionState<T> state_of(Result<T>& r) { return {r.out_view(), r.lse_view()}; }

/// Attention to some of the keys: a view of them.
template <class T> Result<T> attend_part(const Views<T>& in, Index first, Index last, Isa isa) {
  const auto part = [&](const View<const T>& x) {
    View<const T> y = x;
    y.data += first * x.stride[2];
    y.extent[2] = last - first;
    return y;
  };
  return attend<T>({in.q, part(in.k), part(in.v)}, rapt::Plain{}, Options<T>{.isa = isa});
}

/// The merge as the header of merge.hpp has it, an operation at a time.
template <class T> Result<T> merge_by_hand(const std::vector<Result<T>>& parts) {
  Result<T> merged(parts[0].shape);
  const Index dim = merged.shape.value_dim;
  for (std::size_t row = 0; row < merged.lse.size(); ++row) {
    T m = std::numeric_limits<T>::lowest(), sum = 0;
    for (const Result<T>& part : parts) m = std::max(m, part.lse[row]);
    std::vector<T> weight;
    for (const Result<T>& part : parts) {
      weight.push_back(rapt::contract::exp(part.lse[row] - m));
      sum += weight.back();
    }
    merged.lse[row] = rapt::detail::logsumexp(m, sum);
    const T inverse = sum == 0 ? T(0) : T(1) / sum;
    for (Index d = 0; d < dim; ++d) {
      T x = 0;
      for (std::size_t p = 0; p < parts.size(); ++p)
        if (weight[p] * inverse != 0) x = std::fma(weight[p] * inverse, parts[p].out[row * at(dim) + at(d)], x);
      merged.out[row * at(dim) + at(d)] = x;
    }
  }
  return merged;
}

/// How far apart two logsumexps of a row may be that were come to in different ways, one of them merged of `count`
/// parts. Each part's is within RowBound; a share's exponent is the rounded difference of two of them, then exp errs;
/// the sum of the shares rounds once a part, and the logarithm's sum once.
struct MergeBound {
  double lse, weight, output;

  MergeBound(const Views<float>& in, Index b, Index h, Index i, double value, double count) {
    const RowFacts facts = facts_of_row(in, Mask{}, b, h, i, 1 / std::sqrt(static_cast<double>(in.q.dim())));
    const RowBound<float> bound(facts, in.shape().kv_len);
    // Parts differ by their numbers of keys as well as by their scores.
    const double u = ExpError<float>::u, reach = facts.spread + std::log(static_cast<double>(in.shape().kv_len));
    weight = 2 * bound.lse(std::fabs(value)) + (reach + ExpError<float>::fixed + ExpError<float>::slope() * reach) * u;
    lse = 2 * weight + (count + 1) * u * (1 + std::fabs(value));
    output = std::expm1(2 * weight + bound.relative + (2 * count + 3) * u);
  }
};

class Merge : public OnEveryIsa {
 protected:
  const Shape shape{2, 4, 2, 5, 300, 16, 19};
  const Inputs<float> inputs{shape, 1};
  std::vector<Result<float>> parts(const std::vector<Index>& cuts) const {
    std::vector<Result<float>> found;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
      found.push_back(attend_part(inputs.views(), cuts[i], cuts[i + 1], GetParam()));
    return found;
  }
  Result<float> merged(std::vector<Result<float>> states, rapt::MergeOptions options = {}) const {
    options.isa = GetParam();
    Result<float> all(shape);
    std::vector<AttentionState<const float>> views;
    for (Result<float>& s : states) views.push_back(state_of(s));
    rapt::merge<float>(views, state_of(all), options);
    return all;
  }
};

TEST_P(Merge, HasTheBitsOfItsArithmetic) {
  for (const std::vector<Index>& cuts :
       {std::vector<Index>{0, 300}, {0, 1, 300}, {0, 100, 200, 300}, {0, 0, 64, 64, 300}})
    EXPECT_TRUE(same_bits(merged(parts(cuts)), merge_by_hand(parts(cuts))));
}

TEST_P(Merge, OfOneStateIsThatState) {
  const std::vector<Result<float>> whole = parts({0, 300});
  EXPECT_TRUE(same_bits(merged(whole).out, whole[0].out));
}

TEST_P(Merge, OfPartsIsTheWholeWithinItsBound) {
  const std::vector<Index> cuts{0, 17, 64, 150, 299, 300};
  const Inputs<double> wide(inputs);
  const Result<double> exact = attend_by_reference(wide.views());
  Inputs<double> magnitudes = wide;
  for (double& x : magnitudes.v) x = std::fabs(x);
  const Result<double> magnitude = attend_by_reference(magnitudes.views());
  const Result<float> found = merged(parts(cuts));
  for (Index b = 0; b < shape.batch; ++b)
    for (Index h = 0; h < shape.q_heads; ++h)
      for (Index i = 0; i < shape.q_len; ++i) {
        const double lse = exact.lse_of(b, h, i);
        const MergeBound bound(inputs.views(), b, h, i, lse, static_cast<double>(cuts.size() - 1));
        for (Index d = 0; d < shape.value_dim; ++d)
          ASSERT_LE(std::fabs(found.row(b, h, i)[d] - exact.row(b, h, i)[d]), bound.output * magnitude.row(b, h, i)[d]);
        ASSERT_LE(std::fabs(found.lse_of(b, h, i) - lse), bound.lse);
      }
}

TEST_P(Merge, TakesNothingFromEmptyStates) {
  std::vector<Result<float>> states = parts({0, 300});
  Result<float> empty(shape);
  for (float& x : empty.out) x = std::numeric_limits<float>::quiet_NaN();  // whatever stands there
  for (float& x : empty.lse) x = -std::numeric_limits<float>::infinity();
  const Result<float> whole = states[0];
  states.push_back(empty);
  states.insert(states.begin(), empty);
  EXPECT_TRUE(same_bits(merged(states).out, whole.out));
  const Result<float> none = merged({empty, empty});
  for (const float x : none.out) EXPECT_EQ(x, 0);
  for (const float x : none.lse) EXPECT_EQ(x, -std::numeric_limits<float>::infinity());
}

TEST_P(Merge, TakesInASinkOnce) {
  struct Sink {
    double sink(std::int32_t, std::int32_t head) const { return head - 1.5; }
  };
  Result<float> expected(shape);
  rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, expected.out_view(), Sink{},
                  Options<float>{.lse = expected.lse_view(), .isa = GetParam()});
  const std::vector<double> sinks{-1.5, -0.5, 0.5, 1.5};
  const Result<float> found = merged(parts({0, 128, 300}), {.sinks = sinks});
  for (Index b = 0; b < shape.batch; ++b)
    for (Index h = 0; h < shape.q_heads; ++h)
      for (Index i = 0; i < shape.q_len; ++i) {
        const float lse = expected.lse_of(b, h, i);
        const MergeBound bound(inputs.views(), b, h, i, lse, 3);
        EXPECT_NEAR(found.lse_of(b, h, i), lse, bound.lse);
      }
}

TEST_P(Merge, HasTheSameBitsWithThreads) {
  ThreadExecutor threads(5);
  EXPECT_TRUE(same_bits(merged(parts({0, 100, 300}), {.executor = &threads}), merged(parts({0, 100, 300}))));
}

TEST_P(Merge, MayWriteToOneOfItsParts) {
  std::vector<Result<float>> states = parts({0, 100, 300});
  const Result<float> expected = merged(states);
  rapt::merge<float>({state_of(states[0]), state_of(states[1])}, state_of(states[1]), {.isa = GetParam()});
  EXPECT_TRUE(same_bits(states[1], expected));
}

/// A part may also be said by a mask: the same bits, where it begins with a span.
TEST_P(Merge, OfKeyRangesIsThatOfViews) {
  const Inputs<float> long_inputs({1, 2, 1, 20, 700, 8, 8}, 2);
  const Views<float> in = long_inputs.views();
  for (const auto& [first, last] : {std::pair<Index, Index>{0, 64}, {512, 700}, {0, 0}, {0, 577}, {512, 513}}) {
    Result<float> found(in.shape());
    rapt::attention(in.q, in.k, in.v, found.out_view(), rapt::key_range(first, last),
                    Options<float>{.lse = found.lse_view(), .isa = GetParam()});
    EXPECT_TRUE(same_bits(found, attend_part(in, first, last, GetParam()))) << first << " to " << last;
  }
}

RAPT_ON_EVERY_ISA(Merge);

TEST(MergeErrors, NameThePart) {
  Result<float> a({1, 2, 1, 3, 1, 1, 4}), b({1, 2, 1, 4, 1, 1, 4}), c(a.shape);
  const auto text = [&](auto f) { return refusal(f); };
  EXPECT_EQ(text([&] {
              rapt::merge<float>({state_of(a), state_of(b)}, state_of(c));
            }),
            "rapt: parts[1].out: length is 4; it has to be 3, as in into");
  EXPECT_EQ(text([&] { rapt::merge<float>(std::span<const AttentionState<const float>>(), state_of(c)); }),
            "rapt: parts: their number is 0; it has to be from 1 to 64");
  AttentionState<float> shifted = state_of(a);
  shifted.out.data += 1;
  shifted.out.extent[3] = 3;
  AttentionState<float> into = state_of(a);
  into.out.extent[3] = 3;
  EXPECT_NE(text([&] { rapt::merge<float>({shifted}, into); }).find("into.out: shares memory with parts[0].out"),
            std::string::npos);
  const std::vector<double> sinks(3);
  EXPECT_EQ(text([&] { rapt::merge<float>({state_of(a)}, state_of(c), {.sinks = sinks}); }),
            "rapt: sinks: their number is 3; it has to be 2, as in the heads of into");
}

}  // namespace
}  // namespace rapt_test::merge_test
