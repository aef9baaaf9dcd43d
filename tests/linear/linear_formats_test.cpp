// Weights that are kept narrower: the bits of a Linear of floats made from what they stand for, whatever the extents,
// the strides, the stacking, the threads and the instruction set.
#include "linear/formats.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::linear_formats_test {
namespace {

/// By a Linear of floats, which other tests compare with scalar code.
template <class W> std::vector<float> of_floats(const Projection<float>& p) {
  const Projection<float> kept = kept_as<W>(p);
  return projected(kept.linear(), kept, {});
}

class LinearFormats : public OnEveryIsa {
 protected:
  template <class W> void expect_kept(const Extents& e) {
    const Projection<float> p(e);
    const Linear<float, W> linear(p.weight_matrix(), p.bias);
    EXPECT_EQ(linear.in_features(), e.in);
    EXPECT_EQ(linear.out_features(), e.out);
    EXPECT_TRUE(same_bits(projected(linear, p, {.isa = GetParam()}), of_floats<W>(p))) << format_name<W>() << ", " << e;
  }
  void expect_kept_in_every_format(const Extents& e) {
    in_every_format([&](auto format) { expect_kept<typename decltype(format)::type>(e); });
  }
};

TEST_P(LinearFormats, AreRightForOddExtents) {
  for (Index in : {1, 31, 32, 33, 100})
    for (Index out : {1, 63, 64, 65})
      for (Index rows : {0, 1, 2, 5, 6, 7}) expect_kept_in_every_format({rows, in, out});
  expect_kept_in_every_format({130, 33, 65});
  expect_kept_in_every_format({130, 100, 64});
}

TEST_P(LinearFormats, AreRightAcrossSlices) {
  for (Index in : {64, 65, 513, 1100})
    for (Index rows : {1, 7}) expect_kept_in_every_format({rows, in, 3});
  expect_kept_in_every_format({49, 545, 3});
}

TEST_P(LinearFormats, AreRightAcrossBlocksOfRows) { expect_kept_in_every_format({265, 40, 65}); }

TEST_P(LinearFormats, DoNotDependOnStridesAndNothingBetweenIsWritten) {
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    for (const Extents& e : {Extents{1, 70, 67}, Extents{9, 70, 67}}) {
      const Projection<float> p(e);
      const std::vector<float> right = of_floats<W>(p);
      for (Order order : all_orders) {
        Stored<float> x(e.rows, e.in, order, p.x), weight(e.out, e.in, order, p.weight), y(e.rows, e.out, order);
        const Linear<float, W> linear(weight.matrix(), p.bias);
        linear(x.matrix(), y.matrix(), {.isa = GetParam()});
        EXPECT_TRUE(same_bits(y.numbers(), right)) << format_name<W>() << ", " << e << ", " << order;
        EXPECT_EQ(y.written(), e.rows * e.out);
      }
    }
  });
}

TEST_P(LinearFormats, MayBeOfWeightsThatHave16BitsAlready) {
  const auto expect_taken = [&](auto format) {
    using W = typename decltype(format)::type;
    const Projection<float> p({3, 40, 70});
    const std::vector<float> right = of_floats<W>(p);
    std::vector<W> weight;
    for (const float w : p.weight) weight.push_back(W(w));
    for (Order order : all_orders) {
      Stored<W> stored(70, 40, order, weight);
      const Linear<float, W> linear(stored.matrix(), p.bias);
      EXPECT_TRUE(same_bits(projected(linear, p, {.isa = GetParam()}), right)) << format_name<W>() << ", " << order;
    }
  };
  expect_taken(Format<Eigen::half>());
  expect_taken(Format<Eigen::bfloat16>());
}

/// Rows of a file, side by side; with something between them; and from the last one to the first.
TEST_P(LinearFormats, MayBeOfBlocksInMemory) {
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    if constexpr (rapt::BlockFormat<W>) {
      const Projection<float> p({3, 96, 70});
      const std::vector<float> right = of_floats<W>(p);
      const std::vector<W> blocks = blocks_of<W>(p.weight, 70, 96);
      std::vector<W> apart(at(70 * 5), W{}), backwards(blocks.size());
      for (Index o = 0; o < 70; ++o) {
        std::copy_n(blocks.begin() + o * 3, 3, apart.begin() + o * 5);
        std::copy_n(blocks.begin() + o * 3, 3, backwards.begin() + (69 - o) * 3);
      }
      const void* const data = blocks.data();
      for (const MatrixView<const W>& weight :
           {rapt::block_rows<W>(data, 70, 96), MatrixView<const W>{apart.data(), 70, 3, 5, 1},
            MatrixView<const W>{backwards.data() + 69 * 3, 70, 3, -3, 1}}) {
        const Linear<float, W> linear(weight, p.bias);
        EXPECT_EQ(linear.in_features(), 96);
        EXPECT_TRUE(same_bits(projected(linear, p, {.isa = GetParam()}), right)) << format_name<W>();
      }
    }
  });
}

/// All codes, with scales and minima of every kind, infinite and NaN among them.
TEST_P(LinearFormats, MayBeOfBlocksWithAnyBits) {
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    if constexpr (rapt::BlockFormat<W>) {
      Random random(11);
      std::vector<W> blocks(at(130 * 4));
      for (W& block : blocks)
        for (std::size_t i = 0; i < sizeof block; ++i)
          reinterpret_cast<unsigned char*>(&block)[i] = static_cast<unsigned char>(random.next());
      Projection<float> right({7, 128, 130});
      rapt::dequantise<W>(blocks, right.weight);
      const Linear<float, W> linear(rapt::block_rows<W>(blocks.data(), 130, 128), right.bias);
      EXPECT_TRUE(same_bits(projected(linear, right, {.isa = GetParam()}), projected(right.linear(), right, {})))
          << format_name<W>();
      right.extents.rows = 1;
      EXPECT_TRUE(same_bits(projected(linear, right, {.isa = GetParam()}), projected(right.linear(), right, {})))
          << format_name<W>();
    }
  });
}

/// Three widths, the middle one without a bias.
template <class W> void expect_stacked_like_single(Isa isa, Index rows, const LinearOptions& options) {
  Projection<float> q({rows, 530, 130}, 1), k({rows, 530, 1}, 2), v({rows, 530, 64}, 3);
  k.x = v.x = q.x;
  k.bias.clear();
  const Linear<float, W> stacked({q.weight_matrix(), k.weight_matrix(), v.weight_matrix()}, {q.bias, k.bias, v.bias});
  Stored<float> yq(rows, 130, Order::padded), yk(rows, 1, Order::row_major), yv(rows, 64, Order::column_major);
  LinearOptions with_isa = options;
  with_isa.isa = isa;
  stacked(q.x_matrix(), {yq.matrix(), yk.matrix(), yv.matrix()}, with_isa);
  EXPECT_TRUE(same_bits(yq.numbers(), of_floats<W>(q))) << "first of " << rows;
  EXPECT_TRUE(same_bits(yk.numbers(), of_floats<W>(k))) << "second of " << rows;
  EXPECT_TRUE(same_bits(yv.numbers(), of_floats<W>(v))) << "third of " << rows;
}

TEST_P(LinearFormats, OfStackedWeightsAreThoseOfEach) {
  ReverseExecutor three(3);
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    for (Index rows : {1, 14}) expect_stacked_like_single<W>(GetParam(), rows, {.executor = &three});
  });
}

TEST_P(LinearFormats, DoNotDependOnThreads) {
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    for (const Extents& e : {Extents{1, 90, 700}, Extents{50, 90, 130}}) {
      const Projection<float> p(e);
      const Linear<float, W> linear(p.weight_matrix(), p.bias);
      const std::vector<float> right = of_floats<W>(p);
      for (int workers : {2, 5}) {
        ThreadExecutor threads(workers);
        EXPECT_TRUE(same_bits(projected(linear, p, {.executor = &threads, .isa = GetParam()}), right))
            << format_name<W>() << ", " << e << ", " << workers << " workers";
      }
    }
  });
}

/// A weight that is no number reaches its output, and no other; so does an input its row.
TEST_P(LinearFormats, NumbersThatAreNoneStayWhereTheyBelong) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    for (float bad : {nan, infinity, -infinity})
      for (Index rows : {1, 8}) {
        Projection<float> p({rows, 50, 67});
        p.weight[at(7 * 50 + 49)] = bad;
        p.x[0] = bad;
        const Linear<float, W> linear(p.weight_matrix(), p.bias);
        const std::vector<float> y = projected(linear, p, {.isa = GetParam()});
        for (Index i = 0; i < rows * 67; ++i) {
          EXPECT_EQ(std::isfinite(y[at(i)]), i / 67 != 0 && i % 67 != 7)
              << format_name<W>() << ", " << bad << " at " << i;
          EXPECT_TRUE(!std::isnan(y[at(i)]) || bits(y[at(i)]) == bits(nan));
        }
      }
  });
}

TEST_P(LinearFormats, AreOfTheKernelThatWasAskedFor) {
  in_every_format([&](auto format) {
    using W = typename decltype(format)::type;
    EXPECT_EQ((rapt::detail::linear_kernel<float, W>(GetParam()).isa), GetParam());
  });
}

RAPT_ON_EVERY_ISA(LinearFormats);

TEST(LinearFormatsInMemory, TakeTheirWidth) {
  const Projection<float> p({1, 1024, 256});
  const auto bits_of_a_weight = [&](auto format) {
    const Linear<float, typename decltype(format)::type> linear(p.weight_matrix());
    return 8.0 * static_cast<double>(linear.bytes() - 4 * 256) / (1024 * 256);
  };
  EXPECT_EQ(bits_of_a_weight(Format<Eigen::half>()), 16);
  EXPECT_EQ(bits_of_a_weight(Format<Eigen::bfloat16>()), 16);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::int8>()), 8 + 32.0 / 1024);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::q8_0>()), 8.5);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::q4_0>()), 4.5);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::q4_1>()), 5);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::q5_0>()), 5.5);
  EXPECT_EQ(bits_of_a_weight(Format<rapt::q5_1>()), 6);
}

}  // namespace
}  // namespace rapt_test::linear_formats_test
