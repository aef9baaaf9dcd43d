// What a cache refuses, what it says then, and that nothing has changed.
#include <stdexcept>
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/refusal.hpp"

namespace rapt_test::cache_errors_test {
namespace {

std::string refusal_of(const rapt::CacheShape& shape) {
  return refusal([&] { rapt::KvCache<float> cache(shape); });
}

TEST(CacheShape, HasExtentsThatCanBe) {
  const rapt::CacheShape good{.sequences = 2, .kv_heads = 3, .capacity = 20, .head_dim = 8, .value_dim = 5};
  EXPECT_EQ(refusal_of(good), "");
  rapt::CacheShape shape = good;
  shape.sequences = 0;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: sequences is 0; it has to be from 1 to 2^30 - 1");
  shape = good;
  shape.kv_heads = -1;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: kv_heads is -1; it has to be from 1 to 2^30 - 1");
  shape = good;
  shape.capacity = 0;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: capacity is 0; it has to be from 1 to 2^30 - 1");
  shape.capacity = Index(1) << 30;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: capacity is 1073741824; it has to be from 1 to 2^30 - 1");
  shape = good;
  shape.head_dim = 0;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: head_dim is 0; it has to be from 1 to 2^30 - 1");
  shape = good;
  shape.value_dim = -5;
  EXPECT_EQ(refusal_of(shape), "rapt: cache: value_dim is -5; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(refusal_of({1 << 20, 1 << 20, 1 << 20, 8, 8}),
            "rapt: cache: has more than 2^56 elements; the product of its extents has to stay below");
  EXPECT_NE(refusal([&] { rapt::RingCache<Eigen::half> cache({.capacity = -1, .head_dim = 8}); }), "");
}

TEST(CacheShape, IsWhatTheCacheSays) {
  const rapt::KvCache<Eigen::half> cache({.sequences = 2, .kv_heads = 3, .capacity = 65, .head_dim = 24});
  EXPECT_EQ(cache.sequences(), 2);
  EXPECT_EQ(cache.kv_heads(), 3);
  EXPECT_EQ(cache.capacity(), 65);
  EXPECT_EQ(cache.head_dim(), 24);
  EXPECT_EQ(cache.value_dim(), 24);
  EXPECT_EQ(cache.bytes(), 2 * 3 * 128 * (24 + 32) * 2);  // whole tiles, and rows of values in whole cache lines
}

TEST(CacheShape, OfAnInstructionSetThatIsNotHereIsRefused) {
  const bool arm = rapt::supported_isas().back() == Isa::neon;
  EXPECT_NE(refusal([&] { rapt::KvCache<float> cache({.capacity = 1, .head_dim = 1}, arm ? Isa::avx2 : Isa::neon); }),
            "");
}

/// Two sequences of 10 and 7 positions in a cache of 12.
class CacheErrors : public testing::Test {
 protected:
  Shape shape{2, 4, 2, 3, 30, 8, 6};
  Inputs<float> inputs{shape, 1};
  View<const float> k = inputs.views().k, v = inputs.views().v;
  rapt::KvCache<float> cache{{2, 2, 12, 8, 6}};
  std::vector<float> first, second;

  CacheErrors() {
    cache.append(0, positions(entry(k, 0), 0, 10), positions(entry(v, 0), 0, 10));
    cache.append(1, positions(entry(k, 1), 0, 7), positions(entry(v, 1), 0, 7));
    first = contents(cache, 0, 0, 10);
    second = contents(cache, 1, 0, 7);
  }
  void TearDown() override {
    ASSERT_EQ(cache.length(0), 10);
    ASSERT_EQ(cache.length(1), 7);
    EXPECT_TRUE(same_bits(contents(cache, 0, 0, 10), first));
    EXPECT_TRUE(same_bits(contents(cache, 1, 0, 7), second));
  }
  std::string refusal_of_rows(const View<const float>& keys, const View<const float>& values) {
    return refusal([&] { cache.append(keys, values); });
  }
};

TEST_F(CacheErrors, OfRowsNameTheArgument) {
  const View<const float> one_k = positions(k, 0, 1), one_v = positions(v, 0, 1);
  EXPECT_EQ(refusal_of_rows(entry(one_k, 0), one_v),
            "rapt: k: batch is 1; it has to be 2, as in the cache's sequences");
  EXPECT_EQ(refusal_of_rows(one_k, entry(one_v, 0)),
            "rapt: v: batch is 1; it has to be 2, as in the cache's sequences");
  View<const float> wrong = one_k;
  wrong.extent[1] = 1;
  EXPECT_EQ(refusal_of_rows(wrong, one_v), "rapt: k: the number of heads is 1; it has to be 2, as in the cache");
  wrong = one_v;
  wrong.extent[1] = 1;
  EXPECT_EQ(refusal_of_rows(one_k, wrong), "rapt: v: the number of heads is 1; it has to be 2, as in the cache");
  wrong = one_k;
  wrong.extent[3] = 7;
  EXPECT_EQ(refusal_of_rows(wrong, one_v), "rapt: k: head_dim is 7; it has to be 8, as in the cache");
  wrong = one_v;
  wrong.extent[3] = 5;
  EXPECT_EQ(refusal_of_rows(one_k, wrong), "rapt: v: value_dim is 5; it has to be 6, as in the cache");
  EXPECT_EQ(refusal_of_rows(one_k, positions(v, 0, 2)), "rapt: v: length is 2; it has to be 1, as in k");
  wrong = one_k;
  wrong.data = nullptr;
  EXPECT_EQ(refusal_of_rows(wrong, one_v),
            "rapt: k: data is a null pointer; it has to point to the elements, as no extent is 0");
  wrong = one_v;
  wrong.extent[2] = -1;
  EXPECT_NE(refusal_of_rows(one_k, wrong), "");
  EXPECT_NE(refusal([&] { cache.append(0, one_k, one_v); }), "");  // two entries for one sequence
}

TEST_F(CacheErrors, OfRoomNameTheSequence) {
  EXPECT_EQ(refusal_of_rows(positions(k, 0, 3), positions(v, 0, 3)),
            "rapt: append: 3 positions after 10; sequence 0 has room for 2 of its 12");
  EXPECT_EQ(refusal([&] { cache.append(1, positions(entry(k, 1), 0, 6), positions(entry(v, 1), 0, 6)); }),
            "rapt: append: 6 positions after 7; sequence 1 has room for 5 of its 12");
}

/// Sequence 0 has room, sequence 1 has not: then neither takes anything in.
TEST(CacheRoom, IsAskedForInEverySequenceBeforeAnyGrows) {
  const Inputs<float> inputs({2, 2, 2, 1, 12, 8, 6}, 2);
  const View<const float> k = inputs.views().k, v = inputs.views().v;
  rapt::KvCache<float> cache({2, 2, 12, 8, 6});
  cache.append(1, entry(k, 1), entry(v, 1));
  EXPECT_EQ(refusal([&] { cache.append(positions(k, 0, 1), positions(v, 0, 1)); }),
            "rapt: append: 1 positions after 12; sequence 1 has room for 0 of its 12");
  EXPECT_EQ(cache.length(0), 0);
  EXPECT_EQ(cache.length(1), 12);
}

TEST_F(CacheErrors, OfSequencesSayWhichThereAre) {
  const std::string two = "rapt: sequence: is 2; it has to be from 0 to 1",
                    minus = "rapt: sequence: is -1; it has to be from 0 to 1";
  EXPECT_EQ(refusal([&] { cache.length(2); }), two);
  EXPECT_EQ(refusal([&] { cache.length(-1); }), minus);
  EXPECT_EQ(refusal([&] { cache.first(2); }), two);
  EXPECT_EQ(refusal([&] { cache.append(2, positions(entry(k, 0), 0, 1), positions(entry(v, 0), 0, 1)); }), two);
  EXPECT_EQ(refusal([&] { cache.truncate(-1, 0); }), minus);
  EXPECT_EQ(refusal([&] { cache.fork(2, 0); }), two);
  EXPECT_EQ(refusal([&] { cache.fork(0, 2); }), "rapt: to: is 2; it has to be from 0 to 1");
  EXPECT_EQ(refusal([&] { cache.copy_prefix(-1, 0, 0); }), "rapt: from: is -1; it has to be from 0 to 1");
  EXPECT_EQ(refusal([&] { cache.view(2); }), "rapt: first_sequence: is 2; it has to be from 0 to 1");
  EXPECT_EQ(refusal([&] { cache.view(1, 2); }),
            "rapt: view: count is 2; it has to be 1 or more, and stay within the sequences");
  EXPECT_EQ(refusal([&] { cache.view(0, 0); }),
            "rapt: view: count is 0; it has to be 1 or more, and stay within the sequences");
}

TEST_F(CacheErrors, OfLengthsSayWhichThereAre) {
  EXPECT_EQ(refusal([&] { cache.truncate(0, 11); }), "rapt: truncate: length is 11; it has to be 0, or from 0 to 10");
  EXPECT_EQ(refusal([&] { cache.truncate(0, -1); }), "rapt: truncate: length is -1; it has to be 0, or from 0 to 10");
  EXPECT_EQ(refusal([&] { cache.copy_prefix(1, 0, 8); }), "rapt: copy_prefix: length is 8; it has to be from 0 to 7");
  EXPECT_EQ(refusal([&] { cache.copy_prefix(1, 0, -1); }), "rapt: copy_prefix: length is -1; it has to be from 0 to 7");
}

TEST_F(CacheErrors, OfReadingBackNameWhatIsThere) {
  std::vector<float> memory(200, sentinel<float>);
  const auto rows = [&memory](Index heads, Index count, Index dim) {
    return rapt::bhsd(memory.data(), 1, heads, count, dim);
  };
  EXPECT_EQ(refusal([&] { cache.read_keys(0, 8, rows(2, 3, 8)); }),
            "rapt: position: is 8, for 3 positions; the sequence has those from 0 to 9");
  EXPECT_EQ(refusal([&] { cache.read_keys(0, -1, rows(2, 3, 8)); }),
            "rapt: position: is -1, for 3 positions; the sequence has those from 0 to 9");
  EXPECT_EQ(refusal([&] { cache.read_keys(0, 0, rows(2, 3, 6)); }),
            "rapt: to: head_dim is 6; it has to be 8, as in the cache");
  EXPECT_EQ(refusal([&] { cache.read_values(0, 0, rows(2, 3, 8)); }),
            "rapt: to: value_dim is 8; it has to be 6, as in the cache");
  EXPECT_EQ(refusal([&] { cache.read_values(0, 0, rows(1, 3, 6)); }),
            "rapt: to: the number of heads is 1; it has to be 2, as in the cache");
  EXPECT_EQ(refusal([&] { cache.read_values(0, 0, rapt::bhsd(memory.data(), 2, 2, 1, 6)); }),
            "rapt: to: batch is 2; it has to be 1, as in a sequence");
  EXPECT_EQ(refusal([&] { cache.read_values(2, 0, rows(2, 3, 6)); }), "rapt: sequence: is 2; it has to be from 0 to 1");
  EXPECT_TRUE(same_bits(memory, std::vector<float>(200, sentinel<float>)));
}

TEST_F(CacheErrors, OfAttentionNameTheArgumentAndWriteNothing) {
  Result<float> result(shape);
  const View<const float> q = inputs.views().q;
  const View<float> out = result.out_view();
  const auto refusal_of = [&](const View<const float>& queries, const View<float>& to, Options<float> options = {}) {
    return refusal([&] { rapt::attention(queries, cache, to, rapt::causal(), options); });
  };
  View<const float> wrong = q;
  wrong.extent[0] = 1;
  EXPECT_EQ(refusal_of(wrong, out), "rapt: q: batch is 1; it has to be 2, as in the cache's sequences");
  wrong = q;
  wrong.extent[1] = 3;
  EXPECT_EQ(refusal_of(wrong, out), "rapt: out: the number of heads is 4; it has to be 3, as in q");
  View<float> to = out;
  to.extent[1] = 3;
  EXPECT_EQ(refusal_of(wrong, to),
            "rapt: q: the number of heads is 3; it has to be a multiple of the 2 key/value heads");
  wrong = q;
  wrong.extent[3] = 7;
  EXPECT_EQ(refusal_of(wrong, out), "rapt: q: head_dim is 7; it has to be 8, as in the cache");
  to = out;
  to.extent[0] = 1;
  EXPECT_EQ(refusal_of(q, to), "rapt: out: batch is 1; it has to be 2, as in q");
  to = out;
  to.extent[2] = 2;
  EXPECT_EQ(refusal_of(q, to), "rapt: out: length is 2; it has to be 3, as in q");
  to = out;
  to.extent[3] = 5;
  EXPECT_EQ(refusal_of(q, to), "rapt: out: value_dim is 5; it has to be 6, as in the cache");
  to = out;
  to.stride[2] = 0;
  EXPECT_NE(refusal_of(q, to), "");
  EXPECT_NE(refusal_of(q, rapt::bhsd(inputs.q.data(), 2, 4, 3, 6)), "");  // out over q
  LogSumExp<float> lse = result.lse_view();
  lse.extent[2] = 2;
  EXPECT_EQ(refusal_of(q, out, {.lse = lse}), "rapt: lse: length is 2; it has to be 3, as in q");
  EXPECT_NE(refusal_of(q, out, {.scale = std::numeric_limits<double>::infinity()}), "");
  EXPECT_NE(refusal([&] { rapt::attention(q, cache.view(1), out, rapt::causal()); }), "");
  EXPECT_TRUE(same_bits(result, Result<float>(shape)));
}

TEST(CachePlan, IsOfNoUseOnceTheCacheHasChanged) {
  const Inputs<float> inputs({1, 2, 1, 1, 20, 8, 8}, 3);
  const View<const float> k = inputs.views().k, v = inputs.views().v;
  rapt::KvCache<float> cache({1, 1, 20, 8, 8});
  Result<float> result({1, 2, 1, 1, 20, 8, 8});
  cache.append(positions(k, 0, 10), positions(v, 0, 10));
  auto plan = rapt::plan(inputs.views().q, cache, result.out_view(), rapt::causal());
  plan.run();
  const std::vector<float> before = result.out;
  plan.run();
  EXPECT_TRUE(same_bits(result.out, before));
  cache.append(positions(k, 10, 11), positions(v, 10, 11));
  result.out.assign(result.out.size(), sentinel<float>);
  EXPECT_THROW(plan.run(), std::logic_error);
  cache.truncate(0, 9);
  EXPECT_THROW(plan.run(), std::logic_error);
  for (const float x : result.out) EXPECT_EQ(x, sentinel<float>);
}

TEST(CachePlan, IsOfNoUseEvenIfTheCacheIsAsLongAsBefore) {
  const Inputs<float> inputs({1, 2, 1, 1, 100, 8, 8}, 3);
  const View<const float> k = inputs.views().k, v = inputs.views().v;
  rapt::RingCache<float> ring({1, 1, 64, 8, 8});
  Result<float> result({1, 2, 1, 1, 100, 8, 8});
  ring.append(positions(k, 0, 60), positions(v, 0, 60));
  auto plan = rapt::plan(inputs.views().q, ring, result.out_view(), rapt::causal());
  ring.append(positions(k, 60, 70), positions(v, 60, 70));
  ring.truncate(0, 60);  // and six positions are forgotten
  EXPECT_THROW(plan.run(), std::logic_error);
}

}  // namespace
}  // namespace rapt_test::cache_errors_test
