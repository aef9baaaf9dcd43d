// Whether two views share an element: checked against counting the elements.
#include "rapt/core/overlap.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "support/random.hpp"

namespace rapt_test::overlap_test {
namespace {

using rapt::Index;
using rapt::View;
using rapt::detail::footprint;
using rapt::detail::may_overlap;
using rapt::detail::overlaps_itself;

template <class F> void each_element(const View<float>& v, F f) {
  for (Index b = 0; b < v.batch(); ++b)
    for (Index h = 0; h < v.heads(); ++h)
      for (Index s = 0; s < v.length(); ++s)
        for (Index d = 0; d < v.dim(); ++d) f(&v(b, h, s, d));
}
bool really_overlap(const View<float>& a, const View<float>& b) {
  std::set<const float*> elements;
  each_element(a, [&](const float* p) { elements.insert(p); });
  bool shared = false;
  each_element(b, [&](const float* p) { shared = shared || elements.count(p) == 1; });
  return shared;
}
bool really_overlaps_itself(const View<float>& a) {
  std::set<const float*> elements;
  bool twice = false;
  each_element(a, [&](const float* p) { twice = twice || !elements.insert(p).second; });
  return twice;
}
bool found_overlap(const View<float>& a, const View<float>& b) {
  EXPECT_EQ(may_overlap(footprint(a), footprint(b)), may_overlap(footprint(b), footprint(a)));
  return may_overlap(footprint(a), footprint(b));
}

class Overlap : public testing::Test {
 protected:
  std::vector<float> memory = std::vector<float>(1 << 16);
  float* at(Index i) { return memory.data() + i; }
};

TEST_F(Overlap, OfNeighboursIsNoneAndOfOneSharedElementIsSome) {
  const View<float> a = rapt::bhsd(at(0), 1, 2, 3, 4);
  EXPECT_FALSE(found_overlap(a, rapt::bhsd(at(24), 1, 2, 3, 4)));
  EXPECT_TRUE(found_overlap(a, rapt::bhsd(at(23), 1, 2, 3, 4)));
  EXPECT_TRUE(found_overlap(a, a));
}

TEST_F(Overlap, OfQueriesKeysAndValuesInterleavedInOneBufferIsNone) {
  const Index heads = 4, dim = 8, row = 3 * heads * dim;
  const auto part = [&](Index which) {
    return rapt::strided(at(which * heads * dim), {2, heads, 10, dim}, {10 * row, dim, row, 1});
  };
  EXPECT_FALSE(found_overlap(part(0), part(1)));
  EXPECT_FALSE(found_overlap(part(0), part(2)));
  EXPECT_FALSE(found_overlap(part(2), part(1)));
  EXPECT_TRUE(found_overlap(part(1), part(1)));
  View<float> wide = part(0);
  wide.extent[3] = dim + 1;  // its last head reaches into the next part
  EXPECT_TRUE(found_overlap(wide, part(1)));
}

TEST_F(Overlap, OfInterleavedHeadsAndOfEvenAndOddElementsIsNone) {
  const Index dim = 8, heads = 6, row = heads * dim;
  EXPECT_FALSE(found_overlap(rapt::strided(at(0), {1, 3, 9, dim}, {0, 2 * dim, row, 1}),
                             rapt::strided(at(dim), {1, 3, 9, dim}, {0, 2 * dim, row, 1})));
  EXPECT_FALSE(found_overlap(rapt::strided(at(0), {1, 1, 4, 8}, {0, 0, 16, 2}),
                             rapt::strided(at(1), {1, 1, 4, 8}, {0, 0, 16, 2})));
}

TEST_F(Overlap, SeesThroughNegativeStrides) {
  const View<float> backwards = rapt::strided(at(23), {1, 1, 3, 8}, {0, 0, -8, -1});  // elements 0 … 23
  EXPECT_FALSE(overlaps_itself(footprint(backwards)));
  EXPECT_TRUE(found_overlap(backwards, rapt::bhsd(at(0), 1, 1, 1, 1)));
  EXPECT_TRUE(found_overlap(backwards, rapt::bhsd(at(23), 1, 1, 1, 1)));
  EXPECT_FALSE(found_overlap(backwards, rapt::bhsd(at(24), 1, 1, 1, 1)));
}

TEST_F(Overlap, OfAViewWithItselfComesWithAStrideOfZeroOrOneTooSmall) {
  EXPECT_FALSE(overlaps_itself(footprint(rapt::bshd(at(0), 2, 3, 4, 5))));
  EXPECT_TRUE(overlaps_itself(footprint(rapt::strided(at(0), {2, 3, 4, 5}, {0, 20, 5, 1}))));
  EXPECT_TRUE(overlaps_itself(footprint(rapt::strided(at(0), {1, 1, 4, 5}, {0, 0, 4, 1}))));
  EXPECT_FALSE(overlaps_itself(footprint(rapt::strided(at(0), {1, 1, 4, 5}, {0, 0, 5, 1}))))
      << "an extent of 1 needs no stride";
}

TEST_F(Overlap, OfNothingIsNone) {
  const View<float> all = rapt::bhsd(at(0), 1, 1, 100, 100);
  EXPECT_FALSE(found_overlap(all, rapt::bhsd(at(5), 1, 1, 0, 4)));
  EXPECT_FALSE(found_overlap(all, rapt::bhsd(static_cast<float*>(nullptr), 1, 1, 3, 4)));
}

TEST_F(Overlap, IsNeverMissed) {
  Random random(1);
  int overlapping = 0, apart = 0, seen_as_apart = 0;
  const auto any_view = [&] {
    View<float> v{at(20000 + random.below(60)), {}, {}};
    for (std::size_t i = 0; i < 4; ++i) v.extent[i] = 1 + random.below(4), v.stride[i] = random.below(60) - 15;
    return v;
  };
  for (int i = 0; i < 20000; ++i) {
    const View<float> a = any_view(), b = any_view();
    if (really_overlap(a, b)) {
      ++overlapping;
      ASSERT_TRUE(found_overlap(a, b));
    } else {
      ++apart;
      seen_as_apart += !found_overlap(a, b);
    }
    ASSERT_TRUE(overlaps_itself(footprint(a)) || !really_overlaps_itself(a));
  }
  EXPECT_GT(overlapping, 1000);
  EXPECT_GT(apart, 1000);
  EXPECT_GT(seen_as_apart, apart / 4);
}

}  // namespace
}  // namespace rapt_test::overlap_test
