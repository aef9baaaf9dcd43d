// What a ragged call refuses: the argument, what it was, and what it had to be; and nothing has been written.
#include "rapt/core/ragged.hpp"

#include <functional>
#include <vector>

#include "rapt/ragged.hpp"
#include "support/ragged.hpp"
#include "support/refusal.hpp"

namespace rapt_test::ragged_test {
namespace {

class RaggedErrors : public testing::Test {
 protected:
  PackedInputs<float> in{{{2, 4}, {0, 3}, {5, 6}}, {2, 1, 8, 6}};
  std::vector<float> data = std::vector<float>(1000);

  std::string refusal_of(const rapt::Ragged<const float>& q, const rapt::Ragged<const float>& k,
                         const rapt::Ragged<const float>& v, const rapt::Ragged<float>& out,
                         LogSumExp<float> lse = {}) {
    return refusal([&] { rapt::attention(q, k, v, out, rapt::causal(), {.lse = lse}); });
  }
  std::string refusal_of_offsets(const std::vector<Index>& offsets) {
    return refusal_of(rapt::packed(in.q_view(), offsets), in.k_packed(), in.v_packed(), in.out_packed());
  }
  void TearDown() override {
    for (const float x : in.out) ASSERT_EQ(x, sentinel<float>);
    for (const float x : in.lse) ASSERT_EQ(x, sentinel<float>);
  }
};

TEST_F(RaggedErrors, OfOffsetsNameThem) {
  EXPECT_EQ(refusal_of_offsets({}),
            "rapt: q: the number of offsets is 0; it has to be that of the sequences and 1, and at most 2^30");
  EXPECT_EQ(refusal_of_offsets({1, 2, 2, 7}), "rapt: q: offset 0 is 1; it has to be 0");
  EXPECT_EQ(refusal_of_offsets({0, 3, 2, 7}), "rapt: q: offset 2 is 2; it has to be 3 or more, as the one before it");
  EXPECT_EQ(refusal_of_offsets({0, 2, 2, 8}),
            "rapt: q: offset 3, the last one, is 8; it has to be at most 7, the view's length");
  EXPECT_EQ(refusal_of_offsets({0, 7}), "rapt: k: the number of sequences is 3; it has to be 1, as in q");
  const View<const float> two = rapt::bshd<const float>(data.data(), 2, 7, 2, 8);
  EXPECT_EQ(refusal_of(rapt::packed(two, in.q_offsets), in.k_packed(), in.v_packed(), in.out_packed()),
            "rapt: q: batch is 2; it has to be 1, as its sequences are packed one after the other");
}

/// Where tensors have room for a fixed number of tokens, what is behind the last sequence is nobody's.
TEST(Packed, LeavesWhatIsBehindTheLastOffsetAlone) {
  const Index room = 16, dim = 8;
  const std::vector<std::uint32_t> offsets{0, 3, 9};
  std::vector<float> q = random_numbers<float>(2 * room * dim, 1), k = random_numbers<float>(2 * room * dim, 2),
                     v = random_numbers<float>(2 * room * dim, 3);
  std::vector<float> expected(q.size(), sentinel<float>), out(expected), lse(at(2 * room), sentinel<float>);
  const auto view = [&](std::vector<float>& x, Index b, Index count) {
    View<float> part = rapt::bshd(x.data(), 1, room, 2, dim);
    part.data += b * part.stride[2], part.extent[2] = count;
    return part;
  };
  rapt::attention(view(q, 0, 3), view(k, 0, 3), view(v, 0, 3), view(expected, 0, 3), rapt::causal());
  rapt::attention(view(q, 3, 6), view(k, 3, 6), view(v, 3, 6), view(expected, 3, 6), rapt::causal());
  for (std::size_t i = at(9 * 2 * dim); i < q.size(); ++i) q[i] = k[i] = v[i] = std::numeric_limits<float>::quiet_NaN();
  const auto packed = [&](std::vector<float>& x) { return rapt::packed(view(x, 0, room), offsets); };
  rapt::attention(packed(q), packed(k), packed(v), packed(out), rapt::causal(),
                  {.lse = rapt::lse_bsh(lse.data(), 1, room, 2)});
  EXPECT_TRUE(same_bits(out, expected));
  for (Index i = 0; i < 2 * room; ++i) EXPECT_EQ(lse[at(i)] == sentinel<float>, i >= 2 * 9);
}

/// What says where the sequences stand would be gone before it has been read.
TEST_F(RaggedErrors, OfNumbersInTheOutputNameThem) {
  std::vector<float> memory(200);
  std::int32_t* const numbers = reinterpret_cast<std::int32_t*>(memory.data());
  for (int i = 0; i < 4; ++i) numbers[i] = static_cast<std::int32_t>(in.q_offsets[at(i)]);
  const std::span<const std::int32_t> offsets(numbers, 4);
  const rapt::Ragged<float> out = rapt::packed(rapt::bshd(memory.data(), 1, 7, 2, 6), in.q_offsets);
  EXPECT_EQ(refusal_of(rapt::packed(in.q_view(), offsets), in.k_packed(), in.v_packed(), out),
            "rapt: out: shares memory with the numbers that say where q's sequences stand; it has to be apart from "
            "what is read");
}

TEST_F(RaggedErrors, OfOtherArgumentsSequencesNameThem) {
  const std::vector<Index> other_keys = {0, 4, 8, 13}, other_queries = {0, 2, 3, 7}, one = {0, 7}, one_key = {0, 13};
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), rapt::packed(in.v_view(), other_keys), in.out_packed()),
            "rapt: v: the length of sequence 1 is 4; it has to be 3, as in k");
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), in.v_packed(), rapt::packed(in.out_view(), other_queries)),
            "rapt: out: the length of sequence 1 is 1; it has to be 0, as in q");
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), in.v_packed(), rapt::packed(in.out_view(), one)),
            "rapt: out: the number of sequences is 1; it has to be 3, as in q");
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), rapt::packed(in.v_view(), one_key), in.out_packed()),
            "rapt: v: the number of sequences is 1; it has to be 3, as in k");
}

TEST_F(RaggedErrors, OfLengthsNameThem) {
  const auto q = rapt::bshd<const float>(data.data(), 3, 5, 2, 8);
  const auto refusal_of_q = [&](const rapt::Ragged<const float>& queries) {
    return refusal_of(queries, in.k_packed(), in.v_packed(), in.out_packed());
  };
  const std::vector<Index> few = {2, 0}, large = {2, 0, 6}, negative = {2, -1, 5}, other = {3, 0, 5};
  EXPECT_EQ(refusal_of_q(rapt::padded(q, few)), "rapt: q: has 2 lengths; it has to have 3, its batch");
  EXPECT_EQ(refusal_of_q(rapt::padded(q, large)),
            "rapt: q: length 2 is 6; it has to be from 0 to 5, the view's length");
  EXPECT_EQ(refusal_of_q(rapt::padded(q, negative)),
            "rapt: q: length 1 is -1; it has to be from 0 to 5, the view's length");
  EXPECT_EQ(refusal_of_q(rapt::padded_left(q, few)), "rapt: q: has 2 first positions; it has to have 3, its batch");
  EXPECT_EQ(refusal_of_q(rapt::padded_left(q, large)),
            "rapt: q: first position 2 is 6; it has to be from 0 to 5, the view's length");
  EXPECT_EQ(refusal_of_q(rapt::padded(q, other)), "rapt: out: the length of sequence 0 is 2; it has to be 3, as in q");
}

TEST_F(RaggedErrors, OfViewsAreThoseOfAnyCall) {
  View<const float> q = in.q_view();
  q.data = nullptr;
  EXPECT_EQ(refusal_of(rapt::packed(q, in.q_offsets), in.k_packed(), in.v_packed(), in.out_packed()),
            "rapt: q: data is a null pointer; it has to point to the elements, as no extent is 0");
  q = in.q_view();
  q.extent[3] = 7;
  EXPECT_EQ(refusal_of(rapt::packed(q, in.q_offsets), in.k_packed(), in.v_packed(), in.out_packed()),
            "rapt: k: head_dim is 8; it has to be 7, as in q");
  const View<float> over = rapt::bshd(const_cast<float*>(in.q.data()), 1, in.queries(), 2, 6);
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), in.v_packed(), rapt::packed(over, in.q_offsets)),
            "rapt: out: shares memory with q; it has to be apart from what is read");
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(),
                       rapt::lse_bsh(in.lse.data(), 1, in.queries() - 1, 2)),
            "rapt: lse: length is 6; it has to be 7, as in out");
  EXPECT_EQ(refusal_of(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(),
                       rapt::lse_bsh(in.lse.data(), 3, in.queries(), 2)),
            "rapt: lse: batch is 3; it has to be 1, as in out");
}

TEST_F(RaggedErrors, OfAlignmentAndRotaryRowsLookAtEachSequence) {
  const auto refusal_of_options = [&](const Options<float>& options) {
    return refusal([&] {
      rapt::attention(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), rapt::causal(), options);
    });
  };
  const rapt::rope::Table<float> table(rapt::rope::standard(8), 5);
  EXPECT_EQ(refusal_of_options({.rope = &table}),
            "rapt: rope: has no row 5, for query 4 of batch entry 2; it has those from 0 to 4");
  const std::vector<Index> rows(20, 3);
  EXPECT_EQ(refusal_of_options({.rope = &table, .rope_rows = rapt::row_major(rows.data(), 3, 7)}),
            "rapt: rope_rows: batch is 3; it has to be 1, as in q");
  EXPECT_EQ(refusal_of_options({.rope = &table, .rope_rows = rapt::row_major(rows.data(), 1, 6)}),
            "rapt: rope_rows: length is 6; it has to be 7, as in q");
}

}  // namespace
}  // namespace rapt_test::ragged_test
