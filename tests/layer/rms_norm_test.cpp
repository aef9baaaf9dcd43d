// RMSNorm: the bits of the scalar transcription, near the exact result, and what it refuses.
#include "rapt/layer/rms_norm.hpp"

#include "rapt/reference/rms_norm.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::rms_norm_test {
namespace {

template <class T> struct Normed {
  std::vector<T> x, weight;

  explicit Normed(Index rows, Index dim, std::uint64_t seed = 1)
      : x(random_numbers<T>(rows * dim, seed)), weight(random_numbers<T>(dim, seed + 1)) {}

  Index dim() const { return static_cast<Index>(weight.size()); }
  Index rows() const { return static_cast<Index>(x.size()) / dim(); }
  View<const T> view() const { return rapt::bsd(x.data(), 1, rows(), dim()); }
  std::vector<T> transcribed(T eps) const {
    std::vector<T> y(x.size());
    for (Index r = 0; r < rows(); ++r)
      rapt::contract::rms_norm<T>({x.data() + r * dim(), at(dim())}, weight, eps, {y.data() + r * dim(), at(dim())});
    return y;
  }
  std::vector<T> normed(const rapt::RmsNormOptions& options) const {
    std::vector<T> y(x.size(), sentinel<T>);
    rapt::rms_norm(view(), weight, rapt::bsd(y.data(), 1, rows(), dim()), options);
    return y;
  }
};

class RmsNorm : public OnEveryIsa {};

template <class T> void expect_transcribed(Isa isa, Index rows, Index dim) {
  const Normed<T> n(rows, dim);
  EXPECT_TRUE(same_bits(n.normed({.eps = 1e-5, .isa = isa}), n.transcribed(T(1e-5)))) << rows << " rows of " << dim;
}

TEST_P(RmsNorm, HasTheBitsOfTheTranscription) {
  for (Index dim = 1; dim <= 200; ++dim) {
    expect_transcribed<float>(GetParam(), 3, dim);
    expect_transcribed<double>(GetParam(), 3, dim);
  }
  for (const Index dim : {255, 256, 1152, 4096, 4099}) expect_transcribed<float>(GetParam(), 20, dim);
}

TEST_P(RmsNorm, DoesNotDependOnTheNumberOfRowsNorOnThreads) {
  const Normed<float> n(70, 128);
  const std::vector<float> right = n.transcribed(1e-6f);
  for (int workers = 1; workers <= 7; ++workers) {
    ThreadExecutor threads(workers);
    EXPECT_TRUE(same_bits(n.normed({.executor = &threads, .isa = GetParam()}), right)) << workers;
  }
  for (Index r = 0; r < n.rows(); ++r) {
    std::vector<float> y(128);
    rapt::rms_norm(rapt::bsd(n.x.data() + r * 128, 1, 1, 128), n.weight, rapt::bsd(y.data(), 1, 1, 128),
                   {.isa = GetParam()});
    EXPECT_TRUE(same_bits(y.data(), right.data() + r * 128, 128)) << "row " << r;
  }
}

TEST_P(RmsNorm, TakesAnyStridesAndWorksInPlace) {
  const Normed<float> n(12, 100);
  const std::vector<float> right = n.transcribed(1e-6f);
  // Two sequences of three positions of two heads, spread; then in place.
  std::vector<float> memory(2 * n.x.size(), sentinel<float>);
  const View<float> spread = rapt::strided(memory.data(), {2, 2, 3, 100}, {1200, 200, 400, 2});
  for (Index b = 0; b < 2; ++b)
    for (Index s = 0; s < 3; ++s)
      for (Index h = 0; h < 2; ++h)
        for (Index d = 0; d < 100; ++d) spread(b, h, s, d) = n.x[at(((b * 3 + s) * 2 + h) * 100 + d)];
  std::vector<float> y(n.x.size());
  const View<float> out = rapt::bshd(y.data(), 2, 3, 2, 100);
  rapt::rms_norm(spread, n.weight, out, {.isa = GetParam()});
  EXPECT_TRUE(same_bits(y, right));
  rapt::rms_norm(spread, n.weight, spread, {.isa = GetParam()});
  for (std::size_t i = 0; i < y.size(); ++i) {
    ASSERT_EQ(bits(memory[2 * i]), bits(right[i]));
    ASSERT_EQ(memory[2 * i + 1], sentinel<float>);
  }
  y = n.x;
  rapt::rms_norm(out, n.weight, out, {.isa = GetParam()});
  EXPECT_TRUE(same_bits(y, right));
}

/// With u the roundoff: the mean of squares is off by a factor within (1 + u)^±(k + 8), from the square's fma and the k
/// = ceil(n/64) − 1 ones after it, 6 additions and the division; eps by 1 rounding and their sum by 1. The root halves
/// that; it and the division round once more each, and the two products. Together (k + 10)/2 + 4 roundings.
template <class T, class Wide> testing::AssertionResult within_bound(const Normed<T>& n, const std::vector<T>& found) {
  const double u = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
  const double roundings = (std::ceil(static_cast<double>(n.dim()) / 64) + 10) / 2 + 4;
  const std::vector<Wide> x(n.x.begin(), n.x.end()), weight(n.weight.begin(), n.weight.end());
  std::vector<Wide> y(x.size());
  for (Index r = 0; r < n.rows(); ++r) {
    const std::size_t first = at(r * n.dim());
    rapt::reference::rms_norm<Wide>({x.data() + first, weight.size()}, weight, 1e-6, {y.data() + first, weight.size()});
  }
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double error = static_cast<double>(std::fabs(Wide(found[i]) - y[i]));
    const double limit = roundings * u / (1 - roundings * u) * static_cast<double>(std::fabs(y[i]));
    if (!(error <= limit)) return testing::AssertionFailure() << "element " << i << ": " << error << " > " << limit;
  }
  return testing::AssertionSuccess();
}

TEST_P(RmsNorm, IsNearTheExactResult) {
  for (const Index dim : {1, 64, 128, 1000, 5000}) {
    const Normed<float> n(9, dim);
    EXPECT_TRUE((within_bound<float, double>(n, n.normed({.isa = GetParam()})))) << dim;
    const Normed<double> wide(9, dim);
    EXPECT_TRUE((within_bound<double, long double>(wide, wide.normed({.isa = GetParam()})))) << dim;
  }
}

TEST_P(RmsNorm, TurnsEveryNanIntoTheQuietOneAndLeavesOtherRowsAlone) {
  Normed<float> n(3, 70);
  const std::vector<float> before = n.normed({.isa = GetParam()});
  n.x[70 + 3] = from_bits<float>(0xff800123);
  const std::vector<float> y = n.normed({.isa = GetParam()});
  EXPECT_TRUE(same_bits(y.data(), before.data(), 70));
  EXPECT_TRUE(same_bits(y.data() + 140, before.data() + 140, 70));
  for (std::size_t i = 70; i < 140; ++i) EXPECT_EQ(bits(y[i]), 0x7fc00000u);
  EXPECT_TRUE(same_bits(y, n.transcribed(1e-6f)));
}

TEST_P(RmsNorm, OfZerosIsZero) {
  Normed<float> n(1, 80);
  n.x.assign(80, 0.0f);
  for (const float y : n.normed({.isa = GetParam()})) EXPECT_EQ(y, 0.0f);
}

RAPT_ON_EVERY_ISA(RmsNorm);

TEST(RmsNormBound, CatchesAnErrorOfATenThousandth) {
  const Normed<float> n(2, 64);
  std::vector<float> y = n.normed({});
  y[70] *= 1.0001f;
  EXPECT_FALSE((within_bound<float, double>(n, y)));
}

TEST(RmsNormErrors, NameTheArgument) {
  std::vector<float> x(40), y(40), weight(10);
  const View<const float> in = rapt::bsd<const float>(x.data(), 1, 4, 10);
  const View<float> out = rapt::bsd(y.data(), 1, 4, 10);
  const auto refused = [&](const View<const float>& a, std::span<const float> w, const View<float>& b,
                           const rapt::RmsNormOptions& o = {}) { return refusal([&] { rapt::rms_norm(a, w, b, o); }); };
  EXPECT_EQ(refused(in, weight, out), "");
  EXPECT_EQ(refused(in, std::span(weight).first(9), out),
            "rapt: weight: its size is 9; it has to be 10, as in the dims of x");
  EXPECT_EQ(refused(in, weight, rapt::bsd(y.data(), 1, 3, 10)), "rapt: y: length is 3; it has to be 4, as in x");
  EXPECT_EQ(refused(in, weight, rapt::bsd(y.data(), 2, 4, 5)), "rapt: y: batch is 2; it has to be 1, as in x");
  EXPECT_EQ(refused(in, weight, rapt::bshd(y.data(), 1, 4, 2, 5)),
            "rapt: y: the number of heads is 2; it has to be 1, as in x");
  EXPECT_EQ(refused(in, weight, out, {.eps = -1}), "rapt: eps: is -1; it has to be finite, and 0 or more");
  EXPECT_NE(refused(in, weight, out, {.eps = std::nan("")}), "");
  EXPECT_EQ(
      refused(in, weight, rapt::strided(y.data(), {1, 1, 4, 10}, {0, 0, 0, 1})),
      "rapt: y: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is read)");
  EXPECT_EQ(refused(rapt::bsd<const float>(y.data() + 1, 1, 3, 10), weight, rapt::bsd(y.data(), 1, 3, 10)),
            "rapt: y: shares memory with x; it has to be x itself, or apart from it");
  EXPECT_EQ(y, std::vector<float>(40));
}

}  // namespace
}  // namespace rapt_test::rms_norm_test
