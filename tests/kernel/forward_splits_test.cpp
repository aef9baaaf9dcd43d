// A row's bits depend on that row alone: not on threads, on how the queries are cut, on the batch, or on split keys.
#include <vector>

#include "rapt/parallel/eigen.hpp"
#include "rapt/parallel/openmp.hpp"
#include "support/eigen_pool.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::forward_splits_test {
namespace {

class ForwardSplits : public OnEveryIsa {
 protected:
  template <class T> Options<T> options(rapt::Executor* executor = nullptr) const {
    return Options<T>{.executor = executor, .isa = GetParam()};
  }
};

/// Queries [first, last) of the views.
template <class T> Views<T> some_queries(Views<T> views, Index first, Index last) {
  views.q.data += first * views.q.stride[2];
  views.q.extent[2] = last - first;
  return views;
}
/// Keys and values [0, last) of the views.
template <class T> Views<T> first_keys(Views<T> views, Index last) {
  views.k.extent[2] = views.v.extent[2] = last;
  return views;
}

/// Rows [first, last) of `whole` are all of `piece`.
template <class T> void expect_rows(const Result<T>& whole, Index first, Index last, const Result<T>& piece) {
  const Shape& s = whole.shape;
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = first; i < last; ++i) {
        ASSERT_TRUE(same_bits(piece.row(b, h, i - first), whole.row(b, h, i), s.value_dim)) << "row " << i;
        ASSERT_EQ(bits(piece.lse_of(b, h, i - first)), bits(whole.lse_of(b, h, i))) << "row " << i;
      }
}

/// Shapes with many rows, with few rows and many spans, and with each number of registers that the last rows may fill.
std::vector<Shape> shapes() {
  std::vector<Shape> found = {{2, 4, 2, 150, 190, 16, 24}, {1, 2, 1, 1, 2600, 8, 8}, {1, 8, 8, 3, 1400, 16, 8}};
  for (const Index q_len : {2, 4, 7, 8, 9, 12, 16, 17, 20, 24, 33, 36, 40, 48, 50, 64, 65, 100, 130})
    found.push_back({1, 1, 1, q_len, 2100, 8, 8});
  return found;
}

template <class T> void expect_same_with(const std::vector<rapt::Executor*>& executors, const Options<T>& serial) {
  for (const Shape& shape : shapes()) {
    const Inputs<T> inputs(shape, 5);
    for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::Plain{}), Mask(rapt::window(700, 0))}) {
      const Result<T> expected = attend(inputs.views(), mask, serial);
      for (rapt::Executor* executor : executors) {
        Options<T> parallel = serial;
        parallel.executor = executor;
        ASSERT_TRUE(same_bits(attend(inputs.views(), mask, parallel), expected))
            << shape << ", mask " << describe(mask) << ", workers " << executor->workers();
      }
    }
  }
}

TEST_P(ForwardSplits, ThreadsDoNotChangeABit) {
  ReverseExecutor one(1), two(2), three(3), four(4), five(5), six(6), seven(7);
  ThreadExecutor two_threads(2), seven_threads(7);
  expect_same_with({&one, &two, &three, &four, &five, &six, &seven, &two_threads, &seven_threads}, options<float>());
  expect_same_with({&two, &seven, &seven_threads}, options<double>());
}

TEST_P(ForwardSplits, APoolOfEigensDoesNotChangeABit) {
  Eigen::ThreadPool pool(3);
  rapt::EigenExecutor executor(pool);
  expect_same_with({&executor}, options<float>());
}

TEST_P(ForwardSplits, OpenMpDoesNotChangeABit) {
#ifdef _OPENMP
  rapt::OpenMpExecutor two(2), three(3);
  expect_same_with({&two, &three}, options<float>());
#else
  GTEST_SKIP() << "compiled without OpenMP";
#endif
}

TEST_P(ForwardSplits, SomeOfTheShapesDealSpansOut) {
  int split = 0;
  ReverseExecutor executor(7);
  for (const Shape& shape : shapes()) {
    const Inputs<float> inputs(shape, 5);
    Result<float> result(shape);
    const auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), {},
                                 options<float>(&executor));
    split += plan.explain().find("dealt into") != std::string::npos;
  }
  EXPECT_GE(split, 3);  // more where the lanes are wide
}

template <class T> void expect_split_keys_are_the_contracts(const Options<T>& options) {
  for (const Index rows : {1, 3, 12, 24, 40, 48}) {
    const Inputs<T> inputs({1, rows, 1, 1, 3000, 16, 8}, 3);
    EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::Plain{}, options), attend_by_contract(inputs.views())))
        << rows << " heads";
  }
}
TEST_P(ForwardSplits, KeysDealtToManyWorkersGiveTheContractsBits) {
  for (const int workers : {2, 5, 16}) {
    ReverseExecutor executor(workers);
    expect_split_keys_are_the_contracts(options<float>(&executor));
    expect_split_keys_are_the_contracts(options<double>(&executor));
  }
}

TEST_P(ForwardSplits, MoreWorkersThanSpansOrRowsDoNotChangeABit) {
  LoneExecutor lone(1000);
  ReverseExecutor reverse(1000);
  expect_same_with({&lone, &reverse}, options<float>());
}

TEST_P(ForwardSplits, AChunkOfCausalQueriesHasTheRowsOfTheWhole) {
  const Inputs<float> inputs({2, 4, 2, 300, 300, 16, 12}, 7);
  const Result<float> whole = attend(inputs.views(), rapt::causal(), options<float>());
  for (const Index chunk : {1, 7, 16, 63, 64, 65, 100, 299})
    for (Index first = 0; first < inputs.shape.q_len; first += chunk) {
      SCOPED_TRACE(testing::Message() << "chunk of " << chunk << " from " << first);
      const Index last = std::min(first + chunk, inputs.shape.q_len);
      const Views<float> queries = some_queries(inputs.views(), first, last);
      expect_rows(whole, first, last, attend(queries, rapt::causal(rapt::align::offset(first)), options<float>()));
      expect_rows(whole, first, last, attend(first_keys(queries, last), rapt::causal(), options<float>()));
      if (HasFatalFailure()) return;
    }
}

TEST_P(ForwardSplits, AWindowsChunksHaveTheRowsOfTheWhole) {
  const Inputs<double> inputs({1, 6, 2, 700, 700, 8, 8}, 8);
  const rapt::Band window = rapt::window(90, 20);
  const Result<double> whole = attend(inputs.views(), window, options<double>());
  Random random(9);
  for (Index first = 0, last = 0; first < inputs.shape.q_len; first = last) {
    last = std::min(first + 1 + random.below(90), inputs.shape.q_len);
    SCOPED_TRACE(testing::Message() << "queries " << first << " to " << last);
    expect_rows(whole, first, last,
                attend(some_queries(inputs.views(), first, last),
                       window | rapt::Band{.align = rapt::align::offset(first)}, options<double>()));
    if (HasFatalFailure()) return;
  }
}

TEST_P(ForwardSplits, ASequenceAloneHasItsRowsOfTheBatch) {
  const Inputs<float> inputs({3, 4, 2, 40, 200, 16, 16}, 10);
  const Result<float> batch = attend(inputs.views(), rapt::causal(), options<float>());
  for (Index b = 0; b < inputs.shape.batch; ++b) {
    Views<float> alone = inputs.views();
    for (View<const float>* view : {&alone.q, &alone.k, &alone.v})
      view->data += b * view->stride[0], view->extent[0] = 1;
    const Result<float> result = attend(alone, rapt::causal(), options<float>());
    EXPECT_TRUE(same_bits(result.out.data(), batch.row(b, 0, 0), static_cast<Index>(result.out.size())));
  }
}

TEST_P(ForwardSplits, AHeadAloneHasItsRowsOfTheGroup) {
  const Inputs<float> inputs({1, 6, 2, 40, 200, 16, 16}, 11);
  const Result<float> together = attend(inputs.views(), rapt::causal(), options<float>());
  for (Index h = 0; h < inputs.shape.q_heads; ++h) {
    Views<float> alone = inputs.views();
    alone.q.data += h * alone.q.stride[1];
    for (View<const float>* view : {&alone.k, &alone.v}) view->data += h / 3 * view->stride[1];
    for (View<const float>* view : {&alone.q, &alone.k, &alone.v}) view->extent[1] = 1;
    const Result<float> result = attend(alone, rapt::causal(), options<float>());
    EXPECT_TRUE(same_bits(result.out.data(), together.row(0, h, 0), static_cast<Index>(result.out.size())))
        << "head " << h;
  }
}

RAPT_ON_EVERY_ISA(ForwardSplits);

}  // namespace
}  // namespace rapt_test::forward_splits_test
