// Caches that keep codes: what goes in comes back as the formats say, wherever it is moved; and what such a cache can't
// do is refused in words.
#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/kv/pool.hpp"
#include "rapt/rope/scaling.hpp"
#include "support/caches.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::code_rows_test {
namespace {

using rapt::int8, rapt::q4_0, rapt::q4_1, rapt::q5_0, rapt::q5_1, rapt::q8_0;

/// What a row of numbers becomes in ggml's blocks, its end filled up with zeros.
template <class F> std::vector<float> kept(std::vector<float> row) {
  const std::size_t count = row.size();
  row.resize((count + 31) / 32 * 32);
  std::vector<F> blocks(row.size() / 32);
  rapt::quantise<F>(row, blocks);
  rapt::dequantise<F>(blocks, row);
  row.resize(count);
  return row;
}
/// Of int8: the largest magnitude is 127 steps.
template <> std::vector<float> kept<int8>(std::vector<float> row) {
  float largest = 0;
  for (const float x : row) largest = std::max(largest, std::abs(x));
  const float scale = largest / 127;
  for (float& x : row) x = scale * std::round(x / scale);
  return row;
}

template <class F> class CodeRows : public testing::Test {};
using Formats = testing::Types<int8, q8_0, q4_0, q4_1, q5_0, q5_1>;
TYPED_TEST_SUITE(CodeRows, Formats);

template <class Cache> std::vector<float> keys_of(const Cache& cache, Index sequence, Index position) {
  std::vector<float> row(at(cache.kv_heads() * cache.head_dim()));
  cache.read_keys(sequence, position, rapt::bhsd(row.data(), 1, cache.kv_heads(), 1, cache.head_dim()));
  return row;
}
template <class Cache> std::vector<float> values_of(const Cache& cache, Index sequence, Index position) {
  std::vector<float> row(at(cache.kv_heads() * cache.value_dim()));
  cache.read_values(sequence, position, rapt::bhsd(row.data(), 1, cache.kv_heads(), 1, cache.value_dim()));
  return row;
}
std::vector<float> row_of(const View<const float>& x, Index position) {
  std::vector<float> row;
  for (Index h = 0; h < x.heads(); ++h)
    for (Index d = 0; d < x.dim(); ++d) row.push_back(x(0, h, position, d));
  return row;
}
/// Each head by itself.
template <class F> std::vector<float> kept_heads(const std::vector<float>& row, Index dim) {
  std::vector<float> all;
  for (std::size_t begin = 0; begin < row.size(); begin += at(dim)) {
    const auto first = row.begin() + static_cast<std::ptrdiff_t>(begin);
    for (const float x : kept<F>({first, first + dim})) all.push_back(x);
  }
  return all;
}

TYPED_TEST(CodeRows, ComeBackAsTheFormatSays) {
  for (const Index dim : {1, 5, 16, 31, 32, 33, 72}) {
    const Inputs<float> in({1, 2, 2, 1, 40, dim, dim + 3}, 1);
    rapt::KvCache<TypeParam> cache({1, 2, 40, dim, dim + 3});
    cache.append(in.views().k, in.views().v);
    for (Index i = 0; i < 40; ++i) {
      EXPECT_EQ(keys_of(cache, 0, i), kept_heads<TypeParam>(row_of(in.views().k, i), dim)) << dim << " " << i;
      EXPECT_EQ(values_of(cache, 0, i), kept_heads<TypeParam>(row_of(in.views().v, i), dim + 3)) << dim << " " << i;
    }
  }
}

TYPED_TEST(CodeRows, KeepTheirCodesWhenTheyMove) {
  const Inputs<float> in({1, 2, 2, 1, 50, 40, 36}, 2);
  rapt::PagePool<TypeParam> pool({.pages = 12, .page_size = 16, .kv_heads = 2, .head_dim = 40, .value_dim = 36});
  rapt::PagedCache<TypeParam> cache(pool, 2, 64);
  cache.append(0, in.views().k, in.views().v);
  cache.fork(0, 1);
  const std::vector<float> key = keys_of(cache, 0, 41), value = values_of(cache, 0, 41);
  cache.remove(0, 5, 17);
  EXPECT_EQ(keys_of(cache, 0, 29), key);
  EXPECT_EQ(values_of(cache, 0, 29), value);
  cache.keep(0, 20, std::vector<Index>{22, 29, 33});
  EXPECT_EQ(keys_of(cache, 0, 21), key);
  EXPECT_EQ(values_of(cache, 0, 21), value);
  EXPECT_EQ(cache.length(0), 23);
  EXPECT_EQ(keys_of(cache, 1, 41), key);  // who shared the pages has not moved
}

/// Turned as they come in; turned back, they are quantised once more.
TYPED_TEST(CodeRows, AreTurnedBeforeTheyAreQuantised) {
  const Inputs<float> in({1, 1, 1, 1, 20, 32, 8}, 3);
  const rapt::rope::Table<float> table(rapt::rope::standard(32), 20);
  rapt::KvCache<TypeParam> cache({1, 1, 20, 32, 8});
  rapt::KvCache<float> wide({1, 1, 20, 32, 8});
  cache.append(in.views().k, in.views().v, {.rope = &table});
  wide.append(in.views().k, in.views().v, {.rope = &table});
  for (Index i = 0; i < 20; ++i) EXPECT_EQ(keys_of(cache, 0, i), kept<TypeParam>(keys_of(wide, 0, i)));
  rapt::KvCache<float> codes({1, 1, 20, 32, 8});
  Inputs<float> stored(in);
  cache.read_keys(0, 0, stored.k_view());
  codes.append(stored.views().k, stored.views().v);
  cache.remove(0, 2, 9, {.rope = &table});
  codes.remove(0, 2, 9, {.rope = &table});
  for (Index i = 0; i < 2; ++i) EXPECT_EQ(keys_of(cache, 0, i), keys_of(codes, 0, i));
  for (Index i = 2; i < 13; ++i) EXPECT_EQ(keys_of(cache, 0, i), kept<TypeParam>(keys_of(codes, 0, i))) << i;
}

TYPED_TEST(CodeRows, WithANumberThatIsNotFiniteBecomeNaN) {
  Inputs<float> in({1, 1, 1, 1, 3, 40, 8}, 4);
  in.k_view()(0, 0, 1, 35) = std::numeric_limits<float>::infinity();
  in.v_view()(0, 0, 2, 3) = std::numeric_limits<float>::quiet_NaN();
  rapt::KvCache<TypeParam> cache({1, 1, 3, 40, 8});
  cache.append(in.views().k, in.views().v);
  const bool whole_row = std::is_same_v<TypeParam, int8>;
  for (Index d = 0; d < 40; ++d) EXPECT_EQ(std::isnan(keys_of(cache, 0, 1)[at(d)]), whole_row || d >= 32) << d;
  for (Index d = 0; d < 8; ++d) EXPECT_TRUE(std::isnan(values_of(cache, 0, 2)[at(d)]));
  for (Index d = 0; d < 40; ++d) EXPECT_FALSE(std::isnan(keys_of(cache, 0, 2)[at(d)]));
}

/// As another program has them: the same bytes come back, and the same codes are attended to.
template <class F> void expect_exchanged() {
  const Inputs<float> in({2, 2, 2, 1, 37, 64, 96}, 5);
  std::vector<F> k(in.k.size() / 32), v(in.v.size() / 32), k_back(at(2 * 37 * 2)), v_back(at(2 * 37 * 3));
  rapt::quantise<F>(in.k, k);
  rapt::quantise<F>(in.v, v);
  rapt::KvCache<F> cache({2, 2, 40, 64, 96}), by_numbers({2, 2, 40, 64, 96});
  cache.append(rapt::bhsd(k.data(), 2, 2, 37, 2), rapt::bhsd<const F>(v.data(), 2, 2, 37, 3));
  by_numbers.append(in.views().k, in.views().v);
  for (Index s = 0; s < 2; ++s) {
    EXPECT_EQ(contents(cache, s, 0, 37), contents(by_numbers, s, 0, 37));
    cache.read_key_blocks(s, 0, rapt::bhsd(k_back.data(), 1, 2, 37, 2));
    by_numbers.read_value_blocks(s, 0, rapt::bhsd(v_back.data(), 1, 2, 37, 3));
    EXPECT_EQ(std::memcmp(k_back.data(), k.data() + s * 2 * 37 * 2, k_back.size() * sizeof(F)), 0);
    EXPECT_EQ(std::memcmp(v_back.data(), v.data() + s * 2 * 37 * 3, v_back.size() * sizeof(F)), 0);
  }
}
TEST(CodeBlocks, AreExchanged) {
  expect_exchanged<q8_0>();
  expect_exchanged<q4_0>();
  expect_exchanged<q4_1>();
  expect_exchanged<q5_0>();
  expect_exchanged<q5_1>();
}

/// As many bytes as the formats have, and no more where dims are whole blocks.
TEST(CodeBytes, AreThoseOfTheFormats) {
  const rapt::CacheShape shape{2, 8, 1024, 128, 128};
  const Index numbers = 2 * 2 * 8 * 1024 * 128;
  EXPECT_EQ(rapt::KvCache<Eigen::bfloat16>(shape).bytes(), numbers * 2);
  EXPECT_EQ(rapt::KvCache<int8>(shape).bytes(), numbers + numbers / 128 * 4);
  EXPECT_EQ(rapt::KvCache<q8_0>(shape).bytes(), numbers / 32 * 34);
  EXPECT_EQ(rapt::KvCache<q5_1>(shape).bytes(), numbers / 32 * 24);
  EXPECT_EQ(rapt::KvCache<q5_0>(shape).bytes(), numbers / 32 * 22);
  EXPECT_EQ(rapt::KvCache<q4_1>(shape).bytes(), numbers / 32 * 20);
  EXPECT_EQ(rapt::KvCache<q4_0>(shape).bytes(), numbers / 32 * 18);
}

TEST(CodeErrors, NameTheArgument) {
  const Inputs<float> in({1, 2, 1, 1, 3, 8, 8}, 5);
  rapt::KvCache<int8> cache({1, 1, 8, 8, 8});
  cache.append(in.views().k, in.views().v);
  Result<float> result(in.shape);
  EXPECT_EQ(refusal([&] {
              rapt::attention(in.views().q, cache, result.out_view(), {.arithmetic = rapt::Arithmetic::exact});
            }),
            "rapt: options.arithmetic: is exact; it has to be automatic: codes are multiplied in integers, and not "
            "widened");
  rapt::KvCache<q8_0> blocks({.capacity = 8, .head_dim = 64, .value_dim = 40});
  const std::vector<q8_0> block(8);
  const auto rows = rapt::bhsd<const q8_0>(block.data(), 1, 1, 2, 2);
  EXPECT_EQ(refusal([&] { blocks.append(rapt::bhsd<const q8_0>(block.data(), 1, 1, 2, 1), rows); }),
            "rapt: k: the number of blocks is 1; it has to be 2, as in the cache: 32 dims each");
  EXPECT_EQ(refusal([&] { blocks.append(rows, rows); }),
            "rapt: v: has blocks of 32 numbers, and the cache's value_dim is 40; it has to be a multiple of 32");
  const Inputs<float> other({1, 2, 1, 1, 3, 9, 8}, 6);
  EXPECT_EQ(refusal([&] { cache.append(other.views().k, other.views().v); }),
            "rapt: k: head_dim is 9; it has to be 8, as in the cache");
}

}  // namespace
}  // namespace rapt_test::code_rows_test
