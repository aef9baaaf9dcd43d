// Keys that are changed before they are quantised, turned by Hadamard's matrix or divided by scales of their channels,
// and queries that are changed as they are: the contract's bits, and smaller errors where keys have outliers.
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/kv/pool.hpp"
#include "rapt/reference/attention.hpp"
#include "rapt/reference/integers.hpp"
#include "rapt/rope/scaling.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::code_changes_test {
namespace {

using rapt::int8, rapt::int8_channels, rapt::q4_1, rapt::q8_0;

/// Keys of which some channels are 20 times as large as the others.
Inputs<float> with_outliers(const Shape& s, std::uint64_t seed) {
  Inputs<float> in(s, seed);
  for (std::size_t i = 0; i < in.k.size(); ++i)
    if (i % at(s.head_dim) % 13 == 5) in.k[i] *= 20;
  return in;
}

/// As a sum of products with the matrix's signs: element (i, j) is negative if i & j has an odd number of bits.
std::vector<double> turned_by_matrix(const std::vector<float>& x) {
  const std::size_t n = x.size() & (~x.size() + 1);
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double sign = __builtin_popcountll(i % n & j) % 2 == 0 ? 1 : -1;
      y[i] += sign * static_cast<double>(x[i / n * n + j]) / std::sqrt(static_cast<double>(n));
    }
  return y;
}

TEST(Hadamard, IsTheMatrix) {
  for (const Index dims : {1, 2, 6, 8, 40, 96, 128}) {
    const std::vector<float> x = random_numbers<float>(dims, 1);
    std::vector<float> turned = x;
    rapt::detail::rotate_hadamard(turned.data(), dims);
    const std::vector<double> expected = turned_by_matrix(x);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(turned[i], expected[i], 1e-5) << dims;
    rapt::detail::rotate_hadamard(turned.data(), dims);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(turned[i], x[i], 1e-5) << dims;
  }
}

class CodeChanges : public OnEveryQuadIsa {
 protected:
  /// What queries and keys are after the changes.
  static Inputs<float> changed(const Inputs<float>& in, bool hadamard, const std::vector<float>& channels) {
    Inputs<float> out(in);
    const Shape& s = in.shape;
    const std::size_t dim = at(s.head_dim), group = at(s.q_heads / s.kv_heads);
    const auto change = [&](std::vector<float>& x, Index rows_a_head, Index heads, bool key) {
      for (std::size_t row = 0; row < x.size() / dim; ++row) {
        if (hadamard) rapt::detail::rotate_hadamard(x.data() + row * dim, s.head_dim);
        const std::size_t head = row / at(rows_a_head) % at(heads), kv_head = key ? head : head / group;
        for (std::size_t d = 0; d < dim && !channels.empty(); ++d) {
          float& number = x[row * dim + d];
          const float scale = channels[kv_head * dim + d];
          number = key ? number / scale : number * scale;
        }
      }
    };
    change(out.q, s.q_len, s.q_heads, false);
    change(out.k, s.kv_len, s.kv_heads, true);
    return out;
  }
  template <class K> static std::vector<float> channels_of(const Inputs<float>& in, bool hadamard) {
    if constexpr (std::is_same_v<K, int8_channels>) return rapt::channel_scales(in.views().k, 1.1f, hadamard);
    return {};
  }
  template <class K, class V> void expect_the_contracts(const Inputs<float>& in, bool hadamard) const {
    const std::vector<float> channels = channels_of<K>(in, hadamard);
    rapt::CacheShape shape = cache_shape(in.shape, in.shape.kv_len);
    shape.channel_scales = channels;
    shape.hadamard = hadamard;
    rapt::KvCache<K, V> cache(shape, GetParam());
    cache.append(in.views().k, in.views().v);
    Result<float> result(in.shape), expected(in.shape);
    rapt::attention(in.views().q, cache, result.out_view(), rapt::causal(),
                    {.lse = result.lse_view(), .isa = GetParam()});
    const Inputs<float> by_hand = changed(in, hadamard, channels);
    rapt::contract::attention_of_codes<K, V>(by_hand.views().q, by_hand.views().k, by_hand.views().v,
                                             expected.out_view(), rapt::causal(), {.lse = expected.lse_view()});
    EXPECT_TRUE(same_bits(result, expected)) << in.shape << " " << hadamard;

    rapt::PagePool<K, V> pool({.pages = 40,
                               .page_size = 16,
                               .kv_heads = in.shape.kv_heads,
                               .head_dim = in.shape.head_dim,
                               .value_dim = in.shape.value_dim,
                               .channel_scales = channels,
                               .hadamard = hadamard});
    rapt::PagedCache<K, V> paged(pool, in.shape.batch, 300, GetParam());
    for (Index i = 0; i < in.shape.kv_len; i += 31) {
      const Index end = std::min(i + 31, in.shape.kv_len);
      paged.append(positions(in.views().k, i, end), positions(in.views().v, i, end));
    }
    rapt::attention(in.views().q, paged, result.out_view(), rapt::causal(),
                    {.lse = result.lse_view(), .isa = GetParam()});
    EXPECT_TRUE(same_bits(result, expected)) << in.shape << " " << hadamard;
  }
};

TEST_P(CodeChanges, HaveTheContractsBits) {
  for (const Shape& s :
       {Shape{1, 4, 2, 3, 150, 64, 32}, Shape{2, 4, 2, 20, 90, 40, 33}, Shape{1, 2, 2, 1, 200, 7, 5}}) {
    const Inputs<float> in = with_outliers(s, 1);
    expect_the_contracts<int8_channels, int8>(in, false);
    for (const bool hadamard : {false, true}) {
      expect_the_contracts<int8, q8_0>(in, hadamard);
      expect_the_contracts<q4_1, int8>(in, hadamard);
      expect_the_contracts<int8_channels, float>(in, hadamard);
    }
  }
}

RAPT_ON_EVERY_QUAD_ISA(CodeChanges);

/// The relative error of attention to a cache of K, root of the mean square.
template <class K> double error_of(const Inputs<float>& in, bool hadamard) {
  std::vector<float> channels;
  if constexpr (std::is_same_v<K, int8_channels>) channels = rapt::channel_scales(in.views().k, 1.2f, hadamard);
  rapt::CacheShape shape = cache_shape(in.shape, in.shape.kv_len);
  shape.channel_scales = channels;
  shape.hadamard = hadamard;
  rapt::KvCache<K, float> cache(shape);
  cache.append(in.views().k, in.views().v);
  Result<float> result(in.shape);
  rapt::attention(in.views().q, cache, result.out_view());
  Result<double> exact(in.shape);
  const Inputs<double> wide(in);
  rapt::reference::attention(wide.views().q, wide.views().k, wide.views().v, exact.out_view());
  double wrong = 0, all = 0;
  for (std::size_t i = 0; i < exact.out.size(); ++i) {
    wrong += std::pow(static_cast<double>(result.out[i]) - exact.out[i], 2);
    all += std::pow(exact.out[i], 2);
  }
  return std::sqrt(wrong / all);
}

/// What they are for: with outliers, either makes the error of int8 less than half of it.
TEST(CodeErrors, AreSmallerAgainstOutliers) {
  const Inputs<float> in = with_outliers({1, 4, 2, 8, 400, 128, 64}, 2);
  const double plain = error_of<int8>(in, false);
  EXPECT_LT(error_of<int8>(in, true), plain / 2);
  EXPECT_LT(error_of<int8_channels>(in, false), plain / 2);
  EXPECT_LT(error_of<q8_0>(in, true), error_of<q8_0>(in, false));
  EXPECT_LT(error_of<q4_1>(in, true), error_of<q4_1>(in, false));
}

TEST(ChangedKeys, ComeBackAsTheyWere) {
  const Inputs<float> in({1, 1, 1, 1, 60, 64, 8}, 3);
  const rapt::rope::Table<float> table(rapt::rope::standard(64), 80);
  rapt::KvCache<q8_0> cache({.capacity = 64, .head_dim = 64, .value_dim = 8, .hadamard = true});
  rapt::KvCache<float> wide({.capacity = 64, .head_dim = 64, .value_dim = 8});
  cache.append(in.views().k, in.views().v, {.rope = &table});
  wide.append(in.views().k, in.views().v, {.rope = &table});
  cache.remove(0, 10, 20, {.rope = &table});
  wide.remove(0, 10, 20, {.rope = &table});
  const std::vector<float> found = contents(cache, 0, 0, 50), expected = contents(wide, 0, 0, 50);
  // Rows of 64 normal numbers have a largest one below 5, so a step is 5 / 127, and each of two roundings half of it,
  // in each of 64 dims by root of 1/64.
  for (std::size_t i = 0; i < 50 * 64; ++i) EXPECT_NEAR(found[i], expected[i], 2 * 0.5 * 5 / 127 * 8) << i;
}

/// What isn't there is not looked at.
TEST(ChangedKeys, MayBeAnythingInThePadding) {
  Inputs<float> in({2, 1, 1, 1, 3, 2, 2}, 5);
  in.k_view()(1, 0, 2, 0) = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scales = {1, 2};
  const std::vector<std::int32_t> lengths = {3, 2};
  rapt::KvCache<int8_channels, int8> cache({.sequences = 2, .capacity = 8, .head_dim = 2, .channel_scales = scales});
  cache.append(rapt::padded(in.views().k, lengths), rapt::padded(in.views().v, lengths));
  EXPECT_EQ(cache.length(1), 2);
  EXPECT_NE(refusal([&] { cache.append(in.views().k, in.views().v); }), "");
  EXPECT_EQ(cache.length(1), 2);
}

TEST(ChangedShapes, AreRefusedInWords) {
  const std::vector<float> few = {1, 2};
  EXPECT_EQ(refusal([&] { rapt::KvCache<int8_channels, int8>({.kv_heads = 2, .capacity = 8, .head_dim = 4}); }),
            "rapt: channel_scales: its size is 0; it has to be 8, as in the shape: kv_heads * head_dim");
  EXPECT_EQ(refusal([&] { rapt::KvCache<int8>({.capacity = 8, .head_dim = 2, .channel_scales = few}); }),
            "rapt: channel_scales: is set; it has to be unset: only int8_channels has them");
  EXPECT_EQ(refusal([&] { rapt::KvCache<float>({.capacity = 8, .head_dim = 2, .hadamard = true}); }),
            "rapt: hadamard: is set; it has to be unset: only keys kept as codes are turned so");
  Inputs<float> in({1, 1, 1, 1, 3, 2, 2}, 4);
  in.k_view()(0, 0, 2, 1) = std::numeric_limits<float>::infinity();
  rapt::KvCache<int8_channels, int8> cache({.capacity = 8, .head_dim = 2, .channel_scales = few});
  EXPECT_EQ(refusal([&] { cache.append(in.views().k, in.views().v); }),
            "rapt: k: k(0, 0, 2, 1) is NaN or infinite; int8_channels keeps finite numbers only");
  EXPECT_EQ(cache.length(0), 0);
}

}  // namespace
}  // namespace rapt_test::code_changes_test
