// Keys of one type and values of another, wherever they live: the bits of the same numbers in float.
#include <Eigen/Core>
#include <vector>

#include "rapt/kv/pool.hpp"
#include "rapt/ragged.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"

namespace rapt_test::two_types_test {
namespace {

/// Keys that K keeps as they are, and values that V does.
template <class K, class V> struct TwoTypes {
  Inputs<float> inputs;
  std::vector<K> k;
  std::vector<V> v;

  explicit TwoTypes(const Shape& shape) : inputs(shape, 3) {
    for (float& x : inputs.k) x = static_cast<float>(k.emplace_back(K(x)));
    for (float& x : inputs.v) x = static_cast<float>(v.emplace_back(V(x)));
  }
  View<const K> keys() const {
    const Shape& s = inputs.shape;
    return rapt::bhsd(k.data(), s.batch, s.kv_heads, s.kv_len, s.head_dim);
  }
  View<const V> values() const {
    const Shape& s = inputs.shape;
    return rapt::bhsd(v.data(), s.batch, s.kv_heads, s.kv_len, s.value_dim);
  }
};

template <class Attend> Result<float> result_of(const Shape& shape, Isa isa, const Attend& attend) {
  Result<float> result(shape);
  attend(result.out_view(), Options<float>{.lse = result.lse_view(), .isa = isa});
  return result;
}

/// Few queries and many, with value_dim that fills registers and that doesn't.
const Shape shapes[] = {{2, 4, 2, 1, 150, 24, 16}, {2, 4, 2, 40, 150, 24, 16}, {1, 2, 1, 3, 70, 7, 5}};

class KvTypes : public OnEveryIsa {
 protected:
  template <class K, class V> void expect_bits_in_views_and_caches() {
    for (const Shape& shape : shapes) {
      const TwoTypes<K, V> two(shape);
      const Views<float> in = two.inputs.views();
      const Result<float> expected = attend_by_contract(in);
      EXPECT_TRUE(same_bits(result_of(shape, GetParam(),
                                      [&](const View<float>& out, const Options<float>& o) {
                                        rapt::attention(in.q, two.keys(), two.values(), out, o);
                                      }),
                            expected))
          << shape;
      rapt::KvCache<K, V> cache(cache_shape(shape, 150), GetParam());
      cache.append(in.k, in.v);
      EXPECT_TRUE(same_bits(
          result_of(shape, GetParam(),
                    [&](const View<float>& out, const Options<float>& o) { rapt::attention(in.q, cache, out, o); }),
          expected))
          << shape;
      std::vector<float> read(two.inputs.v.size());
      const View<float> back = rapt::bhsd(read.data(), shape.batch, shape.kv_heads, shape.kv_len, shape.value_dim);
      for (Index b = 0; b < shape.batch; ++b) cache.read_values(b, 0, entry(back, b));
      EXPECT_TRUE(same_bits(read, two.inputs.v));
    }
  }
};

TEST_P(KvTypes, OfKeysAndValuesMayDiffer) {
  expect_bits_in_views_and_caches<Eigen::half, Eigen::bfloat16>();
  expect_bits_in_views_and_caches<float, Eigen::half>();
}

TEST_P(KvTypes, MayDifferInPagesAndRaggedBatches) {
  using K = Eigen::bfloat16;
  using V = float;
  for (const Shape& shape : shapes) {
    const TwoTypes<K, V> two(shape);
    const Views<float> in = two.inputs.views();
    const Result<float> expected = attend_by_contract(in);
    rapt::PagePool<K, V> pool(
        {.pages = 24, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim, .value_dim = shape.value_dim});
    rapt::PagedCache<K, V> cache(pool, shape.batch, 160, GetParam());
    cache.append(in.k, in.v);
    EXPECT_TRUE(same_bits(
        result_of(shape, GetParam(),
                  [&](const View<float>& out, const Options<float>& o) { rapt::attention(in.q, cache, out, o); }),
        expected))
        << shape;
    const std::vector<Index> lengths(at(shape.batch), shape.kv_len);
    const Result<float> ragged = result_of(shape, GetParam(), [&](const View<float>& out, const Options<float>& o) {
      rapt::attention(in.q, rapt::padded(two.keys(), lengths), rapt::padded(two.values(), lengths), out, o);
    });
    EXPECT_TRUE(same_bits(ragged, expected)) << shape;
  }
}

TEST_P(KvTypes, MayDifferInACallersPages) {
  const Shape shape{1, 2, 1, 2, 40, 16, 16};
  const TwoTypes<Eigen::half, Eigen::bfloat16> two(shape);
  const Views<float> in = two.inputs.views();
  // The positions in order: the pages of 8 of one sequence. Block tables are of 64 bits as well.
  const View<const Eigen::half> k_pages = rapt::bhsd(two.k.data(), 5, 1, 8, 16);
  const View<const Eigen::bfloat16> v_pages = rapt::bhsd(two.v.data(), 5, 1, 8, 16);
  const std::vector<Index> table{0, 1, 2, 3, 4}, lengths{40};
  const Result<float> found = result_of(shape, GetParam(), [&](const View<float>& out, const Options<float>& o) {
    rapt::attention(in.q, rapt::paged(k_pages, v_pages, rapt::row_major(table.data(), 1, 5), lengths), out, o);
  });
  EXPECT_TRUE(same_bits(found, attend_by_contract(in)));
}

RAPT_ON_EVERY_ISA(KvTypes);

}  // namespace
}  // namespace rapt_test::two_types_test
