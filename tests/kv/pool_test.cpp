// A cache in pages of a pool is a cache like any other, in every bit; and its pages are shared, copied before they are
// written to, and given back.
#include "rapt/kv/pool.hpp"

#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"

namespace rapt_test::pool_test {
namespace {

class PagePools : public OnEveryIsa {
 protected:
  template <class K> void expect_bits_of_a_cache(const Shape& shape, Index page_size);
};

rapt::PoolShape pool_shape(const Shape& s, Index pages, Index page_size = 16) {
  return {pages, page_size, s.kv_heads, s.head_dim, s.value_dim};
}

/// Prefill, in chunks, and decoding; sequences of different lengths; pages in no order.
template <class K> void PagePools::expect_bits_of_a_cache(const Shape& shape, Index page_size) {
  using T = Arithmetic<K>;
  const Isa isa = GetParam();
  const Inputs<T> inputs(shape, 8);
  const Views<T> in = inputs.views();
  ThreadExecutor threads(3);
  rapt::PagePool<K> pool(pool_shape(shape, shape.batch * (shape.kv_len / page_size + 2), page_size));
  rapt::PagedCache<K> paged(pool, shape.batch, shape.kv_len, isa);
  rapt::KvCache<K> cache(cache_shape(shape, shape.kv_len), isa);
  const auto append = [&](Index s, Index first, Index last) {
    const View<const T> k = positions(entry(in.k, s), first, last), v = positions(entry(in.v, s), first, last);
    paged.append(s, k, v);
    cache.append(s, k, v);
  };
  for (Index first = 0; first < shape.kv_len; first += 23)  // in turns, so that the pages of a sequence are scattered
    for (Index s = 0; s < shape.batch; ++s) {
      const Index end = shape.kv_len - 40 * s;
      if (first < end) append(s, first, std::min(first + 23, end));
    }
  for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::window(100, 0))}) {
    const Result<T> expected = attend<K>(in.q, cache.view(), mask, {.isa = isa});
    EXPECT_TRUE(same_bits(attend<K>(in.q, paged.view(), mask, {.isa = isa}), expected)) << shape;
    EXPECT_TRUE(same_bits(attend<K>(in.q, paged.view(), mask, {.executor = &threads, .isa = isa}), expected)) << shape;
  }
  for (Index s = 0; s < shape.batch; ++s)
    EXPECT_EQ(contents(paged, s, 0, paged.length(s)), contents(cache, s, 0, cache.length(s)));
}

TEST_P(PagePools, HaveTheBitsOfACache) {
  for (const Index page_size : {16, 48, 64}) {
    expect_bits_of_a_cache<float>({3, 4, 2, 1, 600, 24, 32}, page_size);
    expect_bits_of_a_cache<float>({2, 4, 2, 40, 130, 17, 19}, page_size);
  }
}
TEST_P(PagePools, HaveTheBitsOfACacheIn16Bits) {
  expect_bits_of_a_cache<Eigen::half>({3, 4, 2, 2, 600, 24, 32}, 16);
  expect_bits_of_a_cache<Eigen::half>({2, 4, 2, 40, 130, 17, 19}, 32);
}

/// A fork goes its own way, and so does what it was forked from.
TEST_P(PagePools, AreCopiedBeforeTheyAreWrittenTo) {
  const Shape shape{2, 4, 2, 1, 100, 8, 8};
  const Inputs<float> inputs(shape, 9);
  const Views<float> in = inputs.views();
  rapt::PagePool<float> pool(pool_shape(shape, 20));
  rapt::PagedCache<float> cache(pool, 3, 200, GetParam());
  const auto append = [&](Index s, Index b, Index first, Index last) {
    cache.append(s, positions(entry(in.k, b), first, last), positions(entry(in.v, b), first, last));
  };
  append(0, 0, 0, 40);
  const std::vector<float> before = contents(cache, 0, 0, 40);
  cache.fork(0, 1);
  cache.copy_prefix(0, 2, 33);
  EXPECT_EQ(pool.used_pages(), 3);
  EXPECT_EQ(pool.shared_pages(), 3);
  EXPECT_EQ(pool.references(cache.block_table()(0, 0)), 3);
  append(1, 1, 40, 45);  // the fork
  EXPECT_EQ(pool.used_pages(), 4);
  EXPECT_EQ(contents(cache, 0, 0, 40), before);
  append(2, 1, 33, 34);
  append(0, 0, 40, 41);  // by now, nobody else has its last page
  EXPECT_EQ(pool.used_pages(), 5);
  EXPECT_EQ(contents(cache, 0, 0, 40), before);
  EXPECT_EQ(contents(cache, 1, 0, 40), before);
  rapt::KvCache<float> alone(cache_shape({.kv_heads = 2, .head_dim = 8, .value_dim = 8}, 200), GetParam());
  alone.append(positions(entry(in.k, 0), 0, 33), positions(entry(in.v, 0), 0, 33));
  alone.append(positions(entry(in.k, 1), 33, 34), positions(entry(in.v, 1), 33, 34));
  EXPECT_EQ(contents(cache, 2, 0, 34), contents(alone, 0, 0, 34));
}

RAPT_ON_EVERY_ISA(PagePools);

/// Keys and values that say which position of which text they are.
struct Text {
  std::vector<float> rows;
  View<const float> view() const { return rapt::bhsd(rows.data(), 1, 1, static_cast<Index>(rows.size()), 1); }
};

/// Whatever is done, the sequences hold what vectors would, and pages are held as often as tables say.
TEST(PagePool, HoldsWhatVectorsWould) {
  Random random(3);
  rapt::PagePool<float> pool({.pages = 40, .kv_heads = 1, .head_dim = 1});
  std::vector<rapt::PagedCache<float>> caches;
  for (int i = 0; i < 2; ++i) caches.emplace_back(pool, 4, 150);
  std::vector<float> model[2][4];
  float next = 0;
  int refused = 0;
  for (int step = 0; step < 4000; ++step) {
    const Index c = random.below(2), s = random.below(4), other = random.below(2), from = random.below(4);
    rapt::PagedCache<float>& cache = caches[at(c)];
    std::vector<float>& mine = model[c][s];
    switch (random.below(5)) {
      case 0:
      case 1: {
        Text text;
        for (Index n = random.below(40); n > 0; --n) text.rows.push_back(next++);
        const std::string said = refusal([&] { cache.append(s, text.view(), text.view()); });
        if (said.empty())
          mine.insert(mine.end(), text.rows.begin(), text.rows.end());
        else
          ++refused;
        break;
      }
      case 2: {
        const Index length = random.below(static_cast<Index>(mine.size()) + 1);
        cache.truncate(s, length);
        mine.resize(at(length));
        break;
      }
      case 3: {
        const Index length = random.below(static_cast<Index>(model[other][from].size()) + 1);
        cache.copy_prefix(caches[at(other)], from, s, length);
        const std::vector<float> prefix(model[other][from].begin(), model[other][from].begin() + length);
        mine = prefix;
        break;
      }
      default: {  // both at once, which may end in the same page
        cache.fork(from, s);
        mine = model[c][from];
        const std::vector<float> two{next, next + 1};
        std::vector<Index> offsets{0};
        for (Index i = 0; i < 4; ++i) offsets.push_back(offsets.back() + (i == s || i == from ? 1 : 0));
        const View<const float> rows = rapt::bhsd(two.data(), 1, 1, offsets.back(), 1);
        if (!refusal([&] { cache.append(rapt::packed(rows, offsets), rapt::packed(rows, offsets)); }).empty()) {
          ++refused;
          break;
        }
        model[c][std::min(s, from)].push_back(next);
        if (s != from) model[c][std::max(s, from)].push_back(next + 1);
        next += 2;
      }
    }
    std::vector<Index> held(40);
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 4; ++j) {
        const std::vector<float>& expected = model[i][j];
        const Index length = static_cast<Index>(expected.size());
        ASSERT_EQ(caches[at(i)].length(j), length);
        std::vector<float> found(expected.size());
        if (length > 0) caches[at(i)].read_keys(j, 0, rapt::bhsd(found.data(), 1, 1, length, 1));
        ASSERT_EQ(found, expected) << "step " << step << ", cache " << i << ", sequence " << j;
        for (Index p = 0; p < (length + 15) / 16; ++p) ++held[at(caches[at(i)].block_table()(j, p))];
      }
    for (Index page = 0; page < 40; ++page) ASSERT_EQ(pool.references(page), held[at(page)]) << "step " << step;
  }
  EXPECT_GT(refused, 10) << "the pool was never short of pages";
  caches.clear();
  EXPECT_EQ(pool.free_pages(), 40);
}

TEST(PagePool, RefusesWhatItHasNoPagesForBeforeAnythingChanges) {
  rapt::PagePool<float> pool({.pages = 3, .kv_heads = 1, .head_dim = 1});
  rapt::PagedCache<float> cache(pool, 2, 100);
  Text text{std::vector<float>(20, 1)};
  const View<const float> both = rapt::strided(text.rows.data(), {2, 1, 20, 1}, {0, 0, 1, 1});
  EXPECT_EQ(refusal([&] { cache.append(both, both); }),
            "rapt: append: takes 4 more pages; the pool has 3 of its 3 left");
  EXPECT_EQ(cache.length(0), 0);
  EXPECT_EQ(pool.free_pages(), 3);
  cache.append(0, text.view(), text.view());
  cache.fork(0, 1);
  EXPECT_EQ(pool.free_pages(), 1);
  const View<const float> one = rapt::strided(text.rows.data(), {2, 1, 1, 1}, {0, 0, 1, 1});
  cache.append(one, one);  // the first to append copies the page that they share; the second keeps it
  EXPECT_EQ(pool.free_pages(), 0);
  EXPECT_EQ(pool.shared_pages(), 1);
}

TEST(PagePool, SaysWhatCannotBe) {
  EXPECT_EQ(refusal([] { rapt::PagePool<float>({.pages = 3, .page_size = 24, .head_dim = 8}); }),
            "rapt: pool: page_size is 24; it has to be a multiple of 16, as keys are kept in blocks of so many");
  EXPECT_EQ(refusal([] { rapt::PagePool<float>({.head_dim = 8}); }),
            "rapt: pool: pages is 0; it has to be from 1 to 2^30 - 1");
  rapt::PagePool<float> pool({.pages = 3, .head_dim = 8}), another({.pages = 3, .head_dim = 8});
  rapt::PagedCache<float> cache(pool, 1, 20), elsewhere(another, 1, 20);
  EXPECT_EQ(refusal([&] { pool.references(3); }), "rapt: page: is 3; it has to be from 0 to 2");
  EXPECT_EQ(refusal([&] { cache.copy_prefix(elsewhere, 0, 0, 0); }),
            "rapt: other: has another pool; pages are shared within one pool");
  EXPECT_EQ(refusal([&] { cache.copy_prefix(cache, 0, 0, 1); }),
            "rapt: copy_prefix: length is 1; it has to be from 0 to 0");
}

/// The prefix of a cache with more room may be longer than this one can hold.
TEST(PagePool, APrefixHasToFit) {
  rapt::PagePool<float> pool({.pages = 8, .kv_heads = 1, .head_dim = 1});
  rapt::PagedCache<float> large(pool, 1, 100), small(pool, 1, 10);
  const Text text{std::vector<float>(20, 1)};
  large.append(text.view(), text.view());
  EXPECT_EQ(refusal([&] { small.copy_prefix(large, 0, 0, 11); }),
            "rapt: copy_prefix: length is 11; it has to be from 0 to 10");
}

}  // namespace
}  // namespace rapt_test::pool_test
