// A ring gives the bits of a cache that holds everything, as long as no mask reaches back to what it has forgotten.
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"

namespace rapt_test::cache_ring_test {
namespace {

constexpr Index capacity = 100, slots = 128;  // a ring remembers whole tiles

class RingCacheTest : public OnEveryIsa {
 protected:
  const Shape shape{1, 4, 2, 700, 700, 17, 24};  // of all positions together
  template <class K> void expect_bits_of_everything(Index chunk, Index left) const;
};

template <class K> void RingCacheTest::expect_bits_of_everything(Index chunk, Index left) const {
  using T = Arithmetic<K>;
  SCOPED_TRACE(testing::Message() << "chunks of " << chunk << ", window of " << left);
  const Inputs<T> inputs(shape, 1);
  const Views<T> in = inputs.views();
  rapt::RingCache<K> ring(cache_shape(shape, capacity), GetParam());
  rapt::KvCache<K> all(cache_shape(shape, shape.kv_len), GetParam());
  const Options<T> options{.isa = GetParam()};
  for (Index first = 0, last = 0; first < shape.kv_len; first = last) {
    last = std::min(first + chunk, shape.kv_len);
    const View<const T> k = positions(in.k, first, last), v = positions(in.v, first, last);
    ring.append(k, v);
    all.append(k, v);
    ASSERT_EQ(ring.length(0), last);
    ASSERT_EQ(ring.first(0), std::max<Index>(0, last - slots));
    if (chunk == 1 && last % 7 != 0 && last % 64 > 2) continue;
    const View<const T> q = positions(in.q, first, last);
    const rapt::Band mask = rapt::window(left, 0);
    ASSERT_TRUE(same_bits(attend<K>(q, ring.view(), mask, options), attend<K>(q, all.view(), mask, options)))
        << "at " << last;
    ASSERT_TRUE(same_bits(contents(ring, 0, ring.first(0), last), contents(all, 0, ring.first(0), last)));
  }
}
TEST_P(RingCacheTest, HasTheBitsOfACacheThatHoldsEverything) {
  expect_bits_of_everything<float>(1, 127);
  expect_bits_of_everything<float>(1, 5);
  expect_bits_of_everything<float>(7, 121);
  expect_bits_of_everything<float>(9, 64);
  expect_bits_of_everything<float>(64, 64);
  expect_bits_of_everything<float>(100, 28);
  expect_bits_of_everything<float>(128, 0);
  expect_bits_of_everything<double>(50, 78);
  expect_bits_of_everything<Eigen::half>(1, 127);
  expect_bits_of_everything<Eigen::bfloat16>(33, 95);
}

/// Numbers that come again and again, as a sequence can be longer than one would want to write down.
TEST_P(RingCacheTest, GoesOnForVeryLong) {
  const Shape once{1, 2, 1, 1000, 1000, 3, 2};
  const Inputs<float> inputs(once, 2);
  rapt::RingCache<float> ring(cache_shape(once, 1024), GetParam());
  for (int turn = 0; turn < 300; ++turn) ring.append(inputs.views().k, inputs.views().v);
  EXPECT_EQ(ring.length(0), 300000);
  EXPECT_EQ(ring.first(0), 300000 - 1024);
  rapt::KvCache<float> end(cache_shape(once, 2000), GetParam());  // as many, modulo a tile and a span
  const Options<float> options{.isa = GetParam()};
  const View<const float> q = positions(inputs.views().q, 0, 20);
  const Index same_places = 300000 % 512;
  end.append(positions(inputs.views().k, 1000 - same_places, 1000),
             positions(inputs.views().v, 1000 - same_places, 1000));
  const rapt::Band mask = rapt::window(same_places - 20, 0);
  EXPECT_TRUE(same_bits(attend<float>(q, ring.view(), mask, options), attend<float>(q, end.view(), mask, options)));
}

TEST_P(RingCacheTest, SequencesOfDifferentLengthsAreWhatEachIsAlone) {
  const std::vector<Index> lengths = {0, 90, 128, 129, 700};
  for (const Index q_len : {1, 20}) {
    const Inputs<float> inputs({5, 4, 2, q_len, 700, 8, 8}, 3);
    rapt::RingCache<float> ring({5, 2, capacity, 8, 8}, GetParam());
    rapt::KvCache<float> all({5, 2, 700, 8, 8}, GetParam());
    for (Index s = 0; s < 5; ++s)
      for (Index first = 0; first < lengths[at(s)]; first += 90) {
        const Index last = std::min(first + 90, lengths[at(s)]);
        const View<const float> k = positions(entry(inputs.views().k, s), first, last),
                                v = positions(entry(inputs.views().v, s), first, last);
        ring.append(s, k, v);
        all.append(s, k, v);
      }
    const Options<float> options{.isa = GetParam()};
    EXPECT_TRUE(same_bits(attend<float>(inputs.views().q, ring.view(), rapt::window(100, 0), options),
                          attend<float>(inputs.views().q, all.view(), rapt::window(100, 0), options)));
  }
}

TEST_P(RingCacheTest, ThreadsDoNotChangeABit) {
  const Inputs<float> inputs({1, 4, 2, 3, 3000, 8, 8}, 4);
  const Views<float> in = inputs.views();
  rapt::RingCache<float> ring({1, 2, 1500, 8, 8}, GetParam());
  for (Index first = 0; first < 3000; first += 1000)
    ring.append(positions(in.k, first, first + 1000), positions(in.v, first, first + 1000));
  const Result<float> expected = attend(in, rapt::window(1400, 0), Options<float>{.isa = GetParam()});
  for (const int workers : {1, 2, 7, 40}) {
    ReverseExecutor executor(workers);
    EXPECT_TRUE(same_bits(
        attend<float>(in.q, ring.view(), rapt::window(1400, 0), {.executor = &executor, .isa = GetParam()}), expected));
  }
}

/// A ring that has forgotten the positions before 172.
class FullRing : public OnEveryIsa {
 protected:
  const Shape shape{2, 2, 1, 10, 300, 8, 8};
  Inputs<float> inputs{shape, 5};
  Views<float> in = inputs.views();
  rapt::RingCache<float> ring{cache_shape(shape, capacity), GetParam()};
  rapt::KvCache<float> all{cache_shape(shape, 400), GetParam()};

  FullRing() {
    for (Index first = 0; first < 300; first += 100) append(first, first + 100);
  }
  void append(Index first, Index last) {
    const View<const float> k = positions(in.k, first, last), v = positions(in.v, first, last);
    ring.append(k, v);
    all.append(k, v);
  }
  Result<float> attend_to_all(const Mask& mask) const {
    return attend<float>(in.q, all.view(), mask, {.isa = GetParam()});
  }
  Result<float> attend_to_ring(const Mask& mask) const {
    return attend<float>(in.q, ring.view(), mask, {.isa = GetParam()});
  }
  std::string refusal_of(const Mask& mask) const {
    return refusal([&] { attend_to_ring(mask); });
  }
};

TEST_P(FullRing, IsAskedForNothingThatItHasForgotten) {
  EXPECT_EQ(ring.first(0), 172);
  EXPECT_TRUE(same_bits(attend_to_ring(rapt::window(118, 0)), attend_to_all(rapt::window(118, 0))));
  EXPECT_EQ(refusal_of(rapt::window(119, 0)),
            "rapt: score: is causal | window(119, -1), which lets queries from position 290 on attend to keys before "
            "position 172; batch entry 0 of the call has a sequence that has forgotten those: it takes a shorter "
            "window, fewer queries at "
            "once, or a larger capacity");
  EXPECT_NE(refusal_of(rapt::Plain{}), "");
  EXPECT_NE(refusal_of(rapt::causal()), "");
  EXPECT_NE(refusal_of(rapt::window(10, 0, rapt::align::offset(181))), "");
  EXPECT_EQ(refusal_of(rapt::window(10, 0, rapt::align::offset(182))), "");
}

TEST_P(FullRing, ThatIsAskedForTooMuchWritesNothing) {
  Result<float> result(shape);
  EXPECT_NE(refusal([&] {
              rapt::attention(in.q, ring, result.out_view(), rapt::causal(),
                              {.lse = result.lse_view(), .isa = GetParam()});
            }),
            "");
  EXPECT_TRUE(same_bits(result, Result<float>(shape)));
}

TEST_P(FullRing, TakesInAsManyAtOnceAsItRemembers) {
  const std::vector<float> before = contents(ring, 1, 172, 300);
  EXPECT_EQ(refusal([&] { append(0, 129); }),
            "rapt: append: 129 positions after 300; sequence 0 has room for 128 at once");
  EXPECT_EQ(ring.length(0), 300);
  EXPECT_EQ(all.length(0), 300);
  EXPECT_TRUE(same_bits(contents(ring, 1, 172, 300), before));
  ring.append(positions(in.k, 0, 128), positions(in.v, 0, 128));
  EXPECT_EQ(ring.length(0), 428);
  EXPECT_EQ(ring.first(0), 300);
}

TEST_P(FullRing, CanNotBeTruncatedToWhatItHasForgotten) {
  EXPECT_EQ(refusal([&] { ring.truncate(0, 171); }),
            "rapt: truncate: length is 171; it has to be 0, or from 172 to 300");
  EXPECT_EQ(ring.length(0), 300);
  ring.truncate(0, 172);
  EXPECT_EQ(ring.length(0), 172);
  EXPECT_NE(refusal_of(rapt::window(0, 0)), "");  // nothing is left but positions that are forgotten
}

TEST_P(FullRing, RemembersNoMoreOnceItIsTruncated) {
  for (const Index length : {299, 260, 256, 255, 200}) {
    for (Index s = 0; s < 2; ++s) {
      ring.truncate(s, length);
      all.truncate(s, length);
    }
    EXPECT_EQ(ring.first(0), 172);
    const Index reach = length - 10 - 172;
    EXPECT_TRUE(same_bits(attend_to_ring(rapt::window(reach, 0)), attend_to_all(rapt::window(reach, 0)))) << length;
    EXPECT_NE(refusal_of(rapt::window(reach + 1, 0)), "") << length;
  }
  append(0, 70);  // other ones take the place of those
  EXPECT_EQ(ring.first(0), 172);
  EXPECT_TRUE(same_bits(attend_to_ring(rapt::window(88, 0)), attend_to_all(rapt::window(88, 0))));
  append(70, 130);
  EXPECT_EQ(ring.first(0), 202);
  EXPECT_TRUE(same_bits(attend_to_ring(rapt::window(118, 0)), attend_to_all(rapt::window(118, 0))));
}

TEST_P(FullRing, IsNewOnceItIsTruncatedToNothing) {
  for (Index s = 0; s < 2; ++s) {
    ring.truncate(s, 0);
    all.truncate(s, 0);
  }
  append(50, 130);
  EXPECT_EQ(ring.first(0), 0);
  EXPECT_TRUE(same_bits(attend_to_ring(rapt::Plain{}), attend_to_all(rapt::Plain{})));
}

TEST_P(FullRing, ForksGoTheirOwnWays) {
  const std::vector<float> original = contents(ring, 0, 172, 300);
  for (const Index length : {300, 257, 256, 230, 190, 172}) {
    ring.copy_prefix(0, 1, length);
    all.copy_prefix(0, 1, length);
    EXPECT_EQ(ring.length(1), length);
    EXPECT_EQ(ring.first(1), 172);
    EXPECT_TRUE(same_bits(contents(ring, 1, 172, length), contents(all, 1, 172, length))) << length;
    const View<const float> k = positions(entry(in.k, 1), 30, 60), v = positions(entry(in.v, 1), 30, 60);
    ring.append(1, k, v);
    all.append(1, k, v);
    const Index first = std::max<Index>(172, length + 30 - slots);
    EXPECT_EQ(ring.first(1), first);
    EXPECT_TRUE(same_bits(contents(ring, 1, first, length + 30), contents(all, 1, first, length + 30))) << length;
    EXPECT_TRUE(same_bits(attend_to_ring(rapt::window(20, 0)), attend_to_all(rapt::window(20, 0)))) << length;
  }
  EXPECT_TRUE(same_bits(contents(ring, 0, 172, 300), original));
}

TEST_P(FullRing, HasNoPrefixThatItHasForgotten) {
  EXPECT_EQ(refusal([&] { ring.copy_prefix(0, 1, 171); }),
            "rapt: copy_prefix: length is 171; it has to be from 172 to 300");
  EXPECT_EQ(refusal([&] { ring.copy_prefix(0, 1, 301); }),
            "rapt: copy_prefix: length is 301; it has to be from 172 to 300");
  std::vector<float> rows(8 * 2);
  EXPECT_EQ(refusal([&] { ring.read_keys(0, 171, rapt::bhsd(rows.data(), 1, 1, 2, 8)); }),
            "rapt: position: is 171, for 2 positions; the sequence has those from 172 to 299");
}

RAPT_ON_EVERY_ISA(RingCacheTest);
RAPT_ON_EVERY_ISA(FullRing);

}  // namespace
}  // namespace rapt_test::cache_ring_test
