// A ragged batch: each sequence has the bits that it has alone, whatever is beside it, and padding can't matter.
#include "rapt/ragged.hpp"

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/ragged.hpp"

namespace rapt_test::ragged_test {
namespace {

class Ragged : public OnEveryIsa {
 protected:
  template <class T> Options<T> options(rapt::Executor* executor = nullptr) const {
    return Options<T>{.executor = executor, .isa = GetParam()};
  }
  template <class T> void expect_each_alone(PackedInputs<T>& in, const Mask& mask) const {
    std::vector<Result<T>> alone;
    for (Index b = 0; b < in.count(); ++b) alone.push_back(attend(in.sequence(b), mask, options<T>()));
    ReverseExecutor two(2), three(3), four(4), five(5), six(6), seven(7), many(100);
    ThreadExecutor threads(3);
    for (rapt::Executor* executor :
         {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&two),
          static_cast<rapt::Executor*>(&three), static_cast<rapt::Executor*>(&four),
          static_cast<rapt::Executor*>(&five), static_cast<rapt::Executor*>(&six), static_cast<rapt::Executor*>(&seven),
          static_cast<rapt::Executor*>(&many), static_cast<rapt::Executor*>(&threads)}) {
      attend_packed(in, mask, options<T>(executor));
      for (Index b = 0; b < in.count(); ++b)
        ASSERT_TRUE(sequence_is(in, b, alone[at(b)]))
            << ", mask " << describe(mask) << ", workers " << (executor == nullptr ? 1 : executor->workers());
    }
  }
};

std::vector<Mask> masks() {
  return {rapt::Plain{}, rapt::causal(), rapt::causal(rapt::align::top_left), rapt::causal(rapt::align::offset(3)),
          rapt::causal() | rapt::window(70, -1)};
}

TEST_P(Ragged, SequencesOfEveryLengthAreWhatEachIsAlone) {
  for (const Heads& heads : {Heads{2, 2, 8, 8}, Heads{6, 2, 9, 17}, Heads{8, 1, 16, 5}})
    for (const Mask& mask : masks()) {
      PackedInputs<float> in(edges(), heads);
      ASSERT_NO_FATAL_FAILURE(expect_each_alone(in, mask));
    }
}

TEST_P(Ragged, SequencesOfDoublesAreWhatEachIsAlone) {
  for (const Mask& mask : masks()) {
    PackedInputs<double> in(edges(), {4, 2, 8, 12});
    ASSERT_NO_FATAL_FAILURE(expect_each_alone(in, mask));
  }
}

TEST_P(Ragged, FiftySequencesAreWhatEachIsAlone) {
  for (const Heads& heads : {Heads{1, 1, 8, 8}, Heads{6, 2, 16, 8}}) {
    PackedInputs<float> in(fifty(3), heads);
    ASSERT_NO_FATAL_FAILURE(expect_each_alone(in, rapt::causal()));
  }
  PackedInputs<double> in(fifty(4), {4, 1, 8, 8});
  ASSERT_NO_FATAL_FAILURE(expect_each_alone(in, rapt::window(40, 3)));
}

TEST_P(Ragged, ALongSequenceAmongShortOnesIsDealtOut) {
  Lengths lengths(50, {3, 3});
  lengths[20] = {1, 6000};
  lengths[30] = {40, 5000};
  PackedInputs<float> in(lengths, {2, 1, 8, 8});
  ASSERT_NO_FATAL_FAILURE(expect_each_alone(in, rapt::causal()));
  ReverseExecutor executor(4);
  const auto plan = rapt::plan(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), rapt::causal(),
                               options<float>(&executor));
  if (GetParam() == Isa::generic) return;  // a lane has a row: there are blocks enough
  const std::string text = plan.explain();
  EXPECT_TRUE(text.find("those of 1 seq") != text.npos || text.find("those of 2 seq") != text.npos) << text;
}

TEST_P(Ragged, SequencesHaveTheContractsBits) {
  for (const Mask& mask : masks()) {
    PackedInputs<float> in(edges(), {4, 2, 8, 8}), by_contract = in;
    attend_packed(in, mask, options<float>());
    std::visit(
        [&](const auto& score) {
          rapt::contract::attention<float>(by_contract.q_packed(), by_contract.k_packed(), by_contract.v_packed(),
                                           by_contract.out_packed(), score,
                                           Options<float>{.lse = by_contract.lse_view()});
        },
        mask);
    EXPECT_TRUE(same_bits(in.out, by_contract.out)) << describe(mask);
    EXPECT_TRUE(same_bits(in.lse, by_contract.lse)) << describe(mask);
  }
}

/// Sees every coordinate.
struct Coordinates {
  bool attends(rapt::Coord c) const { return (c.key / 5 + c.query + c.head + 3 * c.batch + c.row) % 4 != 0; }
  template <class T> T change(T score, rapt::Coord c) const {
    return score + T(0.25) * static_cast<T>((c.batch + 2 * c.row + 3 * c.head + c.query - c.key) % 7);
  }
  double sink(std::int32_t batch, std::int32_t head) const { return 0.5 * batch - head; }
};

TEST_P(Ragged, StagesSeeTheSequenceAndPositionsWithinIt) {
  PackedInputs<float> in(edges(), {4, 2, 8, 8}), by_contract = in, naive = in;
  ThreadExecutor threads(3);
  rapt::attention(in.q_packed(), in.k_packed(), in.v_packed(), in.out_packed(), Coordinates{},
                  options<float>(&threads));
  rapt::contract::attention<float>(by_contract.q_packed(), by_contract.k_packed(), by_contract.v_packed(),
                                   by_contract.out_packed(), Coordinates{});
  rapt::reference::attention<float>(naive.q_packed(), naive.k_packed(), naive.v_packed(), naive.out_packed(),
                                    Coordinates{});
  EXPECT_TRUE(same_bits(in.out, by_contract.out));
  for (std::size_t i = 0; i < in.out.size(); ++i) ASSERT_NEAR(in.out[i], naive.out[i], 1e-4f);
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// A padded batch of a PackedInputs' sequences, with NaN wherever there is no position.
struct PaddedBatch {
  PackedInputs<float>& in;
  bool left;
  Index q_len, k_len;
  std::vector<Index> q_numbers{}, k_numbers{};
  std::vector<float> q{}, k{}, v{}, out{}, lse{};

  PaddedBatch(PackedInputs<float>& packed, bool at_left, Index longest_q, Index longest_k)
      : in(packed), left(at_left), q_len(longest_q), k_len(longest_k) {
    for (const auto& [queries, keys] : in.lengths) {
      q_numbers.push_back(left ? q_len - queries : queries);
      k_numbers.push_back(left ? k_len - keys : keys);
    }
    q = spread(in.q_packed(), q_len);
    k = spread(in.k_packed(), k_len);
    v = spread(in.v_packed(), k_len);
    out.assign(at(in.count() * q_len * in.heads.q_heads * in.heads.value_dim), sentinel<float>);
    lse.assign(at(in.count() * q_len * in.heads.q_heads), sentinel<float>);
  }
  std::vector<float> spread(const rapt::Ragged<const float>& from, Index length) const {
    std::vector<float> found(at(in.count() * length * from.view.heads() * from.view.dim()), nan);
    const View<float> to = rapt::bhsd(found.data(), in.count(), from.view.heads(), length, from.view.dim());
    for (Index b = 0; b < in.count(); ++b)
      for (Index h = 0; h < to.heads(); ++h)
        for (Index i = 0; i < from.length(b); ++i)
          for (Index d = 0; d < to.dim(); ++d)
            to(b, h, i + (left ? length - from.length(b) : 0), d) = from.sequence(b)(0, h, i, d);
    return found;
  }
  template <class T> rapt::Ragged<T> padded(const View<T>& view, const std::vector<Index>& numbers) const {
    return left ? rapt::padded_left(view, numbers) : rapt::padded(view, numbers);
  }
  View<const float> view(const std::vector<float>& x, Index length, Index heads, Index dim) const {
    return rapt::bhsd(x.data(), in.count(), heads, length, dim);
  }
  auto q_padded() const { return padded(view(q, q_len, in.heads.q_heads, in.heads.head_dim), q_numbers); }
  auto k_padded() const { return padded(view(k, k_len, in.heads.kv_heads, in.heads.head_dim), k_numbers); }
  auto v_padded() const { return padded(view(v, k_len, in.heads.kv_heads, in.heads.value_dim), k_numbers); }
  auto out_padded() {
    return padded(rapt::bhsd(out.data(), in.count(), in.heads.q_heads, q_len, in.heads.value_dim), q_numbers);
  }
  rapt::LogSumExp<float> lse_view() { return rapt::lse_bhs(lse.data(), in.count(), in.heads.q_heads, q_len); }

  void expect_each_alone(const Mask& mask, const Options<float>& options) {
    const rapt::Ragged<float> rows = out_padded();
    for (Index b = 0; b < in.count(); ++b) {
      const Index begin = rows.placement.begin(b);
      ASSERT_TRUE(has_rows(
          rows.sequence(b), [&](Index h, Index i) { return lse_view()(b, h, begin + i); },
          attend(in.sequence(b), mask, options)))
          << ", sequence " << b;
      for (Index h = 0; h < in.heads.q_heads; ++h)
        for (Index i = 0; i < q_len; ++i) {
          if (i >= begin && i < begin + rows.length(b)) continue;
          ASSERT_EQ(lse_view()(b, h, i), sentinel<float>) << "a logsumexp in the padding";
          for (Index d = 0; d < in.heads.value_dim; ++d) ASSERT_EQ(rows.view(b, h, i, d), sentinel<float>);
        }
    }
  }
};

TEST_P(Ragged, PaddingIsNeitherReadNorWritten) {
  ThreadExecutor threads(3);
  for (const bool left : {false, true})
    for (const Heads& heads : {Heads{2, 2, 8, 8}, Heads{6, 2, 9, 17}})
      for (const Mask& mask : masks())
        for (rapt::Executor* executor :
             {static_cast<rapt::Executor*>(nullptr), static_cast<rapt::Executor*>(&threads)}) {
          SCOPED_TRACE(testing::Message() << (left ? "left" : "right") << ", mask " << describe(mask));
          PackedInputs<float> in(edges(), heads);
          PaddedBatch batch(in, left, 133, 705);
          Options<float> with_lse = options<float>(executor);
          with_lse.lse = batch.lse_view();
          std::visit(
              [&](const auto& score) {
                rapt::attention(batch.q_padded(), batch.k_padded(), batch.v_padded(), batch.out_padded(), score,
                                with_lse);
              },
              mask);
          ASSERT_NO_FATAL_FAILURE(batch.expect_each_alone(mask, options<float>()));
        }
}

TEST_P(Ragged, ArgumentsKeepTheirSequencesEachInItsWay) {
  PackedInputs<float> in(edges(), {4, 2, 8, 8});
  PaddedBatch left(in, true, 140, 720), right(in, false, 130, 700);
  Options<float> with_lse = options<float>();
  with_lse.lse = left.lse_view();
  rapt::attention(in.q_packed(), right.k_padded(), in.v_packed(), left.out_padded(), rapt::causal(), with_lse);
  ASSERT_NO_FATAL_FAILURE(left.expect_each_alone(rapt::causal(), options<float>()));
  with_lse.lse = in.lse_view();
  rapt::attention(right.q_padded(), left.k_padded(), right.v_padded(), in.out_packed(), rapt::causal(), with_lse);
  for (Index b = 0; b < in.count(); ++b)
    EXPECT_TRUE(sequence_is(in, b, attend(in.sequence(b), rapt::causal(), options<float>())));
}

TEST_P(Ragged, QueriesOfPlainViewsAttendToPaddedKeys) {
  PackedInputs<float> in({{1, 5}, {1, 70}, {1, 0}, {1, 520}}, {4, 2, 8, 8});
  PaddedBatch batch(in, false, 1, 600);
  Options<float> with_lse = options<float>();
  with_lse.lse = batch.lse_view();
  rapt::attention(batch.q_padded().view, batch.k_padded(), batch.v_padded(), batch.out_padded().view, with_lse);
  ASSERT_NO_FATAL_FAILURE(batch.expect_each_alone({}, options<float>()));
}

TEST_P(Ragged, QueriesAreTurnedByTheirPositionsWithinTheSequence) {
  const rapt::rope::Table<float> table(rapt::rope::standard(8), 1024);
  PackedInputs<float> in({{20, 20}, {0, 3}, {1, 600}, {70, 90}}, {2, 1, 8, 8});
  Options<float> turned = options<float>();
  turned.rope = &table;
  attend_packed(in, rapt::causal(), turned);
  for (Index b = 0; b < in.count(); ++b)
    EXPECT_TRUE(sequence_is(in, b, attend(in.sequence(b), rapt::causal(), turned)));

  std::vector<Index> rows(at(in.queries()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(7 * i % 1000);
  turned.rope_rows = rapt::MatrixView<const Index>{rows.data(), 1, in.queries(), in.queries(), 1};
  attend_packed(in, rapt::causal(), turned);
  for (Index b = 0; b < in.count(); ++b) {
    Options<float> own = turned;
    own.rope_rows =
        rapt::MatrixView<const Index>{rows.data() + in.q_offsets[at(b)], 1, in.lengths[at(b)].first, in.queries(), 1};
    EXPECT_TRUE(sequence_is(in, b, attend(in.sequence(b), rapt::causal(), own)));
  }
}

TEST_P(Ragged, EmptyBatchesAreNothingToDo) {
  PackedInputs<float> none({}, {2, 1, 8, 8}), empty(Lengths(3, {0, 0}), {2, 1, 8, 8});
  for (PackedInputs<float>* in : {&none, &empty}) {
    auto plan = rapt::plan(in->q_packed(), in->k_packed(), in->v_packed(), in->out_packed(), options<float>());
    plan.run();
    EXPECT_EQ(plan.work_items(), 0);
    EXPECT_NE(plan.explain().find("0 items"), std::string::npos);
  }
}

TEST(RaggedViews, TakeNumbersOfEitherWidthFromAnyRange) {
  std::vector<float> data(10);
  const auto view = rapt::bshd(data.data(), 1, 5, 1, 2);
  const std::vector<std::int32_t> narrow = {0, 2, 5};
  const std::array<Index, 3> wide = {0, 2, 5};
  std::vector<Index> writable = {0, 2, 5};
  for (const rapt::Ragged<float>& ragged :
       {rapt::packed(view, narrow), rapt::packed(view, wide), rapt::packed(view, writable),
        rapt::packed(view, std::span<const std::int32_t>(narrow)), rapt::packed(view, std::span<Index>(writable))}) {
    EXPECT_EQ(ragged.count(), 2);
    EXPECT_EQ(ragged.length(0), 2);
    EXPECT_EQ(ragged.length(1), 3);
    EXPECT_EQ(ragged.sequence(1).data, data.data() + 4);
    EXPECT_EQ(ragged.sequence(1).length(), 3);
  }
  const std::vector<std::int32_t> two = {2, 0};
  const auto batch = rapt::bshd(data.data(), 2, 2, 1, 2);
  EXPECT_EQ(rapt::padded(batch, two).length(0), 2);
  EXPECT_EQ(rapt::padded(batch, two).length(1), 0);
  EXPECT_EQ(rapt::padded_left(batch, two).length(0), 0);
  EXPECT_EQ(rapt::padded_left(batch, two).length(1), 2);
  EXPECT_EQ(rapt::padded_left(batch, two).sequence(1).data, data.data() + 4);
}

RAPT_ON_EVERY_ISA(Ragged);

}  // namespace
}  // namespace rapt_test::ragged_test
