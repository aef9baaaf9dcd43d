// Every result is that of the scalar transcription, in every bit: whatever the extents, the strides, the stacking, the
// threads and the instruction set.
#include "linear/projections.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::linear_bits_test {
namespace {

class LinearBits : public OnEveryIsa {
 protected:
  template <class T> void expect_transcribed(const Extents& e) {
    const Projection<T> p(e);
    EXPECT_TRUE(same_bits(projected(p.linear(), p, {.isa = GetParam()}), transcribed(p))) << e;
  }
};

TEST_P(LinearBits, AreRightForEveryHeightOfTile) {
  for (Index rows = 0; rows <= 25; ++rows) {
    expect_transcribed<float>({rows, 37, 70});
    expect_transcribed<double>({rows, 37, 70});
  }
}

TEST_P(LinearBits, AreRightForEveryWidthOfPanel) {
  for (Index out = 1; out <= 130; ++out) {
    expect_transcribed<float>({7, 21, out});
    expect_transcribed<double>({7, 21, out});
  }
}

TEST_P(LinearBits, AreRightForEveryRestOfALoop) {
  for (Index in = 1; in <= 40; ++in) {
    expect_transcribed<float>({11, in, 65});
    expect_transcribed<double>({11, in, 65});
  }
  for (Index in : {63, 64, 65}) expect_transcribed<float>({13, in, 129});
}

TEST_P(LinearBits, AreRightAcrossSlices) {
  for (Index in : {511, 512, 513, 1024, 1025, 1543, 4099}) {
    expect_transcribed<float>({7, in, 66});
    expect_transcribed<double>({1, in, 33});
  }
}

TEST_P(LinearBits, AreRightAcrossBlocksOfRows) {
  for (Index rows : {263, 264, 265, 530}) expect_transcribed<float>({rows, 19, 65});
}

TEST_P(LinearBits, AreTheSameForARowAloneAndAmongOthers) {
  const Projection<float> p({13, 700, 80});
  const Linear<float> linear = p.linear();
  const std::vector<float> together = projected(linear, p, {.isa = GetParam()});
  for (Index row = 0; row < p.extents.rows; ++row) {
    std::vector<float> alone(80, sentinel<float>);
    const MatrixView<const float> x = rapt::row_major(p.x_matrix().row(row), 1, 700);
    linear(x, rapt::row_major(alone.data(), 1, 80), {.isa = GetParam()});
    EXPECT_TRUE(same_bits(alone.data(), together.data() + row * 80, 80)) << "row " << row;
  }
}

TEST_P(LinearBits, DoNotDependOnStridesAndNothingBetweenIsWritten) {
  for (const Extents& e : {Extents{1, 70, 67}, Extents{9, 520, 67}, Extents{9, 70, 128}}) {
    const Projection<float> p(e);
    const std::vector<float> right = transcribed(p);
    for (Order of_x : all_orders)
      for (Order of_weight : all_orders)
        for (Order of_y : all_orders) {
          Stored<float> x(e.rows, e.in, of_x, p.x), weight(e.out, e.in, of_weight, p.weight), y(e.rows, e.out, of_y);
          const Linear<float> linear(weight.matrix(), p.bias);
          linear(x.matrix(), y.matrix(), {.isa = GetParam()});
          EXPECT_TRUE(same_bits(y.numbers(), right)) << e << ", x " << of_x << ", W " << of_weight << ", y " << of_y;
          EXPECT_EQ(y.written(), e.rows * e.out) << e << ", y " << of_y;
        }
  }
}

TEST_P(LinearBits, MayBeOfARowThatIsRepeated) {
  const Projection<float> one({1, 90, 70});
  const std::vector<float> right = transcribed(one);
  std::vector<float> y(5 * 70);
  one.linear()({one.x.data(), 5, 90, 0, 1}, rapt::row_major(y.data(), 5, 70), {.isa = GetParam()});
  for (Index row = 0; row < 5; ++row) EXPECT_TRUE(same_bits(y.data() + row * 70, right.data(), 70));
}

TEST_P(LinearBits, WithoutABiasStartFromZero) {
  Projection<float> p({5, 33, 70});
  const std::vector<float> zeros(70);
  const Linear<float> none(p.weight_matrix()), zero(p.weight_matrix(), zeros);
  p.bias.clear();
  EXPECT_TRUE(same_bits(projected(none, p, {.isa = GetParam()}), transcribed(p)));
  EXPECT_TRUE(same_bits(projected(zero, p, {.isa = GetParam()}), transcribed(p)));
}

/// Three widths, the middle one without a bias.
template <class T> void expect_stacked_like_single(Isa isa, Index rows, const LinearOptions& options) {
  Projection<T> q({rows, 530, 130}, 1), k({rows, 530, 1}, 2), v({rows, 530, 64}, 3);
  k.x = v.x = q.x;
  k.bias.clear();
  const Linear<T> stacked({q.weight_matrix(), k.weight_matrix(), v.weight_matrix()}, {q.bias, k.bias, v.bias});
  EXPECT_EQ(stacked.in_features(), 530);
  EXPECT_EQ(stacked.out_features(), 195);
  EXPECT_EQ(stacked.outputs(), 3);
  Stored<T> yq(rows, 130, Order::padded), yk(rows, 1, Order::row_major), yv(rows, 64, Order::column_major);
  LinearOptions with_isa = options;
  with_isa.isa = isa;
  stacked(q.x_matrix(), {yq.matrix(), yk.matrix(), yv.matrix()}, with_isa);
  EXPECT_TRUE(same_bits(yq.numbers(), transcribed(q))) << "first of " << rows;
  EXPECT_TRUE(same_bits(yk.numbers(), transcribed(k))) << "second of " << rows;
  EXPECT_TRUE(same_bits(yv.numbers(), transcribed(v))) << "third of " << rows;
}

TEST_P(LinearBits, OfStackedWeightsAreThoseOfEach) {
  ReverseExecutor three(3);
  for (Index rows : {1, 2, 14}) {
    expect_stacked_like_single<float>(GetParam(), rows, {});
    expect_stacked_like_single<double>(GetParam(), rows, {.executor = &three});
  }
}

TEST_P(LinearBits, DoNotDependOnThreads) {
  for (const Extents& e : {Extents{1, 90, 700}, Extents{50, 90, 130}, Extents{300, 20, 10}, Extents{1, 5, 3}}) {
    const Projection<float> p(e);
    const Linear<float> linear = p.linear();
    const std::vector<float> right = transcribed(p);
    for (int workers = 1; workers <= 7; ++workers) {
      ThreadExecutor threads(workers);
      LoneExecutor lone(workers);
      ReverseExecutor reverse(workers);
      for (rapt::Executor* executor : {static_cast<rapt::Executor*>(&threads), static_cast<rapt::Executor*>(&lone),
                                       static_cast<rapt::Executor*>(&reverse)})
        EXPECT_TRUE(same_bits(projected(linear, p, {.executor = executor, .isa = GetParam()}), right))
            << e << ", " << workers << " workers";
    }
  }
}

TEST_P(LinearBits, OfCallsAtTheSameTimeAreRight) {
  const Projection<float> p({9, 100, 200});
  const Linear<float> linear = p.linear();
  const std::vector<float> right = transcribed(p);
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& y : found) threads.emplace_back([&, isa = GetParam()] { y = projected(linear, p, {.isa = isa}); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& y : found) EXPECT_TRUE(same_bits(y, right));
}

TEST_P(LinearBits, OutliveTheMatricesAndAMove) {
  Projection<float> p({3, 40, 70});
  const std::vector<float> right = transcribed(p);
  Linear<float> first = p.linear();
  p.weight.assign(p.weight.size(), 0.f);
  p.bias.assign(p.bias.size(), 0.f);
  Linear<float> second = std::move(first);
  EXPECT_TRUE(same_bits(projected(second, p, {.isa = GetParam()}), right));
  first = std::move(second);
  EXPECT_TRUE(same_bits(projected(first, p, {.isa = GetParam()}), right));
}

TEST_P(LinearBits, AreOfTheKernelThatWasAskedFor) {
  EXPECT_EQ((rapt::detail::linear_kernel<float, float>(GetParam()).isa), GetParam());
  EXPECT_EQ((rapt::detail::linear_kernel<double, double>(GetParam()).isa), GetParam());
}

RAPT_ON_EVERY_ISA(LinearBits);

/// Weights beyond a huge page, which lie in memory of another kind.
TEST(LinearBitsOfLargeWeights, AreRight) {
  const Projection<float> p({1, 1025, 600});
  EXPECT_GT(p.linear().bytes(), Index(rapt::detail::LargeMemory::huge_page));
  EXPECT_TRUE(same_bits(projected(p.linear(), p, {}), transcribed(p)));
}

}  // namespace
}  // namespace rapt_test::linear_bits_test
