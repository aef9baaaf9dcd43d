// ggml's flash_attn_ext, written down naively from its documentation: every parameter crossed with every other.
#include "rapt/compat/ggml.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::ggml_test {
namespace {

namespace api = rapt::compat::ggml;
using api::tensor;
using Ne = std::array<Index, 4>;

/// Of any type, with rows padded by `gap` elements; exactly as long as it has to be.
template <class T> struct Memory {
  Ne ne{}, nb{};
  std::vector<T> x;

  Memory() = default;
  Memory(Ne n, Random& random, Index gap) : ne(n) {
    nb[0] = sizeof(T);
    nb[1] = nb[0] * (ne[0] + gap);
    nb[2] = nb[1] * ne[1];
    nb[3] = nb[2] * ne[2];
    x.resize(at(nb[3] / nb[0] * ne[3]));
    for (T& e : x) e = static_cast<T>(random.uniform());
  }
  api::Tensor<T> view() { return tensor(x.data(), ne, nb); }
  T& at4(Index a, Index b, Index c, Index d) { return x[at((a * nb[0] + b * nb[1] + c * nb[2] + d * nb[3]) / nb[0])]; }
  double number(Index a, Index b, Index c, Index d) { return static_cast<double>(at4(a, b, c, d)); }
};

template <class K, class M> struct Case {
  Memory<float> q, dst, sinks;
  Memory<K> k, v;
  Memory<M> mask;
  bool masked = false, sunk = false;
  api::Parameters parameters;
  std::string name;

  api::Inputs<K, M> inputs() {
    api::Inputs<K, M> in{.q = q.view(), .k = k.view(), .v = v.view()};
    if (masked) in.mask = mask.view();
    if (sunk) in.sinks = sinks.view();
    return in;
  }

  double slope(Index h) const {
    const double n_head = static_cast<double>(q.ne[2]), bias = static_cast<double>(parameters.max_bias);
    if (bias <= 0) return 1;
    const double n_head_log2 = std::exp2(std::floor(std::log2(n_head)));
    const double m0 = std::exp2(-bias / n_head_log2), m1 = std::exp2(-(bias / 2) / n_head_log2);
    const double head = static_cast<double>(h);
    return head < n_head_log2 ? std::pow(m0, head + 1) : std::pow(m1, 2 * (head - n_head_log2) + 1);
  }

  /// One row of dst, as the CPU's loop over the keys has it.
  std::vector<double> row(Index h, Index i, Index b) {
    const Index k_head = h / (q.ne[2] / k.ne[2]), k_batch = b / (q.ne[3] / k.ne[3]);
    std::vector<double> scores, out(at(v.ne[0]), 0.0);
    std::vector<Index> keys;
    for (Index j = 0; j < k.ne[1]; ++j) {
      const double m = masked ? slope(h) * mask.number(j, i, h % mask.ne[2], b % mask.ne[3]) : 0;
      if (m == -std::numeric_limits<double>::infinity()) continue;
      double s = 0;
      for (Index d = 0; d < q.ne[0]; ++d) s += q.number(d, i, h, b) * k.number(d, j, k_head, k_batch);
      const double cap = static_cast<double>(parameters.logit_softcap), scale = static_cast<double>(parameters.scale);
      s = cap != 0 ? cap * std::tanh(s * (scale / cap)) : s * scale;
      scores.push_back(s + m);
      keys.push_back(j);
    }
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (const double s : scores) largest = std::max(largest, s);
    if (sunk) largest = std::max(largest, sinks.number(h, 0, 0, 0));
    for (double& s : scores) sum += s = std::exp(s - largest);
    if (sunk) sum += std::exp(sinks.number(h, 0, 0, 0) - largest);
    for (std::size_t n = 0; n < keys.size(); ++n)
      for (Index d = 0; d < v.ne[0]; ++d) out[at(d)] += scores[n] / sum * v.number(d, keys[n], k_head, k_batch);
    return out;
  }

  /// Of numbers up to 1, and masks up to 1 in size: see the bound of a score and a weight in pytorch_test.cpp.
  double bound() const {
    const double u = 0x1p-24, E = static_cast<double>(q.ne[0]), scale = static_cast<double>(parameters.scale);
    return 4 * (E + 20) * u * (E * scale + 2) + (static_cast<double>(k.ne[1]) + 64) * u;
  }
  void expect() {
    for (Index b = 0; b < q.ne[3]; ++b)
      for (Index i = 0; i < q.ne[1]; ++i)
        for (Index h = 0; h < q.ne[2]; ++h) {
          const std::vector<double> expected = row(h, i, b);
          for (Index d = 0; d < v.ne[0]; ++d)
            ASSERT_NEAR(dst.number(d, h, i, b), expected[at(d)], bound())
                << name << ": head " << h << ", token " << i << ", entry " << b << ", element " << d;
        }
  }
};

template <class K, class M> Case<K, M> random_case(Random& random) {
  const auto chance = [&](Index n) { return random.below(n) == 0; };
  const auto divisor = [&](Index n) {
    Index d = 1 + random.below(n);
    while (n % d != 0) --d;
    return d;
  };
  Case<K, M> c;
  const Index kv_heads = 1 + random.below(3), heads = kv_heads * (1 + random.below(3)), batch = 1 + random.below(4);
  const Index tokens = 1 + random.below(chance(3) ? 70 : 4), kv = 1 + random.below(chance(4) ? 600 : 90);
  const Index dk = 1 + random.below(40), dv = 1 + random.below(40), k_batch = divisor(batch), gap = random.below(3);
  c.q = {{dk, tokens, heads, batch}, random, gap};
  c.k = {{dk, kv, kv_heads, k_batch}, random, gap};
  c.v = {{dv, kv, kv_heads, k_batch}, random, gap};
  c.dst = {{dv, heads, tokens, batch}, random, gap};
  c.masked = !chance(3), c.sunk = chance(3);
  c.mask = {{kv, tokens + random.below(5), divisor(heads), divisor(batch)}, random, 0};
  for (M& x : c.mask.x)
    if (chance(3)) x = static_cast<M>(-std::numeric_limits<float>::infinity());
  c.sinks = {{heads, 1, 1, 1}, random, 0};
  c.parameters.scale = 0.1f * static_cast<float>(1 + random.below(9));
  if (c.masked && chance(2)) c.parameters.max_bias = static_cast<float>(1 + random.below(8));
  if (chance(2)) c.parameters.logit_softcap = 0.5f + static_cast<float>(random.below(30));
  return c;
}

template <class K, class M> void cross_everything(std::uint64_t seed, int count) {
  Random random(seed);
  ThreadExecutor threads(3);
  for (int n = 0; n < count; ++n) {
    Case<K, M> c = random_case<K, M>(random);
    c.name = "random " + std::to_string(n);
    api::flash_attn_ext(c.inputs(), c.parameters, c.dst.view(), {.executor = n % 2 == 0 ? &threads : nullptr});
    c.expect();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Ggml, EveryParameterCrossed) { cross_everything<float, float>(1, 300); }
TEST(Ggml, EveryParameterCrossedIn16Bits) { cross_everything<Eigen::half, Eigen::half>(2, 300); }

/// As llama.cpp's -ctk f16 -ctv bf16.
TEST(Ggml, KeysAndValuesMayBeOfDifferentTypes) {
  Random random(3);
  using C = Case<Eigen::half, float>;
  C c = random_case<Eigen::half, float>(random);
  std::vector<Eigen::bfloat16> values;
  for (Eigen::half& x : c.v.x) {
    values.push_back(Eigen::bfloat16(float(x)));
    x = Eigen::half(float(values.back()));
  }
  const auto in = c.inputs();
  const api::Tensor<const Eigen::bfloat16> v{values.data(), in.v.ne, in.v.nb};
  api::flash_attn_ext(api::Inputs<Eigen::half, float, Eigen::bfloat16>{in.q, in.k, v, in.mask, in.sinks}, c.parameters,
                      c.dst.view());
  c.name = "two types";
  c.expect();
}

TEST(Ggml, WhatTheMaskSaysMinusInfinityOfIsNotRead) {
  Random random(3);
  Case<float, float> c = random_case<float, float>(random);
  c.k = {{8, 150, 2, 1}, random, 0}, c.v = {{8, 150, 2, 1}, random, 0}, c.q = {{8, 70, 4, 1}, random, 0};
  c.dst = {{8, 4, 70, 1}, random, 0}, c.mask = {{150, 70, 1, 1}, random, 0}, c.sinks = {{4, 1, 1, 1}, random, 0};
  c.masked = true;
  for (Index i = 0; i < 70; ++i)
    for (Index j = 0; j < 150; ++j)
      c.mask.at4(j, i, 0, 0) = j > i + 60 ? -std::numeric_limits<float>::infinity() : 0.0f;
  for (Index j = 131; j < 150; ++j)
    for (Index h = 0; h < 2; ++h)
      for (Index d = 0; d < 8; ++d) c.k.at4(d, j, h, 0) = c.v.at4(d, j, h, 0) = std::numeric_limits<float>::quiet_NaN();
  api::flash_attn_ext(c.inputs(), c.parameters, c.dst.view());
  c.expect();
}

TEST(Ggml, RefusesInItsWords) {
  Random random(4);
  const auto refused = [&](const auto& change) {
    Case<float, float> c;
    c.q = {{8, 3, 4, 2}, random, 0}, c.k = {{8, 5, 2, 2}, random, 0}, c.v = {{6, 5, 2, 2}, random, 0};
    c.dst = {{6, 4, 3, 2}, random, 0}, c.mask = {{5, 3, 1, 1}, random, 0}, c.sinks = {{4, 1, 1, 1}, random, 0};
    c.masked = c.sunk = true;
    auto in = c.inputs();
    auto dst = c.dst.view();
    const auto before = c.dst.x;
    change(in, c.parameters, dst);
    const std::string text = refusal([&] { api::flash_attn_ext(in, c.parameters, dst); });
    EXPECT_EQ(c.dst.x, before);
    return text;
  };
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.k.ne[0] = 7; }), "rapt: k: ne[0] is 7; it has to be 8, as q's");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.v.ne[1] = 4; }), "rapt: v: ne[1] is 4; it has to be 5, as k's");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.k.ne[2] = in.v.ne[2] = 3; }),
            "rapt: k: ne[2] is 3; it has to divide 4, q's");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.mask.ne[0] = 4; }),
            "rapt: mask: ne[0] is 4; it has to be 5, as k's ne[1]");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.mask.ne[1] = 2; }),
            "rapt: mask: ne[1] is 2; it has to be 3 or more, which is q's");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.mask.ne[2] = 3; }),
            "rapt: mask: ne[2] is 3; it has to divide 4, q's");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.sinks.ne[0] = 5; }),
            "rapt: sinks: ne[0] is 5; it has to be 4, as q's ne[2]");
  EXPECT_EQ(refused([](auto& in, auto& p, auto&) { in.mask = {}, p.max_bias = 8; }),
            "rapt: max_bias: is 8; it has to be 0 without a mask, which it is a factor of");
  EXPECT_EQ(refused([](auto&, auto& p, auto&) { p.logit_softcap = -1; }),
            "rapt: logit_softcap: is -1; it has to be 0 for none, or positive");
  EXPECT_EQ(refused([](auto& in, auto&, auto&) { in.q.nb[1] = 34; }),
            "rapt: q: nb[1] is 34; it has to be a multiple of the 4 bytes of an element");
  EXPECT_EQ(refused([](auto&, auto&, auto& dst) { dst.ne[1] = 3, dst.ne[2] = 4; }),
            "rapt: dst: ne[1] is 3; it has to be 4, as q's ne[2]");
  EXPECT_EQ(refused([](auto& in, auto&, auto& dst) { in.q.data = dst.data; }),
            "rapt: dst: shares memory with q; it has to be apart from what is read");
}

}  // namespace
}  // namespace rapt_test::ggml_test
