// ONNX Attention: all cases of ONNX's backend tests, and every attribute crossed with every other at random, against
// the specification written down naively.
#include "compat/onnx_attention.hpp"

#include <type_traits>

#include "compat/onnx_cases.hpp"
#include "rapt/compat/onnx.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::onnx_attention_test {
namespace {

namespace api = rapt::compat::onnx;
using onnx::Array;
using onnx::Case;
using rapt::compat::Tensor;
using rapt::compat::tensor;

template <class T> constexpr double roundoff = 0;
template <> constexpr double roundoff<float> = 0x1p-24;
template <> constexpr double roundoff<double> = 0x1p-53;
template <> constexpr double roundoff<Eigen::half> = 0x1p-11;
template <> constexpr double roundoff<Eigen::bfloat16> = 0x1p-8;

/// A tensor's memory: exactly as long as it has to be.
template <class T> struct Memory {
  std::vector<Index> dims;
  std::vector<T> x;

  Memory() = default;
  explicit Memory(const Array& a) : dims(a.dims), x(a.x.size()) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(a.x[i]);
  }
  explicit Memory(std::vector<Index> d) : Memory(Array(std::move(d))) {
    for (T& e : x) e = static_cast<T>(-12345.5);
  }
  Tensor<T> view() { return tensor(x.data(), dims.data(), static_cast<int>(dims.size())); }
};

/// The numbers that T makes of an array's.
template <class T> Array rounded(Array a) {
  for (double& x : a.x) x = static_cast<double>(static_cast<T>(x));
  return a;
}

/// A case's call by the library.
template <class T> struct Call {
  Case c;
  onnx::Inputs in;  // as T holds them
  Memory<T> Q, K, V, mask, past_key, past_value, Y, present_key, present_value, qk;
  std::unique_ptr<bool[]> bools;

  explicit Call(const Case& of, std::uint64_t seed) : c(of), in(onnx::inputs_of(of, seed)) {
    for (Array* a : {&in.Q, &in.K, &in.V, &in.mask, &in.past_key, &in.past_value}) *a = rounded<T>(*a);
    take_inputs();
    Y = Memory<T>(c.three_dims ? std::vector<Index>{c.batch, c.q_len, c.q_heads * c.v_head}
                               : std::vector<Index>{c.batch, c.q_heads, c.q_len, c.v_head});
    if (c.past >= 0) {
      present_key = Memory<T>({c.batch, c.kv_heads, c.total(), c.head});
      present_value = Memory<T>({c.batch, c.kv_heads, c.total(), c.v_head});
    }
    if (c.wants_qk) qk = Memory<T>({c.batch, c.q_heads, c.q_len, c.total()});
  }
  void take_inputs() {
    Q = Memory<T>(in.Q), K = Memory<T>(in.K), V = Memory<T>(in.V), mask = Memory<T>(in.mask);
    past_key = Memory<T>(in.past_key), past_value = Memory<T>(in.past_value);
    bools = std::make_unique<bool[]>(in.mask.x.size());
    for (std::size_t i = 0; i < in.mask.x.size(); ++i) bools[i] = in.mask.x[i] != 0;
  }

  api::AttentionInputs<T> inputs() {
    api::AttentionInputs<T> to{.Q = Q.view(), .K = K.view(), .V = V.view()};
    if (in.mask.given()) {
      if (c.bool_mask)
        to.attn_mask = tensor(bools.get(), mask.dims.data(), static_cast<int>(mask.dims.size()));
      else
        to.attn_mask = mask.view();
    }
    if (c.past >= 0) to.past_key = past_key.view(), to.past_value = past_value.view();
    if (!c.nonpad.empty()) to.nonpad_kv_seqlen = tensor(c.nonpad.data(), {std::ssize(c.nonpad)});
    return to;
  }
  api::AttentionAttributes attributes() const {
    api::AttentionAttributes a{.is_causal = c.causal,
                               .qk_matmul_output_mode = c.mode,
                               .scale = c.scale,
                               .softcap = c.softcap,
                               .left_window_size = c.left,
                               .right_window_size = c.right};
    if (c.three_dims) a.q_num_heads = c.q_heads, a.kv_num_heads = c.kv_heads;
    return a;
  }
  api::AttentionOutputs<T> outputs() { return {Y.view(), present_key.view(), present_value.view(), qk.view()}; }
  api::Options options() const {
    return {.opset = c.opset, .errata = c.as_released ? api::Errata::as_released : api::Errata::corrected};
  }
  void run(std::optional<Isa> isa = {}, rapt::Executor* executor = nullptr) {
    api::Options o = options();
    o.isa = isa, o.executor = executor;
    api::attention<T>(inputs(), attributes(), outputs(), o);
  }
};

/// How far off scores and outputs may be, of numbers from 0 to 1 (and biases up to 1), computed in `C` and kept in `T`:
/// a score is a chain of `head` roundings of at most head · scale, and six more of what comes after; a weight is off by
/// twice that and by the exponential's and the sum's roundings.
template <class T> struct Bound {
  double score, weight, value;

  explicit Bound(const Case& c) {
    using C = std::conditional_t<sizeof(T) == 8, double, float>;
    const double u = roundoff<C>, scale = c.scale.value_or(1 / std::sqrt(static_cast<double>(c.head)));
    const double largest = static_cast<double>(c.head) * scale + 1;
    score = static_cast<double>(c.head + 16) * u * largest + kept(largest);
    const double relative =
        4 * static_cast<double>(c.head + 16) * u * largest + static_cast<double>(c.total() + 64) * u;
    weight = value = relative + kept(1);
  }
  static double kept(double largest) { return sizeof(T) == 2 ? roundoff<T> * largest : 0; }
};

template <class T>
void expect_close(const Memory<T>& found, const Array& expected, double bound, const Case& c, const char* what) {
  ASSERT_EQ(found.x.size(), expected.x.size()) << what << ", " << c;
  for (std::size_t i = 0; i < found.x.size(); ++i) {
    const double x = static_cast<double>(found.x[i]);
    if (std::isinf(expected.x[i]))
      ASSERT_EQ(x, expected.x[i]) << what << " " << i << ", " << c;
    else
      ASSERT_NEAR(x, expected.x[i], bound) << what << " " << i << ", " << c;
  }
}

template <class T> void expect_as_specified(const Case& c, std::uint64_t seed, std::optional<Isa> isa = {}) {
  Call<T> call(c, seed);
  call.run(isa);
  const onnx::Outputs expected = onnx::attention(c, call.in);
  const Bound<T> bound(c);
  expect_close(call.Y, expected.Y, bound.value, c, "Y");
  if (c.past >= 0) {
    expect_close(call.present_key, expected.present_key, 0, c, "present_key");
    expect_close(call.present_value, expected.present_value, 0, c, "present_value");
  }
  if (c.wants_qk) expect_close(call.qk, expected.qk, c.mode == 3 ? bound.weight : bound.score, c, "qk_matmul_output");
}

TEST(OnnxAttention, BackendCases) {
  std::uint64_t seed = 0;
  for (const Case& c : onnx::backend_cases())
    for (const Isa isa : rapt::supported_isas()) expect_as_specified<float>(c, ++seed, isa);
}
TEST(OnnxAttention, BackendCasesInDouble) {
  std::uint64_t seed = 100;
  for (const Case& c : onnx::backend_cases()) expect_as_specified<double>(c, ++seed);
}
TEST(OnnxAttention, BackendCasesIn16Bits) {
  std::uint64_t seed = 200;
  for (const Case& c : onnx::backend_cases()) {
    expect_as_specified<Eigen::half>(c, ++seed);
    expect_as_specified<Eigen::bfloat16>(c, ++seed);
  }
}

/// The releases before the errata: the order of softcap and mask, and the numbers of the modes, are the other way
/// round.
TEST(OnnxAttention, BackendCasesAsReleased) {
  std::uint64_t seed = 300;
  for (Case c : onnx::backend_cases()) {
    c.as_released = true;
    if (c.mode == 1 || c.mode == 2) c.mode = 3 - c.mode;
    expect_as_specified<float>(c, ++seed);
  }
}

/// Any attributes and inputs that go together.
Case random_case(Random& random, std::uint64_t number) {
  const auto below = [&](Index n) { return random.below(n); };
  const auto chance = [&](Index n) { return random.below(n) == 0; };
  Case c;
  c.name = "random " + std::to_string(number);
  c.opset = 23 + static_cast<int>(below(3));
  c.as_released = chance(4);
  c.three_dims = chance(2);
  c.batch = 1 + below(3);
  c.kv_heads = 1 + below(3);
  c.q_heads = c.kv_heads * (1 + below(3));
  const Index lengths[] = {1, 2, 5, 17, 63, 64, 65, 130};
  c.q_len = lengths[below(8)];
  c.kv_len = chance(12) ? 530 : lengths[below(8)];
  c.head = 1 + below(20);
  c.v_head = chance(2) ? c.head : 1 + below(20);
  c.causal = chance(2);
  c.softcap = chance(2) ? 0.25 + static_cast<double>(below(8)) : 0;
  if (chance(2)) c.scale = static_cast<double>(below(5)) * 0.3;
  c.wants_qk = chance(2);
  c.mode = static_cast<int>(below(4));
  if (c.opset >= 25 && chance(2)) c.left = below(6);
  if (c.opset >= 25 && chance(2)) c.right = below(6);
  const Index caches = below(3);
  if (caches == 1) c.past = below(70);
  if (caches == 2 && c.opset >= 24)
    for (Index b = 0; b < c.batch; ++b) c.nonpad.push_back(below(c.kv_len + 1));
  if (!chance(3)) {
    const Index total = c.total();
    const Index last = c.opset == 23 ? (chance(4) ? 1 : total) : (chance(3) ? 1 + below(total) : total);
    std::vector<Index> dims = {chance(2) ? 1 : c.batch, chance(2) ? 1 : c.q_heads, chance(3) ? 1 : c.q_len, last};
    c.mask_dims.assign(dims.begin() + below(4), dims.end());
    c.bool_mask = chance(2);
    c.minus_infinity = chance(2);
  }
  return c;
}

TEST(OnnxAttention, EveryAttributeCrossed) {
  Random random(1);
  for (std::uint64_t n = 0; n < 1500; ++n) expect_as_specified<float>(random_case(random, n), n);
}
TEST(OnnxAttention, EveryAttributeCrossedInDouble) {
  Random random(2);
  for (std::uint64_t n = 0; n < 300; ++n) expect_as_specified<double>(random_case(random, n), n);
}
TEST(OnnxAttention, EveryAttributeCrossedIn16Bits) {
  Random random(3);
  for (std::uint64_t n = 0; n < 300; ++n) expect_as_specified<Eigen::half>(random_case(random, n), n);
}

TEST(OnnxAttention, ThreadsAndInstructionSetsHaveTheSameBits) {
  Random random(4);
  ThreadExecutor threads(3);
  for (std::uint64_t n = 0; n < 60; ++n) {
    const Case c = random_case(random, n);
    Call<float> one(c, n), other(c, n);
    one.run();
    for (const Isa isa : rapt::supported_isas()) {
      other.run(isa, &threads);
      ASSERT_TRUE(same_bits(one.Y.x.data(), other.Y.x.data(), std::ssize(one.Y.x))) << c;
      ASSERT_TRUE(same_bits(one.qk.x.data(), other.qk.x.data(), std::ssize(one.qk.x))) << c;
    }
  }
}

/// What a mask of bools, is_causal, a window or nonpad_kv_seqlen masks can't reach the result, even if it is NaN.
TEST(OnnxAttention, MaskedKeysAreNotRead) {
  Case c{.name = "poisoned", .opset = 25, .q_len = 70, .kv_len = 200, .causal = true, .nonpad = {150, 90}, .left = 30};
  Call<float> clean(c, 1), poisoned(c, 1);
  clean.run();
  for (Index b = 0; b < c.batch; ++b)
    for (Index h = 0; h < c.kv_heads; ++h)
      for (Index j = 0; j < c.kv_len; ++j) {
        const Index first = c.nonpad[at(b)] - c.q_len - c.left;
        if (j < c.nonpad[at(b)] && j >= first) continue;
        for (Index d = 0; d < c.head; ++d) {
          const std::size_t place = at(((b * c.kv_heads + h) * c.kv_len + j) * c.head + d);
          poisoned.K.x[place] = poisoned.V.x[place] = std::numeric_limits<float>::quiet_NaN();
        }
      }
  poisoned.run();
  EXPECT_TRUE(same_bits(clean.Y.x.data(), poisoned.Y.x.data(), std::ssize(clean.Y.x)));
}

TEST(OnnxAttention, RowsThatAttendToNothingAreZero) {
  for (const bool released : {false, true}) {
    Case c{.name = "empty rows",
           .opset = 24,
           .as_released = released,
           .mask_dims = {4, 6},
           .bool_mask = true,
           .mode = 3,
           .wants_qk = true};
    Call<float> call(c, 5);
    for (std::size_t i = 0; i < 6; ++i) call.in.mask.x[i] = 0;  // row 0
    call.take_inputs();
    call.run();
    for (Index i = 0; i < c.v_head; ++i) EXPECT_EQ(call.Y.x[at(i)], 0);
    for (Index j = 0; j < c.kv_len; ++j) EXPECT_EQ(call.qk.x[at(j)], 0);
  }
}

TEST(OnnxAttention, TensorsMayHaveStrides) {
  const Case c{.name = "strided", .mask_dims = {4, 6}};
  Call<float> call(c, 9), strided(c, 9);
  call.run();
  // Q as the first half of rows twice as long; Y backwards.
  std::vector<float> wide(call.Q.x.size() * 2), back(call.Y.x.size());
  for (std::size_t i = 0; i < call.Q.x.size(); ++i) wide[i / 8 * 16 + i % 8] = call.Q.x[i];
  api::AttentionInputs<float> in = strided.inputs();
  in.Q = tensor(wide.data(), {2, 3, 4, 8}, {192, 64, 16, 1});
  api::attention<float>(in, strided.attributes(),
                        {.Y = tensor(back.data() + back.size() - 1, {2, 3, 4, 8}, {-96, -32, -8, -1})},
                        strided.options());
  std::reverse(back.begin(), back.end());
  EXPECT_TRUE(same_bits(call.Y.x.data(), back.data(), std::ssize(back)));
}

TEST(OnnxAttention, NothingToDo) {
  for (const Case& c : {Case{.name = "no batch", .batch = 0}, Case{.name = "no query", .q_len = 0},
                        Case{.name = "no key", .kv_len = 0, .wants_qk = true}, Case{.name = "empty past", .past = 0},
                        Case{.name = "only a past", .kv_len = 0, .past = 5}})
    expect_as_specified<float>(c, 1);
}

/// What a changed call says.
std::string refused(Case c, const auto& change) {
  Call<float> call(c, 1);
  api::AttentionInputs<float> in = call.inputs();
  api::AttentionAttributes attributes = call.attributes();
  api::AttentionOutputs<float> out = call.outputs();
  api::Options options = call.options();
  change(in, attributes, out, options);
  const std::string text = refusal([&] { api::attention<float>(in, attributes, out, options); });
  for (const float x : call.Y.x) EXPECT_EQ(x, -12345.5f);
  for (const float x : call.present_key.x) EXPECT_EQ(x, -12345.5f);
  return text;
}

TEST(OnnxAttention, RefusesInOnnxsWords) {
  float other[2000];
  const auto in = [&](Case c, const auto& change) {
    return refused(c, [&](auto& i, auto&, auto&, auto&) { change(i); });
  };
  const auto by = [&](Case c, const auto& change) {
    return refused(c, [&](auto&, auto& a, auto&, auto&) { change(a); });
  };
  const auto out = [&](Case c, const auto& change) {
    return refused(c, [&](auto&, auto&, auto& o, auto&) { change(o); });
  };
  const Case plain, cached{.past = 2}, three{.three_dims = true}, lengths{.opset = 24, .nonpad = {3, 4}};
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.Q = tensor(other, {2, 3});
               }),
            "rapt: Q: has 2 dimensions; it has to have 3 or 4");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.K = tensor(other, {2, 6, 24});
               }),
            "rapt: K: has 3 dimensions; it has to have 4, as Q");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.K = tensor(other, {2, 3, 6, 7});
               }),
            "rapt: K: head_size is 7; it has to be 8, as in Q");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.V = tensor(other, {2, 3, 5, 8});
               }),
            "rapt: V: kv_sequence_length is 5; it has to be 6, as in K");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.Q = tensor(other, {2, 4, 4, 8});
               }),
            "rapt: Q: the number of heads is 4; it has to be a multiple of K's, 3");
  EXPECT_EQ(in(plain, [&](auto& i) { i.V.data = nullptr; }),
            "rapt: V: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.attn_mask = tensor(other, {4, 5});
               }),
            "rapt: attn_mask: its last size is 5; it has to be 6, which is total_sequence_length, or 1 for all");
  EXPECT_EQ(in(plain,
               [&](auto& i) {
                 i.attn_mask = tensor(other, {2, 4, 6});
               }),
            "rapt: attn_mask: the number of heads is 2; it has to be 3, or 1 for all");
  EXPECT_EQ(in(lengths,
               [&](auto& i) {
                 i.attn_mask = tensor(other, {4, 7});
               }),
            "rapt: attn_mask: its last size is 7; it has to be 6 or less, which is total_sequence_length");
  EXPECT_EQ(in(cached, [&](auto& i) { i.past_value = {}; }),
            "rapt: past_value: is not given; past_key and past_value go together");
  EXPECT_EQ(in(cached,
               [&](auto& i) {
                 i.past_value = tensor(other, {2, 3, 3, 8});
               }),
            "rapt: past_value: the sequence length is 3; it has to be 2, as the other tensors have it");
  const Index numbers[] = {3, 7};
  EXPECT_EQ(in(lengths, [&](auto& i) { i.nonpad_kv_seqlen = tensor(numbers, {2}); }),
            "rapt: nonpad_kv_seqlen: number 1 is 7; it has to be from 0 to 6, which is kv_sequence_length");
  EXPECT_EQ(in(plain, [&](auto& i) { i.nonpad_kv_seqlen = tensor(numbers, {2}); }),
            "rapt: nonpad_kv_seqlen: is given in opset 23; it came with opset 24");
  EXPECT_EQ(refused({.opset = 24, .past = 2},
                    [&](auto& i, auto&, auto&, auto&) { i.nonpad_kv_seqlen = tensor(numbers, {2}); }),
            "rapt: nonpad_kv_seqlen: is given together with a past or present cache; it is for K and V that are the "
            "whole cache: one or the other");
  EXPECT_EQ(by(three, [](auto& a) { a.q_num_heads = {}; }),
            "rapt: q_num_heads: is not set; it has to be, as Q has three dimensions");
  EXPECT_EQ(by(three, [](auto& a) { a.kv_num_heads = 5; }),
            "rapt: K: its last size is 24; it has to be a multiple of 5, which is kv_num_heads");
  EXPECT_EQ(by(plain, [](auto& a) { a.q_num_heads = 9; }),
            "rapt: q_num_heads: is 9; it has to be 3, as in Q, or not set");
  EXPECT_EQ(by(plain, [](auto& a) { a.qk_matmul_output_mode = 4; }),
            "rapt: qk_matmul_output_mode: is 4; it has to be 0, 1, 2 or 3");
  EXPECT_EQ(by(plain, [](auto& a) { a.scale = -1; }),
            "rapt: scale: is -1; it has to be 0 or more, and finite: Q and K take its root");
  EXPECT_EQ(by(plain, [](auto& a) { a.softcap = -1; }),
            "rapt: softcap: is -1; it has to be 0 for none, or positive, and finite as a float");
  EXPECT_EQ(by(plain, [](auto& a) { a.softmax_precision = 7; }),
            "rapt: softmax_precision: is 7; it has to be 1, 10, 11 or 16: float, float16, double or bfloat16");
  EXPECT_EQ(by(plain, [](auto& a) { a.left_window_size = 3; }),
            "rapt: left_window_size: is set in opset 23; it came with opset 25");
  EXPECT_EQ(by(plain, [](auto& a) { a.right_window_size = -2; }),
            "rapt: right_window_size: is -2; it has to be 0 or more, or -1 for unbounded");
  EXPECT_EQ(refused(plain, [](auto&, auto&, auto&, auto& o) { o.opset = 22; }),
            "rapt: opset: is 22; it has to be 23, 24 or 25");
  EXPECT_EQ(out(plain,
                [&](auto& o) {
                  o.Y = tensor(other, {2, 3, 4, 9});
                }),
            "rapt: Y: v_head_size is 9; it has to be 8, as in V");
  EXPECT_EQ(out(cached,
                [&](auto& o) {
                  o.present_key = tensor(other, {2, 3, 6, 8});
                }),
            "rapt: present_key: the sequence length is 6; it has to be 8, as the other tensors have it");
  EXPECT_EQ(out(plain,
                [&](auto& o) {
                  o.qk_matmul_output = tensor(other, {2, 3, 6, 4});
                }),
            "rapt: qk_matmul_output: the sequence length is 6; it has to be 4, as the other tensors have it");
  EXPECT_EQ(out(plain, [&](auto& o) { o.present_key = o.Y, o.present_key.size[2] = 6, o.present_key.data -= 1; })
                .substr(0, 36),
            "rapt: Y: shares memory with present_");
  EXPECT_EQ(refused(plain, [&](auto& i, auto&, auto& o, auto&) { o.Y.data = const_cast<float*>(i.Q.data); }),
            "rapt: Y: shares memory with Q; it has to be apart from what is read");
}

TEST(OnnxAttention, SoftmaxPrecisionIsAccepted) {
  for (const int precision : {1, 10, 11, 16}) {
    const Case c;
    Call<float> call(c, 3), asked(c, 3);
    call.run();
    api::AttentionAttributes attributes = asked.attributes();
    attributes.softmax_precision = precision;
    api::attention<float>(asked.inputs(), attributes, asked.outputs(), asked.options());
    EXPECT_TRUE(same_bits(call.Y.x.data(), asked.Y.x.data(), std::ssize(call.Y.x)));
  }
}

}  // namespace
}  // namespace rapt_test::onnx_attention_test
