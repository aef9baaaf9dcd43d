// Attention to keys and values in a caller's pages has the bits of attention to the same keys and values side by side:
// whatever the size of the pages, their order and their strides, on every instruction set.
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/pages.hpp"
#include "support/refusal.hpp"

namespace rapt_test::paged_test {
namespace {

class PagedRows : public OnEveryIsa {
 protected:
  template <class K> void expect_bits_side_by_side(const Shape& shape, const std::vector<Index>& lengths);
};

template <class K> void PagedRows::expect_bits_side_by_side(const Shape& shape, const std::vector<Index>& lengths) {
  using T = Arithmetic<K>;
  using Order = typename Paged<K>::Order;
  const Inputs<T> inputs = inputs_for<K>(shape, 3);
  const Views<T> in = inputs.views();
  ThreadExecutor threads(3);
  for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::window(70, 0))}) {
    const Result<T> expected = attend_alone(in, lengths, mask, Options<T>{.isa = GetParam()});
    for (const Index size : {1, 7, 16, 48, 128})
      for (const Order order : {Order::page_head_position, Order::page_position_head, Order::transposed}) {
        const Paged<K> pages(in, lengths, size, order);
        EXPECT_TRUE(same_bits(attend<K>(in.q, pages(), mask, {.isa = GetParam()}), expected))
            << shape << ", pages of " << size << ", order " << int(order);
        EXPECT_TRUE(same_bits(attend<K>(in.q, pages(), mask, {.executor = &threads, .isa = GetParam()}), expected))
            << shape << ", pages of " << size << ", 3 threads";
      }
  }
}

TEST_P(PagedRows, HaveTheBitsOfRowsSideBySide) {
  expect_bits_side_by_side<float>({4, 4, 2, 1, 600, 24, 32}, {600, 65, 0, 17});
  expect_bits_side_by_side<float>({3, 4, 2, 40, 130, 17, 16}, {130, 64, 40});
}
TEST_P(PagedRows, HaveTheBitsIn16Bits) {
  expect_bits_side_by_side<Eigen::bfloat16>({3, 4, 2, 2, 560, 24, 32}, {560, 63, 3});
  expect_bits_side_by_side<Eigen::bfloat16>({2, 4, 2, 30, 80, 17, 19}, {80, 33});
}
TEST_P(PagedRows, HaveTheBitsInDouble) { expect_bits_side_by_side<double>({2, 4, 2, 2, 130, 24, 16}, {130, 63}); }

/// Queries of different numbers, too.
TEST_P(PagedRows, TakeRaggedQueries) {
  const Shape shape{3, 4, 2, 9, 200, 16, 16};
  const Inputs<float> inputs(shape, 4);
  const Views<float> in = inputs.views();
  const std::vector<Index> lengths{200, 33, 9}, offsets{0, 1, 6, 15}, counts{1, 5, 9};
  const Paged<float> pages(in, lengths, 16, Paged<float>::Order::page_position_head);
  std::vector<float> q(at(15 * 4 * 16)), out(q.size());
  const View<float> packed_q = rapt::bshd(q.data(), 1, 15, 4, 16), packed_out = rapt::bshd(out.data(), 1, 15, 4, 16);
  for (Index b = 0; b < 3; ++b)
    for (Index i = 0; i < counts[at(b)]; ++i)
      for (Index h = 0; h < 4; ++h)
        for (Index d = 0; d < 16; ++d) packed_q(0, h, offsets[at(b)] + i, d) = in.q(b, h, i, d);
  rapt::attention(rapt::packed(packed_q, offsets), pages(), rapt::packed(packed_out, offsets), rapt::causal(),
                  {.isa = GetParam()});
  for (Index b = 0; b < 3; ++b) {
    Result<float> alone({1, 4, 2, counts[at(b)], lengths[at(b)], 16, 16});
    rapt::attention(positions(entry(in.q, b), 0, counts[at(b)]), positions(entry(in.k, b), 0, lengths[at(b)]),
                    positions(entry(in.v, b), 0, lengths[at(b)]), alone.out_view(), rapt::causal(),
                    {.isa = GetParam()});
    for (Index i = 0; i < counts[at(b)]; ++i)
      for (Index h = 0; h < 4; ++h)
        EXPECT_TRUE(same_bits(packed_out.row(0, h, offsets[at(b)] + i), alone.row(0, h, i), 16)) << b << ", " << i;
  }
}

/// Two sequences that begin alike may do so in the same pages.
TEST_P(PagedRows, MayBeShared) {
  const Shape shape{2, 2, 1, 1, 100, 8, 16};
  Inputs<float> inputs(shape, 6);
  std::copy_n(inputs.k.begin(), 64 * 8, inputs.k.begin() + 100 * 8);
  std::copy_n(inputs.v.begin(), 64 * 16, inputs.v.begin() + 100 * 16);
  Paged<float> pages(inputs.views(), {100, 90}, 32, Paged<float>::Order::page_head_position);
  const Result<float> apart = attend<float>(inputs.views().q, pages(), rapt::causal(), {.isa = GetParam()});
  for (Index i = 0; i < 2; ++i) pages.entry(1, i) = pages.entry(0, i);
  EXPECT_TRUE(same_bits(attend<float>(inputs.views().q, pages(), rapt::causal(), {.isa = GetParam()}), apart));
}

RAPT_ON_EVERY_ISA(PagedRows);

class PagedErrors : public testing::Test {
 protected:
  std::string refused(const auto& given) {
    return refusal([&] { rapt::attention(inputs.views().q, given, result.out_view(), rapt::causal()); });
  }
  void TearDown() override {
    for (const float x : result.out) ASSERT_EQ(x, sentinel<float>) << "written in spite of the refusal";
  }
  const Shape shape{2, 2, 1, 1, 40, 8, 8};
  const Inputs<float> inputs{shape, 1};
  Result<float> result{shape};
  Paged<float> pages{inputs.views(), {40, 33}, 16, Paged<float>::Order::page_head_position};
};

TEST_F(PagedErrors, OfAPageThatIsNotThere) {
  pages.entry(1, 2) = 13;
  EXPECT_EQ(refused(pages()),
            "rapt: block_table: page 2 of sequence 1 is 13; it has to be from 0 to 12, as there are 13 pages");
  pages.entry(1, 2) = -1;
  EXPECT_EQ(refused(pages()),
            "rapt: block_table: page 2 of sequence 1 is -1; it has to be from 0 to 12, as there are 13 pages");
}
TEST_F(PagedErrors, OfALengthThatTheTableHasNoPagesFor) {
  const std::vector<Index> lengths{81, 33}, negative{3, -1};
  EXPECT_EQ(
      refused(rapt::paged(pages.k(), pages.v(), pages.table(), lengths)),
      "rapt: lengths: length 0 is 81; it has to be 0 or more, and the block table has 5 pages of 16 for each sequence");
  EXPECT_EQ(
      refused(rapt::paged(pages.k(), pages.v(), pages.table(), negative)),
      "rapt: lengths: length 1 is -1; it has to be 0 or more, and the block table has 5 pages of 16 for each sequence");
}
TEST_F(PagedErrors, OfShapes) {
  const std::vector<Index> three{1, 2, 3};
  EXPECT_EQ(refused(rapt::paged(pages.k(), pages.v(), pages.table(), three)),
            "rapt: block_table: the number of sequences is 2; it has to be 3, as in lengths");
  auto v = pages.v();
  v.extent[2] = 8;
  EXPECT_EQ(refused(rapt::paged(pages.k(), v, pages.table(), pages.lengths())),
            "rapt: v_pages: the page size is 8; it has to be 16, as in k_pages");
  v = pages.v();
  v.extent[0] = 12;
  EXPECT_EQ(refused(rapt::paged(pages.k(), v, pages.table(), pages.lengths())),
            "rapt: v_pages: the number of pages is 12; it has to be 13, as in k_pages");
  auto none = pages.k();
  none.extent[2] = 0;
  EXPECT_EQ(refusal([&] { rapt::paged(none, none, pages.table(), pages.lengths()); }),
            "rapt: k_pages: the page size is 0; it has to be from 1 to 2^30 - 1");
}
TEST_F(PagedErrors, OfOutputsInPages) {
  const View<float> out = rapt::bhsd(pages.k().data + 3, 2, 2, 1, 8);
  EXPECT_EQ(refusal([&] { rapt::attention(inputs.views().q, pages(), out, rapt::causal()); }),
            "rapt: out: shares memory with k_pages; it has to be apart from what is read");
}
TEST_F(PagedErrors, OfAPlanWhoseTableHasChanged) {
  std::vector<float> out(32);
  auto plan = rapt::plan(inputs.views().q, pages(), rapt::bhsd(out.data(), 2, 2, 1, 8), rapt::causal());
  plan.run();
  EXPECT_NE(plan.explain().find("pages       of 16 positions"), std::string::npos) << plan.explain();
  pages.entry(0, 0) = pages.entry(1, 0);
  EXPECT_THROW(plan.run(), std::logic_error);
}

}  // namespace
}  // namespace rapt_test::paged_test
