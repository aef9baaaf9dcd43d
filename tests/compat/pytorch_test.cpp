// scaled_dot_product_attention as PyTorch documents it, written down naively: every argument crossed with every other.
#include "rapt/compat/pytorch.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/golden.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::pytorch_test {
namespace {

namespace api = rapt::compat::pytorch;
using rapt::compat::Tensor;
using rapt::compat::tensor;

using Dims = std::vector<Index>;

/// A tensor with strides of its own: dimensions in another order in memory, and gaps.
template <class T> struct Memory {
  Dims dims, strides;
  std::vector<T> x;

  Memory() = default;
  Memory(const Dims& d, Random& random, bool odd) : dims(d), strides(d.size()) {
    Dims order(d.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    if (odd)
      for (std::size_t i = order.size(); i-- > 1;)
        std::swap(order[i], order[at(random.below(static_cast<Index>(i) + 1))]);
    Index step = odd ? 2 : 1;
    for (std::size_t i = order.size(); i-- > 0;) {
      strides[at(order[i])] = step;
      step *= dims[at(order[i])];
      if (odd && dims[at(order[i])] > 0) step += 3;
    }
    x.resize(at(step + 1));
    for (T& e : x) e = static_cast<T>(random.uniform());
  }
  Tensor<T> view() {
    Tensor<T> t = tensor(x.data(), dims.data(), static_cast<int>(dims.size()));
    for (std::size_t i = 0; i < dims.size(); ++i) t.stride[i] = strides[i];
    return t;
  }
};

/// An element at a place whose dimensions are counted from the last: one that is missing or of size 1 is for all.
template <class T> T& element(const Tensor<T>& t, const Dims& place) {
  Index offset = 0;
  for (int i = 1; i <= t.rank; ++i)
    if (t.dim(-i) != 1) offset += place[place.size() - at(i)] * t.step(-i);
  return t.data[offset];
}

template <class T> struct Call {
  Tensor<const T> query, key, value;
  Tensor<T> output;
  api::Arguments<T> arguments;
};

/// The documentation's code: attn_bias, query @ key · scale + attn_bias, softmax, @ value.
template <class T> double expected(const Call<T>& c, Dims place) {
  const Index L = c.query.dim(-2), S = c.key.dim(-2), E = c.query.dim(-1), i = place[place.size() - 2];
  const Index d = place.back();
  const double scale = c.arguments.scale.value_or(1 / std::sqrt(static_cast<double>(E)));
  Dims kv = place;
  if (c.arguments.enable_gqa && c.key.rank >= 3 && c.key.dim(-3) != 0)
    kv[kv.size() - 3] = place[place.size() - 3] / (c.query.dim(-3) / c.key.dim(-3));
  std::vector<double> score(at(S));
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, out = 0;
  for (Index j = 0; j < S; ++j) {
    double s = 0;
    for (Index e = 0; e < E; ++e) {
      Dims q = place, k = kv;
      q.back() = e;
      k[k.size() - 2] = j, k.back() = e;
      s += static_cast<double>(element(c.query, q)) * static_cast<double>(element(c.key, k));
    }
    s *= scale;
    Dims m = place;
    m.back() = j;
    if (c.arguments.is_causal && j > i) s = -std::numeric_limits<double>::infinity();
    if (c.arguments.attn_mask.numbers.given()) s += static_cast<double>(element(c.arguments.attn_mask.numbers, m));
    if (c.arguments.attn_mask.bools.given() && !element(c.arguments.attn_mask.bools, m))
      s = -std::numeric_limits<double>::infinity();
    score[at(j)] = s;
    largest = std::max(largest, s);
  }
  for (double& s : score) sum += s = std::isinf(largest) ? 0 : std::exp(s - largest);
  for (Index j = 0; j < S; ++j) {
    Dims v = kv;
    v[v.size() - 2] = j, v.back() = d;
    out += sum == 0 ? 0 : score[at(j)] / sum * static_cast<double>(element(c.value, v));
  }
  return L > 0 ? out : 0;
}

/// Of numbers up to 1 in size, and masks up to 1: each score is a chain of E roundings, and a few more; a weight is off
/// by twice the score's error and the sum's.
template <class T> double bound(Index E, Index S, double scale) {
  const double u = sizeof(T) == 8 ? 0x1p-53 : 0x1p-24;
  const double error =
      4 * static_cast<double>(E + 8) * u * (static_cast<double>(E) * scale + 1) + static_cast<double>(S + 64) * u;
  return error + (sizeof(T) == 2 ? (std::is_same_v<T, Eigen::half> ? 0x1p-11 : 0x1p-8) : 0);
}

template <class T> void expect_as_documented(const Call<T>& c, const std::string& name) {
  const Tensor<T>& o = c.output;
  Index count = 1;
  for (int i = 0; i < o.rank; ++i) count *= o.dim(i);
  const double tolerance =
      bound<T>(c.query.dim(-1), c.key.dim(-2),
               std::fabs(c.arguments.scale.value_or(1 / std::sqrt(static_cast<double>(c.query.dim(-1))))));
  for (Index n = 0; n < count; ++n) {
    Dims place(8, 0);  // as many dimensions as there may be
    Index rest = n;
    for (int i = 1; i <= o.rank; ++i) place[8 - at(i)] = rest % o.dim(-i), rest /= o.dim(-i);
    ASSERT_NEAR(static_cast<double>(element(o, place)), expected(c, place), tolerance) << name << ", element " << n;
  }
}

template <class T> void cross_everything(std::uint64_t seed, int count) {
  Random random(seed);
  ThreadExecutor threads(2);
  const auto chance = [&](Index n) { return random.below(n) == 0; };
  for (int n = 0; n < count; ++n) {
    const Index rank = 2 + random.below(5), most = rank > 3 ? 9 : 70;
    const Index L = 1 + random.below(most), S = 1 + random.below(chance(9) ? 70 : most);
    const Index E = 1 + random.below(24), Ev = 1 + random.below(24), heads = 1 + random.below(3);
    const bool gqa = rank >= 3 && chance(2);
    Dims lead;
    for (Index i = 0; i < rank - 3; ++i) lead.push_back(1 + random.below(3));
    const auto dims = [&](Index h, Index length, Index dim, bool may_broadcast) {
      Dims d = lead;
      if (may_broadcast)
        for (Index& x : d)
          if (chance(4)) x = 1;
      if (rank >= 3) d.push_back(h);
      d.push_back(length), d.push_back(dim);
      if (may_broadcast && !gqa && heads > 1 && rank >= 3 && h == 1)
        d.erase(d.begin(), d.begin() + (rank > 3 && chance(2) ? rank - 3 : 0));
      return d;
    };
    const Index q_heads = gqa ? heads * (1 + random.below(3)) : heads, kv_heads = !gqa && chance(4) ? 1 : heads;
    const bool odd = chance(2);
    Memory<T> q(dims(q_heads, L, E, false), random, odd), k(dims(kv_heads, S, E, true), random, odd);
    Memory<T> v(dims(kv_heads, S, Ev, true), random, odd), out(dims(q_heads, L, Ev, false), random, odd);
    Call<T> c{q.view(), k.view(), v.view(), out.view(), {}};
    c.arguments.enable_gqa = gqa;
    if (chance(2)) c.arguments.scale = static_cast<double>(random.below(5)) * 0.3 - 0.3;
    Memory<T> mask;
    std::unique_ptr<bool[]> bools;
    const Index kind = random.below(4);
    if (kind == 1) c.arguments.is_causal = true;
    if (kind >= 2) {
      Dims d = dims(q_heads, L, S, false);
      for (Index& x : d)
        if (chance(3)) x = 1;
      d.erase(d.begin(), d.begin() + random.below(std::ssize(d)));
      mask = Memory<T>(d, random, odd);
      if (kind == 2) {
        for (T& x : mask.x)
          if (chance(3)) x = static_cast<T>(-std::numeric_limits<float>::infinity());
        c.arguments.attn_mask = mask.view();
      } else {
        bools = std::make_unique<bool[]>(mask.x.size());
        for (std::size_t i = 0; i < mask.x.size(); ++i) bools[i] = !chance(3);
        Tensor<const bool> t = tensor(static_cast<const bool*>(bools.get()), d.data(), static_cast<int>(d.size()));
        for (std::size_t i = 0; i < d.size(); ++i) t.stride[i] = mask.strides[i];
        c.arguments.attn_mask = t;
      }
    }
    api::scaled_dot_product_attention<T>(c.query, c.key, c.value, c.output, c.arguments,
                                         {.executor = chance(2) ? &threads : nullptr});
    expect_as_documented(c, "random " + std::to_string(n) + ", rank " + std::to_string(rank));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Pytorch, EveryArgumentCrossed) { cross_everything<float>(1, 300); }
TEST(Pytorch, EveryArgumentCrossedInDouble) { cross_everything<double>(2, 100); }
TEST(Pytorch, EveryArgumentCrossedIn16Bits) {
  cross_everything<Eigen::half>(3, 60);
  cross_everything<Eigen::bfloat16>(4, 60);
}

/// Cases that others made with PyTorch.
class PytorchGolden : public GoldenCase {};

TEST_P(PytorchGolden, HasItsOutput) {
  const auto of = [&](const char* name) {
    const GoldenTensor& t = golden.tensors.at(name);
    return rapt::compat::tensor(static_cast<const float*>(t.numbers.data()), t.dims.data(),
                                static_cast<int>(t.dims.size()));
  };
  const GoldenTensor& expected = golden.tensors.at("Y");
  std::vector<float> out(expected.numbers.size());
  api::Arguments<float> arguments{.is_causal = golden.integer("is_causal") != 0};
  if (golden.has("attn_mask")) arguments.attn_mask = of("attn_mask");
  if (golden.attributes.count("scale") == 1) arguments.scale = std::stod(golden.attributes.at("scale"));
  api::scaled_dot_product_attention<float>(
      of("Q"), of("K"), of("V"),
      rapt::compat::tensor(out.data(), expected.dims.data(), static_cast<int>(expected.dims.size())), arguments);
  expect_near(out, expected, golden.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Cases, PytorchGolden,
                         testing::Values("openvino/sdpa_test_case_0", "openvino/sdpa_test_case_2_causal",
                                         "tract/sdpa_simple-causal-f32", "tract/sdpa_simple-f16",
                                         "tract/sdpa_simple-mask-f32", "tract/sdpa_simple-non-causal-f32",
                                         "tract/sdpa_simple-scale-f32"),
                         golden_name);

TEST(Pytorch, CausalIsTopLeft) {
  const float q[2] = {}, k[3] = {}, v[3] = {1, 2, 4};
  float out[2];
  api::scaled_dot_product_attention<float>(tensor(q, {2, 1}), tensor(k, {3, 1}), tensor(v, {3, 1}), tensor(out, {2, 1}),
                                           {.is_causal = true});
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 1.5f);
}

TEST(Pytorch, RowsThatAttendToNothingAreZero) {
  const float q[2] = {}, k[2] = {}, v[2] = {1, 2};
  const bool mask[4] = {false, false, true, true};
  float out[2];
  api::scaled_dot_product_attention<float>(tensor(q, {2, 1}), tensor(k, {2, 1}), tensor(v, {2, 1}), tensor(out, {2, 1}),
                                           {.attn_mask = tensor(mask, {2, 2})});
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[1], 1.5f);
}

TEST(Pytorch, NothingToDo) {
  float x[64] = {};
  for (const Index batch : {0, 2})
    for (const Index L : {0, 3})
      for (const Index S : {0, 3})
        api::scaled_dot_product_attention<float>(
            tensor<const float>(x, {batch, 1, L, 2}), tensor<const float>(x, {batch, 1, S, 2}),
            tensor<const float>(x, {batch, 1, S, 2}), tensor(x + 40, {batch, 1, L, 2}));
}

TEST(Pytorch, RefusesInItsWords) {
  const std::vector<float> x(4000);
  const bool bools[16] = {};
  std::vector<float> out(4000, -12345.5f);
  const auto refused = [&](Dims q, Dims k, Dims v, Dims o, const api::Arguments<float>& arguments = {}) {
    const auto of = [](auto* data, const Dims& d) { return tensor(data, d.data(), static_cast<int>(d.size())); };
    return refusal([&] {
      api::scaled_dot_product_attention<float>(of(x.data(), q), of(x.data(), k), of(x.data(), v), of(out.data(), o),
                                               arguments);
    });
  };
  const Dims q{2, 4, 3, 8}, k{2, 4, 5, 8};
  EXPECT_EQ(refused(q, k, k, q), "");
  for (float& y : out) y = -12345.5f;
  EXPECT_EQ(refused(q, k, k, q, {.dropout_p = 0.5}), "rapt: dropout_p: is 0.5; it has to be 0: this is inference");
  EXPECT_EQ(refused(q, k, k, q, {.attn_mask = tensor(bools, {3, 5}), .is_causal = true}),
            "rapt: attn_mask: is set, and so is is_causal; it has to be one or the other");
  EXPECT_EQ(refused(q, {2, 4, 5, 7}, k, q), "rapt: key: its last size is 7; it has to be 8, as in query");
  EXPECT_EQ(refused(q, k, {2, 4, 6, 8}, q), "rapt: value: its length is 6; it has to be 5, as in key");
  EXPECT_EQ(refused(q, {2, 2, 5, 8}, {2, 2, 5, 8}, q),
            "rapt: key: the number of heads is 2; without enable_gqa it has to be 1, or query's: 4");
  EXPECT_EQ(refused(q, {2, 3, 5, 8}, {2, 3, 5, 8}, q, {.enable_gqa = true}),
            "rapt: key: the number of heads is 3; it has to divide query's, 4");
  EXPECT_EQ(refused(q, {3, 4, 5, 8}, {3, 4, 5, 8}, q),
            "rapt: key: dimension -4 is 3; it has to be 2 as in the other tensors, or 1");
  EXPECT_EQ(refused(q, k, k, {2, 4, 3, 9}), "rapt: output: dimension -1 is 9; it has to be 8, as the inputs have it");
  EXPECT_EQ(refused(q, k, k, {4, 3, 8}), "rapt: output: has 3 dimensions; it has to have 4, as the inputs together");
  EXPECT_EQ(refused(q, k, k, q, {.attn_mask = tensor(bools, {3, 4})}),
            "rapt: attn_mask: dimension -1 is 4; it has to be 5, or 1 for all");
  EXPECT_EQ(refused({8}, k, k, q), "rapt: query: has 1 dimensions; it has to have 2 or more");
  for (const float y : out) EXPECT_EQ(y, -12345.5f);
  EXPECT_EQ(refusal([&] {
              api::scaled_dot_product_attention<float>(tensor<const float>(out.data(), {2, 4, 3, 8}),
                                                       tensor(x.data(), {2, 4, 5, 8}), tensor(x.data(), {2, 4, 5, 8}),
                                                       tensor(out.data() + 1, {2, 4, 3, 8}));
            }),
            "rapt: output: shares memory with query; it has to be apart from what is read");
}

TEST(Pytorch, OuterDimensionsMayNotOverlapEither) {
  std::vector<float> x(4000);
  EXPECT_EQ(refusal([&] {  // the second entry's output is the first one's query
              api::scaled_dot_product_attention<float>(
                  tensor<const float>(x.data(), {2, 1, 1, 2, 2}, {100, 4, 4, 2, 1}),
                  tensor<const float>(x.data() + 1000, {2, 1, 1, 2, 2}),
                  tensor<const float>(x.data() + 1000, {2, 1, 1, 2, 2}),
                  tensor(x.data() + 500, {2, 1, 1, 2, 2}, {-500, 4, 4, 2, 1}));
            }),
            "rapt: output: shares memory with query; it has to be apart from what is read");
  EXPECT_EQ(refusal([&] {
              api::scaled_dot_product_attention<float>(tensor<const float>(x.data(), {2, 1, 1, 2, 2}),
                                                       tensor<const float>(x.data(), {2, 1, 1, 2, 2}),
                                                       tensor<const float>(x.data(), {2, 1, 1, 2, 2}),
                                                       tensor(x.data() + 500, {2, 1, 1, 2, 2}, {0, 4, 4, 2, 1}));
            }),
            "rapt: output: two elements may share an address; each needs its own");
}

}  // namespace
}  // namespace rapt_test::pytorch_test
