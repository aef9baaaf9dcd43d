// A layer in double, as one would write it down, next to how far each step of the layer may be from it.
#include <cmath>

#include "layer/layers.hpp"
#include "rapt/reference/linear.hpp"
#include "rapt/reference/rms_norm.hpp"
#include "rapt/reference/rope.hpp"
#include "support/error_bound.hpp"
#include "support/isas.hpp"

namespace rapt_test::layer_accuracy_test {
namespace {

constexpr double u = ExpError<float>::u;

/// n roundings to float: a factor within 1 ± gamma(n) (Higham, section 3.1).
double gamma(double n) { return n * u / (1 - n * u); }

/// Numbers, and for each how far what is computed in float may be from it.
struct Bounded {
  std::vector<double> value, error;

  /// |x| at most.
  std::vector<double> magnitude() const {
    std::vector<double> sum(value.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = std::fabs(value[i]) + error[i];
    return sum;
  }
};

std::vector<double> doubled(const std::vector<float>& x) { return {x.begin(), x.end()}; }
std::vector<double> absolute(std::vector<double> x) {
  for (double& a : x) a = std::fabs(a);
  return x;
}

std::vector<double> product(const std::vector<double>& x, const std::vector<double>& weight,
                            const std::vector<double>& bias, Index in, Index out) {
  const Index rows = static_cast<Index>(x.size()) / in;
  std::vector<double> y(at(rows * out));
  rapt::reference::linear<double>(rapt::row_major(x.data(), rows, in), rapt::row_major(weight.data(), out, in), bias,
                                  rapt::row_major(y.data(), rows, out));
  return y;
}

/// Wx + b: the weights carry the inputs' errors over, and a chain of `in` fmas adds its own.
Bounded linear(const Bounded& x, const std::vector<float>& weights, const std::vector<float>& bias, Index in,
               Index out) {
  const std::vector<double> w = doubled(weights), b = doubled(bias), zero;
  Bounded y{product(x.value, w, b, in, out), product(x.error, absolute(w), zero, in, out)};
  const std::vector<double> most = product(x.magnitude(), absolute(w), absolute(b), in, out);
  for (std::size_t i = 0; i < y.error.size(); ++i) y.error[i] += gamma(static_cast<double>(in)) * most[i];
  return y;
}

/// x/R·w with R = sqrt(mean square + eps), which is as far from the exact one as the root of the errors' mean square at
/// most (both are norms). The roundings: those of rms_norm_test.cpp, and one of 1 + w.
void normalise(Bounded& rows, const std::vector<float>& weights, const LayerConfig& c) {
  if (c.qk_norm == QkNorm::none) return;
  std::vector<double> w = doubled(weights);
  if (c.qk_norm == QkNorm::unweighted) w.assign(at(c.head_dim), 1.0);
  if (c.qk_norm == QkNorm::one_plus_weight)
    for (double& x : w) x += 1;
  const double dim = static_cast<double>(w.size()), rounded = gamma((std::ceil(dim / 64) + 10) / 2 + 5);
  for (std::size_t first = 0; first < rows.value.size(); first += w.size()) {
    double squares = 0, error_squares = 0;
    for (std::size_t i = first; i < first + w.size(); ++i) {
      squares += rows.value[i] * rows.value[i];
      error_squares += rows.error[i] * rows.error[i];
    }
    const double root = std::sqrt(squares / dim + c.norm_eps), off = std::sqrt(error_squares / dim);
    ASSERT_LT(off, root);
    for (std::size_t i = 0; i < w.size(); ++i) {
      double &x = rows.value[first + i], &e = rows.error[first + i];
      const double most = (std::fabs(x) + e) / (root - off);
      e = std::fabs(w[i]) * (most - std::fabs(x) / root + rounded * most);
    }
    const std::span<double> row(rows.value.data() + first, w.size());
    rapt::reference::rms_norm<double>(row, w, c.norm_eps, row);
  }
}

/// The rotation's two products carry the errors over; cosine and sine are rounded once, the products and the sum twice.
void rotate(Bounded& rows, Index heads, const LayerConfig& c) {
  if (!c.rope) return;
  const Index n = static_cast<Index>(rows.value.size()) / heads / c.head_dim;
  const rapt::rope::Spec& spec = *c.rope;
  const auto view = [&](std::vector<double>& x) { return rapt::bshd(x.data(), 1, n, heads, c.head_dim); };
  std::vector<double> most = rows.magnitude();
  std::vector<Index> places(at(n));
  for (Index i = 0; i < n; ++i) places[at(i)] = i;
  for (Index s = 0; s < n; ++s)
    for (Index h = 0; h < heads; ++h)
      for (Index p = 0; p < spec.pairs(); ++p) {
        const double angle = static_cast<double>(s) * spec.inverse_frequencies[at(p)];
        const double cosine = std::fabs(std::cos(angle)), sine = std::fabs(std::sin(angle));
        const auto [a, b] = rapt::detail::dims_of_pair(p, spec.pairs(), spec.offset, spec.pairing);
        const View<double> e = view(rows.error), m = view(most);
        const double ea = e(0, h, s, a), eb = e(0, h, s, b), ma = m(0, h, s, a), mb = m(0, h, s, b);
        const double oracle = 1e-12 * (ma + mb);  // the angles' own error, in double
        e(0, h, s, a) = cosine * ea + sine * eb + gamma(4) * (cosine * ma + sine * mb) + oracle;
        e(0, h, s, b) = cosine * eb + sine * ea + gamma(4) * (cosine * mb + sine * ma) + oracle;
      }
  const std::vector<double> before = rows.value;
  rapt::reference::rotate<double>(rapt::bshd(before.data(), 1, n, heads, c.head_dim), view(rows.value), spec,
                                  rapt::MatrixView<const Index>{places.data(), n, 16, 1, 0});
}

/// Queries and gates head by head, apart.
Bounded take_gate(Bounded& q, const LayerConfig& c) {
  Bounded queries, gate;
  for (std::size_t i = 0; i < q.value.size(); ++i) {
    Bounded& to = static_cast<Index>(i) % (c.head_dim + c.value_dim) < c.head_dim ? queries : gate;
    to.value.push_back(q.value[i]);
    to.error.push_back(q.error[i]);
  }
  q = queries;
  return gate;
}

/// The factor is rounded, and so is the product.
void scale_queries(Bounded& q, const LayerConfig& c) {
  for (std::size_t i = 0; i < q.value.size() && c.query_scaling; ++i) {
    const double factor = c.query_scaling->factor(static_cast<Index>(i) / c.q_size());
    q.error[i] = factor * (q.error[i] + gamma(2) * (std::fabs(q.value[i]) + q.error[i]));
    q.value[i] *= factor;
  }
}

/// A sigmoid's slope is 1/4 at most; it has the exponential's relative error, and three roundings of its own.
void gate_outputs(Bounded& out, const Bounded& gate) {
  for (std::size_t i = 0; i < gate.value.size(); ++i) {
    const double g = gate.value[i], sigmoid = 1 / (1 + std::exp(-g)), most = std::fabs(out.value[i]) + out.error[i];
    const double exp_error =
        (ExpError<float>::fixed + (1 + ExpError<float>::slope()) * (std::fabs(g) + gate.error[i])) * u;
    const double off = gate.error[i] / 4 + (sigmoid + gate.error[i] / 4) * (exp_error + gamma(4));
    out.error[i] = out.error[i] * sigmoid + most * off;
    out.value[i] *= sigmoid;
  }
}

/// One row of scores: by how much its queries' and keys' errors and the roundings may move one, and how far they
/// spread.
RowFacts facts_of(const Views<double>& value, const Views<double>& error, const Mask& mask, Index h, Index i,
                  double scale) {
  const Shape s = value.shape();
  const Index kv_head = h / (s.q_heads / s.kv_heads);
  RowFacts facts;
  double largest = -std::numeric_limits<double>::infinity(), smallest = -largest;
  for (Index j = 0; j < s.kv_len; ++j) {
    if (!attends(mask, s, i, j)) continue;
    ++facts.keys;
    double score = 0, moved = 0, most = 0;
    for (Index d = 0; d < s.head_dim; ++d) {
      const double q = value.q(0, h, i, d), k = value.k(0, kv_head, j, d), eq = error.q(0, h, i, d),
                   ek = error.k(0, kv_head, j, d);
      score += scale * q * k;
      moved += scale * (eq * std::fabs(k) + std::fabs(q) * ek + eq * ek);
      most += scale * (std::fabs(q) + eq) * (std::fabs(k) + ek);
    }
    largest = std::max(largest, score);
    smallest = std::min(smallest, score);
    facts.score_error = std::max(facts.score_error, moved + gamma(static_cast<double>(s.head_dim + 2)) * most);
  }
  facts.spread = largest - smallest;
  return facts;
}

/// Weights move by a factor within e^±2E (see RowBound), and values by their errors.
Bounded attend(Bounded& q, Bounded& k, Bounded& v, const LayerConfig& c) {
  const Index n = static_cast<Index>(q.value.size()) / c.q_size();
  const auto heads = [&](std::vector<double>& x, Index count, Index dim) {
    return View<const double>(rapt::bshd(x.data(), 1, n, count, dim));
  };
  std::vector<double> v_most = v.magnitude();
  const Views<double> value{heads(q.value, c.num_heads, c.head_dim), heads(k.value, c.num_kv_heads, c.head_dim),
                            heads(v.value, c.num_kv_heads, c.value_dim)};
  const Views<double> error{heads(q.error, c.num_heads, c.head_dim), heads(k.error, c.num_kv_heads, c.head_dim),
                            heads(v.error, c.num_kv_heads, c.value_dim)};
  const Mask mask = c.window == 0 ? rapt::causal() : rapt::window(c.window - 1, 0);
  const double scale = c.scale.value_or(1 / std::sqrt(static_cast<double>(c.head_dim)));
  const auto weighted = [&](const View<const double>& values) {
    return attend_by_reference(Views<double>{value.q, value.k, values}, mask, Options<double>{.scale = c.scale});
  };
  const Result<double> exact = weighted(value.v), moved = weighted(error.v),
                       most = weighted(heads(v_most, c.num_kv_heads, c.value_dim));
  const double largest = *std::max_element(v_most.begin(), v_most.end());
  Bounded out;
  for (Index i = 0; i < n; ++i)
    for (Index h = 0; h < c.num_heads; ++h) {
      const RowBound<float> bound(facts_of(value, error, mask, h, i, scale), n);
      for (Index d = 0; d < c.value_dim; ++d) {
        out.value.push_back(exact.row(0, h, i)[d]);
        out.error.push_back(moved.row(0, h, i)[d] + bound.output(most.row(0, h, i)[d], largest));
      }
    }
  return out;
}

Bounded layer_in_double(const Weights<float>& w, const States<float>& x) {
  const LayerConfig& c = w.config;
  const Bounded in{doubled(x.numbers), std::vector<double>(x.numbers.size())};
  Bounded q = linear(in, w.q, w.q_bias, c.hidden_size, w.q_rows()), gate;
  if (c.output_gate == OutputGate::in_q) gate = take_gate(q, c);
  if (c.output_gate == OutputGate::separate) gate = linear(in, w.gate, {}, c.hidden_size, c.o_size());
  Bounded k = linear(in, w.k, w.k_bias, c.hidden_size, c.k_size());
  Bounded v = linear(in, w.v, w.v_bias, c.hidden_size, c.v_size());
  normalise(q, w.q_norm, c);
  normalise(k, w.k_norm, c);
  scale_queries(q, c);
  rotate(q, c.num_heads, c);
  rotate(k, c.num_kv_heads, c);
  Bounded out = attend(q, k, v, c);
  gate_outputs(out, gate);
  return linear(out, w.o, w.o_bias, c.o_size(), c.hidden_size);
}

testing::AssertionResult within(const std::vector<float>& found, const Bounded& expected) {
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::fabs(static_cast<double>(found[i]) - expected.value[i]);
    if (!(error <= expected.error[i]))
      return testing::AssertionFailure() << "element " << i << " is off by " << error << ", and may be by "
                                         << expected.error[i];
    worst = std::max(worst, error / expected.error[i]);
  }
  return testing::AssertionSuccess() << "largest error over its bound: " << worst;
}

class LayerAccuracy : public OnEveryIsa {};

TEST_P(LayerAccuracy, IsWithinItsBound) {
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config, 5);
    const States<float> x(1, 120, w.config.hidden_size, 6);
    EXPECT_TRUE(within(without_cache(w.layer(), x, {.isa = GetParam()}), layer_in_double(w, x))) << named;
  }
}

RAPT_ON_EVERY_ISA(LayerAccuracy);

/// A bound that anything satisfies proves nothing: these are of outputs around 1.
TEST(LayerAccuracyBound, CatchesAnErrorOfAThirtieth) {
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config, 5);
    const States<float> x(1, 120, w.config.hidden_size, 6);
    const Bounded expected = layer_in_double(w, x);
    std::vector<float> y = without_cache(w.layer(), x, {});
    ASSERT_TRUE(within(y, expected));
    y[y.size() / 2] += 1 / 30.f;
    EXPECT_FALSE(within(y, expected)) << named;
  }
}

TEST(LayerAccuracyBound, CatchesAWindowThatIsOneTooShort) {
  Weights<float> w(causal_layers().at(2).config, 5);
  const States<float> x(1, 120, w.config.hidden_size, 6);
  const Bounded expected = layer_in_double(w, x);
  --w.config.window;
  EXPECT_FALSE(within(without_cache(w.layer(), x, {}), expected));
}

}  // namespace
}  // namespace rapt_test::layer_accuracy_test
