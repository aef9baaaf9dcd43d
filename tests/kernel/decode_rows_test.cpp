// Few queries have the bits of the contract, and those that they have among many: which kernel takes a row shows in
// nothing.
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::decode_rows_test {
namespace {

class DecodeRows : public OnEveryIsa {
 protected:
  bool takes_few() const { return GetParam() != Isa::generic; }
};

const std::vector<Mask> masks = {rapt::Plain{},
                                 rapt::causal(),
                                 rapt::window(40, 3),
                                 rapt::causal(rapt::align::top_left),
                                 rapt::window(0, 0),
                                 rapt::causal() | rapt::window(200, -1),
                                 rapt::window(-1, 1, rapt::align::offset(30))};

template <class T> void expect_contracts_bits(Isa isa) {
  std::uint64_t seed = 1;
  for (const Index kv_len : {0, 1, 17, 63, 64, 65, 130, 513, 1100})
    for (const Index dim : {1, 3, 8, 16, 31, 64, 100}) {
      const Index value_dim = 1 + (dim * 7 + kv_len) % 90, group = 1 + static_cast<Index>(seed % 8),
                  q_len = 1 + kv_len % (16 / group);
      const Inputs<T> inputs({1, 2 * group, 2, q_len, kv_len, dim, value_dim}, seed);
      const Mask& mask = masks[seed % masks.size()];
      ASSERT_TRUE(
          same_bits(attend(inputs.views(), mask, Options<T>{.isa = isa}), attend_by_contract(inputs.views(), mask)))
          << inputs.shape << ", mask " << describe(mask);
      ++seed;
    }
}
TEST_P(DecodeRows, HaveTheContractsBits) {
  expect_contracts_bits<float>(GetParam());
  expect_contracts_bits<double>(GetParam());
}

/// Which kernel takes how many rows of a head: 16 are few, 17 are not.
TEST_P(DecodeRows, AreSixteenAtMost) {
  for (const Index rows : {1, 16, 17}) {
    const Inputs<float> inputs({1, rows, 1, 1, 70, 8, 8}, 2);
    Result<float> result(inputs.shape);
    const auto plan =
        rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), {.isa = GetParam()});
    EXPECT_EQ(plan.explain().find("keys in the lanes") != std::string::npos, takes_few() && rows <= 16) << rows;
  }
}

/// The first rows of 1, 2, … queries are the first rows of 40, which the kernel for many takes.
template <class T> void expect_rows_shared(Isa isa, Index group) {
  for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal(rapt::align::offset(500))),
                           Mask(rapt::window(100, 5, rapt::align::offset(560)))}) {
    const Inputs<T> inputs({1, group, 1, 40, 600, 24, 20}, 3);
    const Options<T> options{.isa = isa};
    const Result<T> many = attend(inputs.views(), mask, options);
    for (Index count = 1; count * group <= 18 || count == 1; ++count) {
      Views<T> some = inputs.views();
      some.q = positions(some.q, 0, count);
      ASSERT_TRUE(same_rows(attend(some, mask, options), many, 0, count))
          << count << " queries of " << group << " heads, mask " << describe(mask);
    }
  }
}
TEST_P(DecodeRows, AreWhatTheyAreAmongMany) {
  for (const Index group : {1, 2, 3, 5, 8, 16, 17}) {
    expect_rows_shared<float>(GetParam(), group);
    expect_rows_shared<double>(GetParam(), group);
  }
}

TEST_P(DecodeRows, OfABatchAreWhatTheyAreAlone) {
  const Inputs<float> inputs({3, 6, 2, 2, 600, 16, 24}, 4);
  const Result<float> batch = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  for (Index b = 0; b < 3; ++b) {
    const Views<float> alone{entry(inputs.views().q, b), entry(inputs.views().k, b), entry(inputs.views().v, b)};
    const Result<float> result = attend(alone, rapt::causal(), Options<float>{.isa = GetParam()});
    EXPECT_TRUE(same_bits(result.out.data(), batch.row(b, 0, 0), static_cast<Index>(result.out.size())));
  }
}

/// Spans of each head are dealt to workers, and merged by whoever ends last.
TEST_P(DecodeRows, AreTheSameWithThreads) {
  for (const Shape& shape :
       {Shape{1, 1, 1, 1, 2600, 8, 8}, Shape{1, 6, 2, 5, 1100, 9, 17}, Shape{2, 16, 1, 1, 600, 8, 8}}) {
    const Inputs<double> inputs(shape, 5);
    for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::window(530, 0))}) {
      const Result<double> expected = attend_by_contract(inputs.views(), mask);
      for (const int workers : {1, 2, 3, 4, 5, 6, 7, 200}) {
        ReverseExecutor reverse(workers);
        ThreadExecutor threads(std::min(workers, 7));
        for (rapt::Executor* executor :
             {static_cast<rapt::Executor*>(&reverse), static_cast<rapt::Executor*>(&threads)})
          ASSERT_TRUE(same_bits(attend(inputs.views(), mask, Options<double>{.executor = executor, .isa = GetParam()}),
                                expected))
              << shape << ", " << workers << " workers";
      }
    }
  }
}

/// Where the heads of a position stand side by side, they take turns at each span.
TEST_P(DecodeRows, AreTheSameWhereHeadsTakeTurns) {
  const Shape shape{2, 6, 3, 2, 1100, 9, 17};
  const Inputs<float> inputs(shape, 6);
  Views<float> views = inputs.views();  // the same numbers, read as if they stood in another order
  views.k = rapt::bshd(inputs.views().k.data, shape.batch, shape.kv_len, shape.kv_heads, shape.head_dim);
  views.v = rapt::bshd(inputs.views().v.data, shape.batch, shape.kv_len, shape.kv_heads, shape.value_dim);
  for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::window(530, 0))}) {
    const Result<float> expected = attend_by_contract(views, mask);
    ASSERT_TRUE(same_bits(attend(views, mask, Options<float>{.isa = GetParam()}), expected));
    for (const int workers : {1, 2, 5, 200}) {
      ReverseExecutor reverse(workers);
      ThreadExecutor threads(std::min(workers, 7));
      for (rapt::Executor* executor : {static_cast<rapt::Executor*>(&reverse), static_cast<rapt::Executor*>(&threads)})
        ASSERT_TRUE(same_bits(attend(views, mask, Options<float>{.executor = executor, .isa = GetParam()}), expected))
            << workers << " workers";
    }
  }
}

RAPT_ON_EVERY_ISA(DecodeRows);

}  // namespace
}  // namespace rapt_test::decode_rows_test
