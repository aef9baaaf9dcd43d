// Caches that are changed in place: a range is taken out, a tree's accepted path is kept; and views of chosen
// sequences.
#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "rapt/kv/pool.hpp"
#include "rapt/ragged.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/scaling.hpp"
#include "rapt/rope/xpos.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"

namespace rapt_test::cache_moves_test {
namespace {

using rapt::KvCache;
using rapt::PagedCache;
using rapt::PagePool;

const Shape shape{3, 4, 2, 1, 60, 12, 10};

class CacheMoves : public OnEveryIsa {};

/// Keys that were turned as they came in, [1, heads, n, dim]: of the rotary table, or of those as they are.
template <class K> std::vector<Arithmetic<K>> all_of(const KvCache<K>& cache, Index s) {
  return contents(cache, s, 0, cache.length(s));
}

/// The long way round: read what follows, turn it back, forget from the gap on, append it again.
template <class K, class Cache>
void remove_the_long_way(Cache& cache, Index s, Index begin, Index end, const rapt::rope::Spec* spec, Isa isa) {
  using T = Arithmetic<K>;
  const Index n = cache.length(s) - end, heads = cache.kv_heads();
  std::vector<T> keys(at(heads * n * cache.head_dim())), values(at(heads * n * cache.value_dim()));
  const View<T> k = rapt::bhsd(keys.data(), 1, heads, n, cache.head_dim());
  const View<T> v = rapt::bhsd(values.data(), 1, heads, n, cache.value_dim());
  cache.read_keys(s, end, k);
  cache.read_values(s, end, v);
  if (spec != nullptr) {
    const std::vector<Index> back{begin - end}, rows(at(n), 0);
    rapt::rope::rotate(k, rapt::rope::Table<T>(*spec, back), {.rows = rows, .isa = isa});
  }
  cache.truncate(s, begin);
  cache.append(s, k, v);
}

template <class K> void expect_removed(Isa isa) {
  using T = Arithmetic<K>;
  const Inputs<T> inputs(shape, 3);
  const Views<T> in = inputs.views();
  rapt::rope::Spec spec = rapt::rope::standard(8);
  spec.offset = 2;
  const rapt::rope::Table<T> table(spec, 80);
  for (const bool turned : {false, true})
    for (const auto& [begin, end] : {std::pair<Index, Index>{4, 21}, {0, 16}, {7, 7}, {30, 60}, {0, 60}}) {
      KvCache<K> cache(cache_shape(shape, 80), isa), expected(cache_shape(shape, 80), isa);
      for (KvCache<K>* c : {&cache, &expected}) c->append(in.k, in.v, {.rope = turned ? &table : nullptr});
      cache.remove(1, begin, end, {.rope = turned ? &table : nullptr});
      remove_the_long_way<K>(expected, 1, begin, end, turned ? &spec : nullptr, isa);
      ASSERT_EQ(cache.length(1), 60 - (end - begin));
      for (Index s = 0; s < 3; ++s) EXPECT_TRUE(same_bits(all_of(cache, s), all_of(expected, s))) << begin << ", " << s;
    }
}

TEST_P(CacheMoves, RemoveIsTheLongWayInPlace) {
  expect_removed<float>(GetParam());
  expect_removed<double>(GetParam());
  expect_removed<Eigen::bfloat16>(GetParam());
  expect_removed<Eigen::half>(GetParam());
}

/// Pages turn their keys as rows of their own do.
TEST_P(CacheMoves, RemoveTurnsTheKeysOfPages) {
  const Inputs<float> inputs(shape, 3);
  const Views<float> in = inputs.views();
  const rapt::rope::Table<float> table(rapt::rope::standard(12), 80);
  PagePool<float> pool({.pages = 12, .kv_heads = 2, .head_dim = 12, .value_dim = 10});
  PagedCache<float> paged(pool, 3, 80, GetParam());
  KvCache<float> cache(cache_shape(shape, 80), GetParam());
  paged.append(in.k, in.v, {.rope = &table});
  cache.append(in.k, in.v, {.rope = &table});
  paged.remove(1, 9, 38, {.rope = &table});
  cache.remove(1, 9, 38, {.rope = &table});
  ASSERT_EQ(paged.length(1), 31);
  EXPECT_TRUE(same_bits(contents(paged, 1, 0, 31), contents(cache, 1, 0, 31)));
  EXPECT_EQ(pool.used_pages(), 4 + 2 + 4);
}

/// A key that has been turned twice is off by the roundings of two rotations and of three angles: gamma(8) of its
/// pair's length, from that of a cache that never held what was removed.
TEST_P(CacheMoves, RemoveMakesTheKeysOfTheNewPositions) {
  const Inputs<float> inputs(shape, 4);
  const Views<float> in = inputs.views();
  const rapt::rope::Table<float> table(rapt::rope::standard(12), 80);
  KvCache<float> cache(cache_shape(shape, 80), GetParam()), fresh(cache_shape(shape, 80), GetParam());
  cache.append(in.k, in.v, {.rope = &table});
  cache.remove(0, 4, 30, {.rope = &table});
  const auto part = [](const View<const float>& x, Index first, Index last) {
    return positions(entry(x, 0), first, last);
  };
  fresh.append(0, part(in.k, 0, 4), part(in.v, 0, 4), {.rope = &table});
  fresh.append(0, part(in.k, 30, 60), part(in.v, 30, 60), {.rope = &table});
  const std::vector<float> found = all_of(cache, 0), expected = all_of(fresh, 0);
  const double u = 0x1p-24, gamma = 8 * u / (1 - 8 * u);
  for (std::size_t i = 0; i < at(2 * 34 * 12); ++i) {
    const std::size_t other = i % 12 < 6 ? i + 6 : i - 6;
    const double length = std::hypot(static_cast<double>(expected[i]), static_cast<double>(expected[other]));
    ASSERT_NEAR(found[i], expected[i], gamma * 2 * length);
  }
  EXPECT_TRUE(same_bits(found.data() + 2 * 34 * 12, expected.data() + 2 * 34 * 12, 2 * 34 * 10));
}

/// Pages that others hold are copied first: what they see stays.
TEST_P(CacheMoves, RemoveLeavesSharedPagesAlone) {
  const Inputs<float> inputs(shape, 5);
  const Views<float> in = inputs.views();
  PagePool<float> pool({.pages = 12, .kv_heads = 2, .head_dim = 12, .value_dim = 10});
  PagedCache<float> cache(pool, 2, 80, GetParam());
  cache.append(0, entry(in.k, 0), entry(in.v, 0));
  cache.fork(0, 1);
  const std::vector<float> before = contents(cache, 1, 0, 60);
  cache.remove(0, 20, 40);
  EXPECT_TRUE(same_bits(contents(cache, 1, 0, 60), before));
  KvCache<float> expected(cache_shape({1, 4, 2, 1, 60, 12, 10}, 80), GetParam());
  expected.append(entry(in.k, 0), entry(in.v, 0));
  expected.remove(0, 20, 40);
  EXPECT_TRUE(same_bits(contents(cache, 0, 0, 40), contents(expected, 0, 0, 40)));
  EXPECT_EQ(pool.used_pages(), 6);  // four, of which the first is shared, and two copies
  EXPECT_EQ(pool.shared_pages(), 1);
}

/// What only forgets, or keeps what stands in its place, needs no copy, and so no free page.
TEST_P(CacheMoves, WhatMovesNothingCopiesNoPage) {
  const Inputs<float> inputs(shape, 5);
  const Views<float> in = inputs.views();
  PagePool<float> pool({.pages = 4, .kv_heads = 2, .head_dim = 12, .value_dim = 10});
  PagedCache<float> cache(pool, 2, 80, GetParam());
  cache.append(0, entry(in.k, 0), entry(in.v, 0));
  cache.fork(0, 1);
  const std::vector<float> before = contents(cache, 0, 0, 60);
  cache.remove(1, 57, 60);
  cache.keep(1, 50, std::vector<Index>{50, 51});
  EXPECT_EQ(cache.length(1), 52);
  EXPECT_EQ(pool.free_pages(), 0);
  EXPECT_TRUE(same_bits(contents(cache, 1, 0, 52), contents(cache, 0, 0, 52)));
  EXPECT_EQ(refusal([&] { cache.remove(1, 20, 30); }),
            "rapt: pages: of sequence 1 are shared, and it takes copies of 2; the pool has 0 of its 4 left");
  EXPECT_EQ(refusal([&] { cache.keep(1, 49, std::vector<Index>{51}); }),
            "rapt: pages: of sequence 1 are shared, and it takes copies of 1; the pool has 0 of its 4 left");
  EXPECT_EQ(cache.length(1), 52);
  EXPECT_TRUE(same_bits(contents(cache, 0, 0, 60), before));
}

/// After a tree of proposed tokens has been attended to, its accepted path is what decoding goes on from.
TEST_P(CacheMoves, KeepsTheAcceptedPathOfATree) {
  const Inputs<float> inputs({1, 4, 2, 1, 60, 12, 10}, 6);
  const Views<float> in = inputs.views();
  KvCache<float> tree(cache_shape(inputs.shape, 80), GetParam()), path(cache_shape(inputs.shape, 80), GetParam());
  tree.append(in.k, in.v);
  const std::vector<Index> accepted{50, 53, 59};
  tree.keep(0, 50, accepted);
  path.append(positions(in.k, 0, 50), positions(in.v, 0, 50));
  for (const Index p : accepted) path.append(positions(in.k, p, p + 1), positions(in.v, p, p + 1));
  ASSERT_EQ(tree.length(0), 53);
  EXPECT_TRUE(same_bits(contents(tree, 0, 0, 53), contents(path, 0, 0, 53)));
  EXPECT_TRUE(same_bits(attend<float>(in.q, tree.view(), rapt::causal(), {.isa = GetParam()}),
                        attend<float>(in.q, path.view(), rapt::causal(), {.isa = GetParam()})));
  tree.keep(0, 50, std::vector<Index>{});
  EXPECT_EQ(tree.length(0), 50);
}

/// Of 16 bits too; and pages that others hold are copied where a position moves to.
TEST_P(CacheMoves, KeepsThePathInPagesOf16Bits) {
  using K = Eigen::bfloat16;
  const Inputs<float> inputs = inputs_for<K>({1, 4, 2, 1, 60, 12, 10}, 6);
  const Views<float> in = inputs.views();
  PagePool<K> pool({.pages = 8, .kv_heads = 2, .head_dim = 12, .value_dim = 10});
  PagedCache<K> tree(pool, 2, 80, GetParam());
  KvCache<K> path(cache_shape(inputs.shape, 80), GetParam());
  tree.append(0, in.k, in.v);
  tree.fork(0, 1);
  const std::vector<float> before = contents(tree, 1, 0, 60);
  const std::vector<Index> accepted{20, 21, 40, 59};
  tree.keep(0, 20, accepted);
  path.append(positions(in.k, 0, 20), positions(in.v, 0, 20));
  for (const Index p : accepted) path.append(positions(in.k, p, p + 1), positions(in.v, p, p + 1));
  EXPECT_TRUE(same_bits(contents(tree, 0, 0, 24), contents(path, 0, 0, 24)));
  EXPECT_TRUE(same_bits(contents(tree, 1, 0, 60), before));
  EXPECT_EQ(pool.shared_pages(), 1);  // the second one has been written to
}

/// A cache with as many positions in each sequence as its number says.
template <class Cache> void fill(Cache& cache, const Views<float>& in) {
  for (Index s = 0; s < 3; ++s)
    cache.append(s, positions(entry(in.k, s), 0, 20 * s + 3), positions(entry(in.v, s), 0, 20 * s + 3));
}

template <class Cache> void expect_chosen(const Cache& cache, Isa isa, const rapt::Band& mask = rapt::causal()) {
  const std::vector<std::int32_t> chosen{2, 0, 1, 0};
  std::vector<float> numbers = random_numbers<float>(4 * 4 * 12, 8);
  const View<const float> q = rapt::bhsd<const float>(numbers.data(), 4, 4, 1, 12);
  const Result<float> together = attend<float>(q, cache.view(chosen), mask, {.isa = isa});
  for (Index b = 0; b < 4; ++b) {
    const Result<float> alone = attend<float>(entry(q, b), cache.view(chosen[at(b)]), mask, {.isa = isa});
    EXPECT_TRUE(same_bits(together.row(b, 0, 0), alone.row(0, 0, 0), 4 * 10)) << b;
  }
  // And ragged: the second one has no query.
  const std::vector<Index> offsets{0, 1, 1, 2, 3};
  std::vector<float> out(at(3 * 4 * 10), sentinel<float>);
  const View<const float> queries = rapt::bshd<const float>(numbers.data(), 1, 3, 4, 12);
  rapt::attention(rapt::packed(queries, offsets), cache.view(chosen),
                  rapt::packed(rapt::bshd(out.data(), 1, 3, 4, 10), offsets), mask, {.isa = isa});
  const Index of[] = {2, 1, 0};
  for (Index i = 0; i < 3; ++i) {
    const Result<float> alone = attend<float>(positions(queries, i, i + 1), cache.view(of[i]), mask, {.isa = isa});
    EXPECT_TRUE(same_bits(out.data() + i * 40, alone.row(0, 0, 0), 40)) << i;
  }
}

TEST_P(CacheMoves, AViewMayHaveChosenSequencesInAnyOrder) {
  const Inputs<float> inputs(shape, 7);
  const Views<float> in = inputs.views();
  KvCache<float> cache(cache_shape(shape, 64), GetParam());
  rapt::RingCache<float> ring(cache_shape(shape, 64), GetParam());
  PagePool<float> pool({.pages = 12, .kv_heads = 2, .head_dim = 12, .value_dim = 10});
  PagedCache<float> paged(pool, 3, 64, GetParam());
  fill(cache, in), fill(ring, in), fill(paged, in);
  expect_chosen(cache, GetParam());
  expect_chosen(ring, GetParam());
  expect_chosen(paged, GetParam());
}

/// Of 16 bits, with queries turned, padded, and by a plan, which runs again.
TEST_P(CacheMoves, AViewOfChosenSequencesIsOneLikeAnyOther) {
  using K = Eigen::bfloat16;
  const Inputs<float> inputs = inputs_for<K>(shape, 7);
  const Views<float> in = inputs.views();
  const rapt::rope::Table<float> table(rapt::rope::standard(12), 80);
  KvCache<K> cache(cache_shape(shape, 64), GetParam());
  cache.append(in.k, in.v, {.rope = &table});
  const std::vector<std::int64_t> chosen{2, 0, 2};
  const std::vector<Index> lengths{1, 2, 0};
  const std::vector<float> numbers = random_numbers<float>(3 * 4 * 2 * 12, 8);
  const View<const float> q = rapt::bhsd<const float>(numbers.data(), 3, 4, 2, 12);
  const Options<float> options{.rope = &table, .isa = GetParam()};
  std::vector<float> out(at(3 * 4 * 2 * 10), sentinel<float>), again = out;
  const auto to = [](std::vector<float>& x) { return rapt::bhsd(x.data(), 3, 4, 2, 10); };
  rapt::attention(rapt::padded(q, lengths), cache.view(chosen), rapt::padded(to(out), lengths), rapt::causal(),
                  options);
  auto plan = rapt::plan(rapt::padded(q, lengths), cache.view(chosen), rapt::padded(to(again), lengths), rapt::causal(),
                         options);
  plan.run();
  plan.run();
  EXPECT_TRUE(same_bits(again, out));
  for (Index b = 0; b < 2; ++b) {
    const Result<float> alone =
        attend<K>(positions(entry(q, b), 0, lengths[at(b)]), cache.view(chosen[at(b)]), rapt::causal(), options);
    for (Index h = 0; h < 4; ++h)
      for (Index i = 0; i < lengths[at(b)]; ++i)
        EXPECT_TRUE(same_bits(to(out).row(b, h, i), alone.row(0, h, i), 10)) << b << ", " << h << ", " << i;
  }
}

/// Rings that have wrapped, each elsewhere.
TEST_P(CacheMoves, AViewMayHaveChosenRingsThatHaveWrapped) {
  const Inputs<float> inputs(shape, 7);
  const Views<float> in = inputs.views();
  rapt::RingCache<float> ring(cache_shape(shape, 64), GetParam());
  for (Index s = 0; s < 3; ++s)
    for (Index i = 0; i <= s; ++i) ring.append(s, positions(entry(in.k, s), 0, 40), positions(entry(in.v, s), 0, 40));
  ASSERT_EQ(ring.length(2), 120);
  expect_chosen(ring, GetParam(), rapt::window(40, 0));
}

TEST_P(CacheMoves, AppendTakesChosenSequencesToo) {
  const Inputs<float> inputs(shape, 9);
  const Views<float> in = inputs.views();
  KvCache<float> cache(cache_shape(shape, 64), GetParam()), ragged(cache_shape(shape, 64), GetParam()),
      expected(cache_shape(shape, 64), GetParam());
  const std::vector<std::uint32_t> chosen{2, 0};
  const std::vector<Index> lengths{4, 9};
  View<const float> k = in.k, v = in.v;
  k.extent[0] = v.extent[0] = 2;
  cache.append(chosen, positions(k, 0, 5), positions(v, 0, 5));
  ragged.append(chosen, rapt::padded(k, lengths), rapt::padded(v, lengths));
  for (Index b = 0; b < 2; ++b)
    expected.append(chosen[at(b)], positions(entry(k, b), 0, 5), positions(entry(v, b), 0, 5));
  for (Index s = 0; s < 3; ++s) EXPECT_TRUE(same_bits(all_of(cache, s), all_of(expected, s)));
  EXPECT_EQ(ragged.length(2), 4);
  EXPECT_EQ(ragged.length(1), 0);
  EXPECT_EQ(ragged.length(0), 9);
}

RAPT_ON_EVERY_ISA(CacheMoves);

TEST(CacheMoveErrors, NameWhatCanNotBe) {
  const Inputs<float> inputs(shape, 1);
  const Views<float> in = inputs.views();
  KvCache<float> cache(cache_shape(shape, 64));
  rapt::RingCache<float> ring(cache_shape(shape, 64));
  cache.append(in.k, in.v);
  ring.append(in.k, in.v);
  const rapt::rope::Table<float> small(rapt::rope::standard(12), 5),
      scaled(rapt::rope::yarn(12, {.factor = 4, .original_length = 20}), 80);
  EXPECT_EQ(refusal([&] { cache.remove(0, 5, 61); }),
            "rapt: remove: the positions are from 5 to 61; they have to be in ascending order, and within the 60 of "
            "sequence 0");
  EXPECT_EQ(refusal([&] { cache.remove(3, 0, 1); }), "rapt: sequence: is 3; it has to be from 0 to 2");
  EXPECT_EQ(refusal([&] { ring.remove(0, 0, 1); }),
            "rapt: remove: sequence 0 is one of a ring; it has to be one of a cache that forgets nothing");
  EXPECT_EQ(refusal([&] { cache.remove(0, 0, 9, {.rope = &small}); }),
            "rapt: rope: has 5 rows; it has to have row 9, by which keys are turned back");
  EXPECT_EQ(refusal([&] { cache.remove(0, 0, 9, {.rope = &scaled}); }),
            "rapt: rope: row 0 is no position 0: it turns, or has a factor; it has to leave a key as it is");
  const rapt::rope::Table<float> growing(rapt::rope::xpos(12, rapt::rope::Side::keys), 80);
  EXPECT_EQ(refusal([&] { cache.remove(0, 0, 9, {.rope = &growing}); }),
            "rapt: rope: row 9 scales a key; it has to turn it and no more, to be turned back");
  EXPECT_EQ(refusal([&] {
              cache.keep(0, 50, std::vector<Index>{52, 52});
            }),
            "rapt: keep: position 1 of those to keep is 52; they have to ascend, from 50 to 59");
  EXPECT_EQ(refusal([&] { cache.keep(0, 61, std::vector<Index>{}); }),
            "rapt: keep: first is 61; it has to be from 0 to 60, the length of sequence 0");
  EXPECT_EQ(refusal([&] { cache.remove(0, 9, 5); }),
            "rapt: remove: the positions are from 9 to 5; they have to be in ascending order, and within the 60 of "
            "sequence 0");
  EXPECT_EQ(refusal([&] { cache.remove(0, -1, 5); }),
            "rapt: remove: the positions are from -1 to 5; they have to be in ascending order, and within the 60 of "
            "sequence 0");
  const rapt::rope::Table<float> table(rapt::rope::standard(12), 80);
  const std::vector<Index> rows(60, 0);
  EXPECT_EQ(refusal([&] { cache.remove(0, 0, 9, {.rope = &table, .rows = rows}); }),
            "rapt: rows: is set; it has to be unset: keys are turned back by the places they move");
  EXPECT_EQ(refusal([&] { ring.keep(0, 50, std::vector<Index>{51}); }),
            "rapt: keep: sequence 0 is one of a ring; it has to be one of a cache that forgets nothing");
  EXPECT_EQ(refusal([&] { cache.keep(0, 50, std::vector<Index>{49}); }),
            "rapt: keep: position 0 of those to keep is 49; they have to ascend, from 50 to 59");
  EXPECT_EQ(refusal([&] { cache.keep(0, 50, std::vector<Index>{60}); }),
            "rapt: keep: position 0 of those to keep is 60; they have to ascend, from 50 to 59");
  const std::vector<Index> beyond{0, 3}, twice{1, 1}, none;
  EXPECT_EQ(refusal([&] { cache.view(none); }),
            "rapt: view: the number of sequences is 0; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(refusal([&] { cache.view(beyond); }),
            "rapt: view: sequence 1 of those chosen is 3; it has to be from 0 to 2");
  View<const float> k = in.k, v = in.v;
  k.extent[0] = v.extent[0] = 2;
  EXPECT_EQ(refusal([&] { cache.append(twice, positions(k, 0, 1), positions(v, 0, 1)); }),
            "rapt: sequences: number 1 is 1, as number 0; each may be there once");
  EXPECT_EQ(refusal([&] { cache.append(beyond, positions(k, 0, 1), positions(v, 0, 1)); }),
            "rapt: append: sequence 1 of those chosen is 3; it has to be from 0 to 2");
  EXPECT_EQ(cache.length(0), 60);
}

/// A plan of chosen sequences knows when one of them has changed.
TEST(CacheMoves, APlanOfChosenSequencesIsOutOfDateOnceOneHasChanged) {
  const Inputs<float> inputs(shape, 1);
  const Views<float> in = inputs.views();
  KvCache<float> cache(cache_shape(shape, 64));
  cache.append(in.k, in.v);
  const std::vector<Index> chosen{2};
  Result<float> result({1, 4, 2, 1, 60, 12, 10});
  auto plan = rapt::plan(entry(in.q, 0), cache.view(chosen), result.out_view());
  cache.remove(0, 0, 1);
  plan.run();
  cache.remove(2, 0, 1);
  EXPECT_THROW(plan.run(), std::logic_error);
}

}  // namespace
}  // namespace rapt_test::cache_moves_test
