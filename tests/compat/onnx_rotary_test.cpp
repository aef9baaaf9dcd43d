// ONNX RotaryEmbedding: all cases of ONNX's backend tests (onnx/backend/test/case/node/rotaryembedding.py), and more at
// random, against the specification written down naively.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rapt/compat/onnx/rotary_embedding.hpp"
#include "support/executors.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::onnx_rotary_test {
namespace {

namespace api = rapt::compat::onnx;
using rapt::compat::tensor;

struct Case {
  std::string name;
  bool three_dims = false, with_ids = true, interleaved = false;
  Index rotary = 0;
  Index batch = 2, heads = 4, length = 3, head = 8, positions = 50;

  Index pairs() const { return (rotary == 0 ? head : rotary) / 2; }
  std::vector<Index> dims() const {
    return three_dims ? std::vector<Index>{batch, length, heads * head}
                      : std::vector<Index>{batch, heads, length, head};
  }
};

std::vector<Case> backend_cases() {
  return {{"rotary_embedding"},
          {"rotary_embedding_3d_input", true},
          {"rotary_embedding_interleaved", false, true, true},
          {"rotary_embedding_with_rotary_dim", false, true, false, 4},
          {"rotary_embedding_with_interleaved_rotary_dim", false, true, true, 4},
          {"rotary_embedding_no_position_ids", false, false},
          {"rotary_embedding_no_position_ids_interleaved", false, false, true},
          {"rotary_embedding_no_position_ids_rotary_dim", false, false, false, 4}};
}

/// Arrays on the heap, each exactly as long as it has to be: what reads beyond them, AddressSanitizer finds.
template <class T> struct Call {
  Case c;
  std::vector<T> x, y, cosines, sines;
  std::vector<std::int64_t> ids;

  Call(const Case& of, std::uint64_t seed) : c(of) {
    Random random(seed);
    const Index rows = c.with_ids ? c.positions : c.batch * c.length;
    const auto fill = [&](std::vector<T>& v, Index count) {
      v.resize(at(count));
      for (T& e : v) e = static_cast<T>(random.uniform());
    };
    fill(x, c.batch * c.heads * c.length * c.head);
    fill(cosines, rows * c.pairs());
    fill(sines, rows * c.pairs());
    y.assign(x.size(), static_cast<T>(-12345.5));
    for (Index i = 0; i < c.batch * c.length; ++i) ids.push_back(random.below(c.positions));
  }
  api::RotaryEmbeddingInputs<T> inputs() const {
    const auto dims = c.dims();
    api::RotaryEmbeddingInputs<T> in{.X = tensor(x.data(), dims.data(), static_cast<int>(dims.size()))};
    if (c.with_ids) {
      in.cos_cache = tensor(cosines.data(), {c.positions, c.pairs()});
      in.sin_cache = tensor(sines.data(), {c.positions, c.pairs()});
      in.position_ids = tensor(ids.data(), {c.batch, c.length});
    } else {
      in.cos_cache = tensor(cosines.data(), {c.batch, c.length, c.pairs()});
      in.sin_cache = tensor(sines.data(), {c.batch, c.length, c.pairs()});
    }
    return in;
  }
  api::RotaryEmbeddingAttributes attributes() const { return {c.interleaved, c.three_dims ? c.heads : 0, c.rotary}; }
  rapt::compat::Tensor<T> output() {
    const auto dims = c.dims();
    return tensor(y.data(), dims.data(), static_cast<int>(dims.size()));
  }
  std::size_t place(Index b, Index h, Index s, Index d) const {
    return at(c.three_dims ? ((b * c.length + s) * c.heads + h) * c.head + d
                           : ((b * c.heads + h) * c.length + s) * c.head + d);
  }
  /// The specification's pairs: real = cos x1 − sin x2, imag = sin x1 + cos x2; the rest is copied.
  double expected(Index b, Index h, Index s, Index d) const {
    const Index n = c.pairs();
    if (d >= 2 * n) return static_cast<double>(x[place(b, h, s, d)]);
    const Index pair = c.interleaved ? d / 2 : d % n;
    const bool imaginary = c.interleaved ? d % 2 == 1 : d >= n;
    const Index row = c.with_ids ? ids[at(b * c.length + s)] : b * c.length + s;
    const double cosine = static_cast<double>(cosines[at(row * n + pair)]);
    const double sine = static_cast<double>(sines[at(row * n + pair)]);
    const double x1 = static_cast<double>(x[place(b, h, s, c.interleaved ? 2 * pair : pair)]);
    const double x2 = static_cast<double>(x[place(b, h, s, c.interleaved ? 2 * pair + 1 : pair + n)]);
    return imaginary ? sine * x1 + cosine * x2 : cosine * x1 - sine * x2;
  }
  void expect(double bound) const {
    for (Index b = 0; b < c.batch; ++b)
      for (Index h = 0; h < c.heads; ++h)
        for (Index s = 0; s < c.length; ++s)
          for (Index d = 0; d < c.head; ++d)
            ASSERT_NEAR(static_cast<double>(y[place(b, h, s, d)]), expected(b, h, s, d), bound)
                << c.name << " at " << b << " " << h << " " << s << " " << d;
  }
};

/// Two products of numbers up to 1 and their sum, each rounded once; and the result rounded to what it is kept as.
template <class T> constexpr double bound = 4 * 0x1p-24;
template <> constexpr double bound<double> = 4 * 0x1p-53;
template <> constexpr double bound<Eigen::half> = 4 * 0x1p-24 + 0x1p-10;
template <> constexpr double bound<Eigen::bfloat16> = 4 * 0x1p-24 + 0x1p-7;

template <class T> void expect_as_specified(const Case& c, std::uint64_t seed, const api::Options& options = {}) {
  Call<T> call(c, seed);
  api::rotary_embedding<T>(call.inputs(), call.attributes(), call.output(), options);
  call.expect(bound<T>);
}

template <class T> class OnnxRotaryEmbedding : public testing::Test {};
using Types = testing::Types<float, double, Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(OnnxRotaryEmbedding, Types);

TYPED_TEST(OnnxRotaryEmbedding, BackendCases) {
  std::uint64_t seed = 0;
  for (const Case& c : backend_cases())
    for (const Isa isa : rapt::supported_isas()) expect_as_specified<TypeParam>(c, ++seed, {.isa = isa});
}

TYPED_TEST(OnnxRotaryEmbedding, EveryAttributeCrossed) {
  Random random(1);
  ThreadExecutor threads(3);
  for (std::uint64_t n = 0; n < 200; ++n) {
    Case c{"random " + std::to_string(n)};
    c.three_dims = random.below(2) == 0, c.with_ids = random.below(2) == 0, c.interleaved = random.below(2) == 0;
    c.batch = random.below(4), c.heads = 1 + random.below(3), c.length = random.below(70);
    c.head = 2 * (1 + random.below(40)), c.rotary = 2 * random.below(c.head / 2 + 1);
    c.positions = 1 + random.below(9);
    expect_as_specified<TypeParam>(c, n, {.executor = n % 2 == 0 ? &threads : nullptr});
  }
}

TEST(OnnxRotaryEmbeddingCall, MayBeInPlace) {
  Call<float> apart({"apart"}, 3), place({"in place"}, 3);
  api::rotary_embedding<float>(apart.inputs(), apart.attributes(), apart.output());
  api::rotary_embedding<float>(place.inputs(), place.attributes(), tensor(place.x.data(), {2, 4, 3, 8}));
  EXPECT_TRUE(same_bits(place.x, apart.y));
}

TEST(OnnxRotaryEmbeddingCall, RefusesInOnnxsWords) {
  const auto refused = [](const Case& c, const auto& change) {
    Call<float> call(c, 1);
    auto in = call.inputs();
    auto attributes = call.attributes();
    auto out = call.output();
    change(in, attributes, out, call);
    const std::string text = refusal([&] { api::rotary_embedding<float>(in, attributes, out); });
    for (const float y : call.y) EXPECT_EQ(y, -12345.5f);
    return text;
  };
  const Case plain{"plain"}, three{"three", true}, free{"free", false, false};
  float other[1000];
  EXPECT_EQ(refused(plain,
                    [&](auto& in, auto&, auto&, auto&) {
                      in.X = tensor(other, {2, 4});
                    }),
            "rapt: input: has 2 dimensions; it has to have 3 or 4");
  EXPECT_EQ(refused(three, [](auto&, auto& a, auto&, auto&) { a.num_heads = 0; }),
            "rapt: num_heads: is not set; it has to be, as input has three dimensions");
  EXPECT_EQ(refused(three, [](auto&, auto& a, auto&, auto&) { a.num_heads = 5; }),
            "rapt: input: its last size is 32; it has to be a multiple of 5, which is num_heads");
  EXPECT_EQ(refused(plain, [](auto&, auto& a, auto&, auto&) { a.rotary_embedding_dim = 3; }),
            "rapt: rotary_embedding_dim: is 3; it has to be even, and at most head_size, 8");
  EXPECT_EQ(refused(plain, [](auto&, auto& a, auto&, auto&) { a.rotary_embedding_dim = 4; }),
            "rapt: cos_cache: its last size is 4; it has to be 2, which is half of the dims that are turned");
  EXPECT_EQ(refused(plain, [](auto&, auto&, auto&, auto& call) { call.ids[4] = 50; }),
            "rapt: position_ids: number 1 of batch entry 1 is 50; it has to be from 0 to 49, a row of cos_cache");
  EXPECT_EQ(refused(plain, [](auto&, auto&, auto&, auto& call) { call.ids[0] = -1; }),
            "rapt: position_ids: number 0 of batch entry 0 is -1; it has to be from 0 to 49, a row of cos_cache");
  EXPECT_EQ(refused(plain, [](auto& in, auto&, auto&, auto&) { in.position_ids = {}; }),
            "rapt: cos_cache: has 2 dimensions; it has to have 3, as there are no position_ids");
  EXPECT_EQ(refused(free,
                    [&](auto& in, auto&, auto&, auto&) {
                      in.sin_cache = tensor(other, {2, 4, 4});
                    }),
            "rapt: sin_cache: sequence_length is 4; it has to be 3, as in input");
  EXPECT_EQ(refused(plain,
                    [&](auto&, auto&, auto& out, auto&) {
                      out = tensor(other, {2, 4, 3, 7});
                    }),
            "rapt: output: head_size is 7; it has to be 8, as in input");
  EXPECT_EQ(refused(plain,
                    [](auto&, auto&, auto& out, auto& call) {
                      call.x.resize(300);
                      call.x.resize(192);
                      out = tensor(call.cosines.data(), {2, 4, 3, 8});
                    }),
            "rapt: output: shares memory with cos_cache; it has to be apart from what is read");
}

}  // namespace
}  // namespace rapt_test::onnx_rotary_test
