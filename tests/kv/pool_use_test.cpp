// Where a cache may stand, one in pages may: keys turned on their way in, layers, ranges of keys, observing; with the
// same bits, and whatever a page held before.
#include <limits>
#include <vector>

#include "rapt/kv/pool.hpp"
#include "rapt/layer/layer.hpp"
#include "rapt/observe/observe.hpp"
#include "support/caches.hpp"
#include "support/isas.hpp"
#include "support/pages.hpp"

namespace rapt_test::pool_use_test {
namespace {

namespace rope = rapt::rope;

class PoolUse : public OnEveryIsa {
 protected:
  const Shape shape{2, 4, 2, 3, 90, 16, 8};
  const Inputs<float> inputs{shape, 21};
  const Views<float> in = inputs.views();
  rapt::PagePool<float> pool{{.pages = 20, .kv_heads = 2, .head_dim = 16, .value_dim = 8}};
  rapt::PagedCache<float> paged{pool, 2, 100, GetParam()};
  rapt::KvCache<float> cache{cache_shape(shape, 100), GetParam()};
};

TEST_P(PoolUse, KeysAreTurnedOnTheirWayIn) {
  const rope::Table<float> table(rope::standard(16, 10000), 100);
  for (Index first = 0; first < 90; first += 18) {
    const View<const float> k = positions(in.k, first, first + 18), v = positions(in.v, first, first + 18);
    paged.append(k, v, {.rope = &table});
    cache.append(k, v, {.rope = &table});
  }
  const Options<float> options{.rope = &table, .isa = GetParam()};
  EXPECT_TRUE(same_bits(attend<float>(in.q, paged.view(), rapt::causal(), options),
                        attend<float>(in.q, cache.view(), rapt::causal(), options)));
}

/// NaN from another time, behind the end of a sequence and in pages that are out of a window's reach.
TEST_P(PoolUse, WhatAPageHeldBeforeIsOfNoConsequence) {
  const std::vector<float> nan(at(100 * 2 * 16), std::numeric_limits<float>::quiet_NaN());
  for (Index s = 0; s < 2; ++s) {
    paged.append(s, rapt::bshd(nan.data(), 1, 100, 2, 16), rapt::bshd(nan.data(), 1, 100, 2, 8));
    paged.truncate(s, 40 * s);  // NaN stays before position 40 of sequence 1
    paged.append(s, positions(entry(in.k, s), 40 * s, 90), positions(entry(in.v, s), 40 * s, 90));
  }
  cache.append(in.k, in.v);
  for (const Index q_len : {1, 3}) {
    const View<const float> q = positions(in.q, 0, q_len);
    EXPECT_TRUE(same_bits(attend<float>(q, paged.view(), rapt::window(40, 0), {.isa = GetParam()}),
                          attend<float>(q, cache.view(), rapt::window(40, 0), {.isa = GetParam()})));
  }
}

/// Sequences that share their first pages, in one call.
TEST_P(PoolUse, SharedPagesAreAttendedToByAllThatHoldThem) {
  paged.append(0, positions(entry(in.k, 0), 0, 50), positions(entry(in.v, 0), 0, 50));
  paged.copy_prefix(0, 1, 37);
  cache.append(0, positions(entry(in.k, 0), 0, 50), positions(entry(in.v, 0), 0, 50));
  cache.copy_prefix(0, 1, 37);
  for (Index s = 0; s < 2; ++s) {
    const View<const float> k = positions(entry(in.k, s), 60, 80), v = positions(entry(in.v, s), 60, 80);
    paged.append(s, k, v);
    cache.append(s, k, v);
  }
  EXPECT_TRUE(same_bits(attend<float>(in.q, paged.view(), rapt::causal(), {.isa = GetParam()}),
                        attend<float>(in.q, cache.view(), rapt::causal(), {.isa = GetParam()})));
  EXPECT_TRUE(same_bits(attend<float>(entry(in.q, 1), paged.view(1), rapt::causal(), {.isa = GetParam()}),
                        attend<float>(entry(in.q, 1), cache.view(1), rapt::causal(), {.isa = GetParam()})));
}

TEST_P(PoolUse, ALayerTakesPages) {
  rapt::LayerConfig config;
  config.hidden_size = 24, config.num_heads = 4, config.num_kv_heads = 2, config.head_dim = 16, config.value_dim = 8;
  const std::vector<float> w = random_numbers<float>(24 * 64, 5);
  const rapt::AttentionLayer<float> layer(config, {.q = rapt::row_major(w.data(), 64, 24),
                                                   .k = rapt::row_major(w.data() + 7, 32, 24),
                                                   .v = rapt::row_major(w.data() + 11, 16, 24),
                                                   .o = rapt::row_major(w.data() + 3, 24, 32)});
  const std::vector<float> x = random_numbers<float>(2 * 60 * 24, 6);
  std::vector<float> from_pages(x.size()), from_slots(x.size());
  for (Index first = 0; first < 60; first += 20) {
    const auto some = [&](auto* data) { return positions(rapt::bsd(data, 2, 60, 24), first, first + 20); };
    layer.forward(some(x.data()), some(from_pages.data()), paged, {.isa = GetParam()});
    layer.forward(some(x.data()), some(from_slots.data()), cache, {.isa = GetParam()});
  }
  EXPECT_TRUE(same_bits(from_pages, from_slots));
}

TEST_P(PoolUse, ObservingPagesAndNarrowRows) {
  const Inputs<float> rounded = inputs_for<Eigen::bfloat16>(shape, 22);
  const Views<float> exact = rounded.views();
  const std::vector<Eigen::bfloat16> narrow(rounded.k.begin(), rounded.k.end());
  const View<const Eigen::bfloat16> k = rapt::bhsd(narrow.data(), 2, 2, 90, 16);
  const Paged<float> pages(exact, {90, 90}, 7, Paged<float>::Order::page_position_head);
  paged.append(exact.k, exact.v);
  const auto observed = [&](const auto& keys) {
    std::vector<float> mass(at(2 * 4 * 90)), p(at(2 * 4 * 3 * 90));
    rapt::observe(exact.q, keys, {.mass = rapt::bhs(mass.data(), 2, 4, 90)}, rapt::causal(), {.isa = GetParam()});
    rapt::probabilities(exact.q, keys, rapt::bhsd(p.data(), 2, 4, 3, 90), rapt::causal(), {.isa = GetParam()});
    mass.insert(mass.end(), p.begin(), p.end());
    return mass;
  };
  const std::vector<float> expected = observed(exact.k);
  EXPECT_TRUE(same_bits(observed(k), expected));
  EXPECT_TRUE(same_bits(observed(paged), expected));
  EXPECT_TRUE(same_bits(observed(pages()), expected));
}

/// A caller's rows in 16 bits.
TEST_P(PoolUse, NarrowRowsHaveTheBitsOfWideOnes) {
  for (const Shape& s : {Shape{2, 4, 2, 2, 570, 24, 32}, Shape{1, 4, 2, 40, 100, 17, 19}}) {
    const Inputs<float> wide = inputs_for<Eigen::bfloat16>(s, 23);
    const std::vector<Eigen::bfloat16> k(wide.k.begin(), wide.k.end()), v(wide.v.begin(), wide.v.end());
    Result<float> result(s);
    rapt::attention(wide.views().q, rapt::bhsd(k.data(), s.batch, s.kv_heads, s.kv_len, s.head_dim),
                    rapt::bhsd(v.data(), s.batch, s.kv_heads, s.kv_len, s.value_dim), result.out_view(), rapt::causal(),
                    {.lse = result.lse_view(), .isa = GetParam()});
    EXPECT_TRUE(same_bits(result, attend(wide.views(), rapt::causal(), {.isa = GetParam()}))) << s;
  }
}

RAPT_ON_EVERY_ISA(PoolUse);

}  // namespace
}  // namespace rapt_test::pool_use_test
