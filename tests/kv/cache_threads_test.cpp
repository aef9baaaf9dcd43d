// Threads change no bit of attention to a cache, however its spans are dealt.
#include <memory>
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::cache_threads_test {
namespace {

class CacheThreads : public OnEveryIsa {};

/// Few heads with many spans, many heads with few, and sequences that end in different spans.
const std::vector<Shape> shapes = {{1, 1, 1, 1, 2600, 8, 8}, {1, 4, 1, 4, 2100, 16, 24}, {1, 7, 1, 1, 1100, 9, 17},
                                   {2, 8, 4, 2, 700, 8, 8},  {3, 2, 1, 17, 1300, 8, 8},  {1, 1, 1, 3, 5, 8, 8}};

template <class K> rapt::KvCache<K> uneven_cache(const Views<Arithmetic<K>>& in, Isa isa) {
  rapt::KvCache<K> cache(cache_shape(in.shape(), in.k.length()), isa);
  for (Index s = 0; s < in.k.batch(); ++s) {
    const Index length = in.k.length() - 600 * s;
    cache.append(s, positions(entry(in.k, s), 0, length), positions(entry(in.v, s), 0, length));
  }
  return cache;
}

template <class K> void expect_same_with(const std::vector<rapt::Executor*>& executors, Isa isa) {
  for (const Shape& shape : shapes) {
    const Inputs<Arithmetic<K>> inputs(shape, 1);
    const rapt::KvCache<K> cache = uneven_cache<K>(inputs.views(), isa);
    for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(700, 0))}) {
      const auto expected = attend<K>(inputs.views().q, cache.view(), mask, {.isa = isa});
      for (rapt::Executor* executor : executors)
        ASSERT_TRUE(
            same_bits(attend<K>(inputs.views().q, cache.view(), mask, {.executor = executor, .isa = isa}), expected))
            << shape << ", mask " << describe(mask) << ", workers " << executor->workers();
    }
  }
}

TEST_P(CacheThreads, DoNotChangeABit) {
  ReverseExecutor one(1), two(2), three(3), four(4), five(5), six(6), seven(7);
  expect_same_with<float>({&one, &two, &three, &four, &five, &six, &seven}, GetParam());
  expect_same_with<Eigen::bfloat16>({&two, &seven}, GetParam());
}

TEST_P(CacheThreads, ThatRunAtOnceDoNotChangeABit) {
  ThreadExecutor two(2), seven(7);
  expect_same_with<float>({&two, &seven}, GetParam());
  expect_same_with<Eigen::half>({&seven}, GetParam());
}

TEST_P(CacheThreads, MoreWorkersThanWorkDoNotChangeABit) {
  LoneExecutor lone(1000);
  ReverseExecutor reverse(300);
  expect_same_with<float>({&lone, &reverse}, GetParam());
}

TEST_P(CacheThreads, SpansOfOneHeadAreDealt) {
  const Inputs<float> inputs(shapes[0], 1);
  const rapt::KvCache<float> cache = uneven_cache<float>(inputs.views(), GetParam());
  Result<float> result(shapes[0]);
  ReverseExecutor executor(3);
  const auto plan = rapt::plan(inputs.views().q, cache, result.out_view(), rapt::causal(),
                               {.executor = &executor, .isa = GetParam()});
  EXPECT_NE(plan.explain().find("dealt into"), std::string::npos) << plan.explain();
  EXPECT_EQ(plan.work_items(), 6);  // one a span
}

RAPT_ON_EVERY_ISA(CacheThreads);

}  // namespace
}  // namespace rapt_test::cache_threads_test
