// What a projection refuses, what it says, and that nothing has been written by then.
#include "linear/projections.hpp"
#include "support/executors.hpp"
#include "support/refusal.hpp"

namespace rapt_test::linear_errors_test {
namespace {

class LinearErrors : public testing::Test {
 protected:
  std::vector<float> w = random_numbers<float>(4 * 6, 1), b = random_numbers<float>(4, 2);
  std::vector<float> x = random_numbers<float>(3 * 6, 3), y = std::vector<float>(100, sentinel<float>);
  MatrixView<const float> weight = rapt::row_major<const float>(w.data(), 4, 6);
  MatrixView<const float> x_matrix = rapt::row_major<const float>(x.data(), 3, 6);
  MatrixView<float> y_matrix = rapt::row_major(y.data(), 3, 4);
  Linear<float> linear{weight, b};

  /// What a call says, which has to leave the outputs alone.
  std::string refusal_of(const Linear<float>& l, MatrixView<const float> x_of_call,
                         std::initializer_list<MatrixView<float>> to, const LinearOptions& options = {}) {
    const std::string text = refusal([&] { l(x_of_call, to, options); });
    EXPECT_TRUE(text.empty() || same_bits(y, std::vector<float>(100, sentinel<float>)));
    return text;
  }
  std::string refusal_of(const Linear<float>& l, MatrixView<const float> x_of_call, MatrixView<float> to,
                         const LinearOptions& options = {}) {
    return refusal_of(l, x_of_call, {to}, options);
  }
};

TEST_F(LinearErrors, OfTheWeights) {
  const auto made = [](MatrixView<const float> m, std::span<const float> bias = {}) {
    return refusal([&] { Linear<float>(m, bias); });
  };
  EXPECT_EQ(made({nullptr, 4, 6, 6, 1}),
            "rapt: weight: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(made({w.data(), 0, 6, 6, 1}), "rapt: weight: the number of rows is 0; it has to be 1 or more");
  EXPECT_EQ(made({w.data(), 4, 0, 6, 1}), "rapt: weight: the number of columns is 0; it has to be 1 or more");
  EXPECT_EQ(made({w.data(), -4, 6, 6, 1}), "rapt: weight: the number of rows is -4; it has to be from 0 to 2^30 - 1");
  EXPECT_EQ(made({w.data(), 4, 6, Index(1) << 60, 1}),
            "rapt: weight: the stride of rows is 1152921504606846976; it has to keep the matrix within 2^56 elements");
  EXPECT_EQ(made(weight, std::span(b).first(3)), "rapt: bias: its size is 3; it has to be 4, as in the rows of weight");
  EXPECT_EQ(made({w.data(), (Index(1) << 30) - 1, (Index(1) << 30) - 1, 0, 0}),
            "rapt: weight: the number of rows, all together, is 1073741823; "
            "it has to keep the weights within 2^56 elements");
}

TEST_F(LinearErrors, OfStackedWeights) {
  const MatrixView<const float> narrow = rapt::row_major<const float>(w.data(), 4, 5);
  EXPECT_EQ(refusal([&] {
              Linear<float>({weight, narrow});
            }),
            "rapt: weight[1]: the number of columns is 5; it has to be 6, as in weight[0]");
  EXPECT_EQ(refusal([&] {
              Linear<float>({weight, weight, weight}, {b, b});
            }),
            "rapt: bias: there are 2; there have to be 3, one for each weight, or none");
  EXPECT_EQ(refusal([&] {
              Linear<float>({weight, weight}, {b, std::span(b).first(1)});
            }),
            "rapt: bias[1]: its size is 1; it has to be 4, as in the rows of weight[1]");
  EXPECT_EQ(refusal([&] { Linear<float>(std::span<const MatrixView<const float>>()); }),
            "rapt: weight: there is none; there has to be one or more");
}

TEST_F(LinearErrors, OfBlocks) {
  using rapt::q4_0;
  const std::vector<q4_0> memory(12);
  const auto made = [](MatrixView<const q4_0> m, std::span<const float> bias = {}) {
    return refusal([&] { Linear<float, q4_0>(m, bias); });
  };
  EXPECT_EQ(made({nullptr, 4, 2, 2, 1}),
            "rapt: weight: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(made({memory.data(), 4, 0, 2, 1}), "rapt: weight: the number of columns is 0; it has to be 1 or more");
  EXPECT_EQ(made({memory.data(), 4, 3, 3, 1}, std::span(b).first(3)),
            "rapt: bias: its size is 3; it has to be 4, as in the rows of weight");
  EXPECT_EQ(refusal([&] { Linear<float, q4_0>(rapt::block_rows<q4_0>(memory.data(), 4, 80)); }),
            "rapt: block_rows: the number of columns is 80; it has to be a multiple of 32, a block's weights");
  const MatrixView<const q4_0> two_columns{memory.data(), 4, 2, 3, 1}, three_columns{memory.data(), 4, 3, 3, 1};
  EXPECT_EQ(refusal([&] {
              Linear<float, q4_0>({two_columns, three_columns});
            }),
            "rapt: weight[1]: the number of columns is 3; it has to be 2, as in weight[0]");
  const Linear<float, q4_0> of_blocks(two_columns);
  EXPECT_EQ(refusal([&] { of_blocks(x_matrix, y_matrix); }),
            "rapt: x: the number of columns is 6; it has to be 64, as in the weights");
}

TEST_F(LinearErrors, OfShapes) {
  EXPECT_EQ(refusal_of(linear, rapt::row_major<const float>(x.data(), 3, 5), y_matrix),
            "rapt: x: the number of columns is 5; it has to be 6, as in the weights");
  EXPECT_EQ(refusal_of(linear, x_matrix, rapt::row_major(y.data(), 2, 4)),
            "rapt: y: the number of rows is 2; it has to be 3, as in x");
  EXPECT_EQ(refusal_of(linear, x_matrix, rapt::row_major(y.data(), 3, 5)),
            "rapt: y: the number of columns is 5; it has to be 4, as in the weights' rows");
  EXPECT_EQ(refusal_of(linear, MatrixView<const float>{nullptr, 3, 6, 6, 1}, y_matrix),
            "rapt: x: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(refusal_of(linear, x_matrix, MatrixView<float>{nullptr, 3, 4, 4, 1}),
            "rapt: y: data is a null pointer; it has to point to the elements, as no extent is 0");
  const Linear<float> two({weight, weight});
  EXPECT_EQ(refusal_of(two, x_matrix, y_matrix),
            "rapt: y: the number of outputs is 1; there has to be one for each weight");
  const MatrixView<float> other = rapt::row_major(y.data() + 20, 3, 5);
  EXPECT_EQ(refusal_of(two, x_matrix, {y_matrix, other}),
            "rapt: y[1]: the number of columns is 5; it has to be 4, as in the weights' rows");
}

TEST_F(LinearErrors, OfSharedMemory) {
  EXPECT_EQ(refusal_of(linear, x_matrix, MatrixView<float>{y.data(), 3, 4, 0, 1}),
            "rapt: y: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is "
            "read)");
  EXPECT_EQ(refusal_of(linear, MatrixView<const float>{y.data() + 11, 3, 6, 6, 1}, y_matrix),
            "rapt: y: shares memory with x; it has to be apart from what is read");
  EXPECT_EQ(refusal_of(linear, MatrixView<const float>{y.data() + 12, 3, 6, 6, 1}, y_matrix), "");
  y.assign(100, sentinel<float>);
  const Linear<float> two({weight, weight});
  EXPECT_EQ(refusal_of(two, x_matrix, {y_matrix, rapt::row_major(y.data() + 11, 3, 4)}),
            "rapt: y[1]: shares memory with y[0]; it has to be apart from it");
}

/// The outputs of stacked weights may take turns in the rows of one matrix.
TEST_F(LinearErrors, AreNotMadeOfInterleavedOutputs) {
  const Linear<float> two({weight, weight});
  EXPECT_EQ(refusal([&] { two(x_matrix, {{y.data(), 3, 4, 8, 1}, {y.data() + 4, 3, 4, 8, 1}}); }), "");
}

TEST_F(LinearErrors, OfALinearThatWasMovedFrom) {
  const Linear<float> taken = std::move(linear);
  EXPECT_EQ(refusal_of(linear, x_matrix, y_matrix), "rapt: linear: was moved from; it has to hold weights");
}

TEST_F(LinearErrors, OfOptions) {
  rapt::Workspace small(nullptr, 0);
  LinearOptions options{.workspace = &small};
  EXPECT_EQ(refusal_of(linear, x_matrix, y_matrix, options).find("rapt: workspace: has 0 bytes; it has to have "), 0u);
  ReverseExecutor nobody(0);
  EXPECT_EQ(refusal_of(linear, x_matrix, y_matrix, LinearOptions{.executor = &nobody}),
            "rapt: executor: workers() is 0; it has to be 1 or more");
  for (Isa isa : rapt::all_isas) {
    if (rapt::supported(isa)) continue;
    const std::string text = refusal_of(linear, x_matrix, y_matrix, LinearOptions{.isa = isa});
    EXPECT_EQ(text.find("rapt: options.isa: is " + std::string(name(isa))), 0u) << text;
  }
}

class ThrowingExecutor final : public rapt::Executor {
 public:
  int workers() const override { return 2; }
  void run(int, rapt::FunctionRef<void(int)>) override { throw std::runtime_error("no threads today"); }
};

class IdleExecutor final : public rapt::Executor {
 public:
  int workers() const override { return 2; }
  void run(int, rapt::FunctionRef<void(int)>) override {}
};

TEST(LinearExecutors, ThatThrowOrDoNothingAreHeardOf) {
  const Projection<float> p({40, 8, 130});
  const Linear<float> linear = p.linear();
  ThrowingExecutor throwing;
  IdleExecutor idle;
  EXPECT_THROW(projected(linear, p, {.executor = &throwing}), std::runtime_error);
  EXPECT_THROW(projected(linear, p, {.executor = &idle}), std::logic_error);
}

}  // namespace
}  // namespace rapt_test::linear_errors_test
