// A cache's memory: it is allocated once, a decoding step allocates nothing, and what is never written to is of no
// consequence. Replaces this program's operator new.
#include "support/allocations.hpp"
#include "support/caches.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::cache_memory_test {
namespace {

class CacheMemory : public OnEveryIsa {};

TEST(CacheAllocationCounter, CountsAnAllocation) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10)); }), 1);
}

template <class K> void expect_no_allocation_of_a_step(Isa isa, rapt::Executor* executor, Index q_heads) {
  using T = Arithmetic<K>;
  const Shape shape{2, q_heads, 2, 1, 700, 24, 40};
  const Inputs<T> inputs(shape, 1);
  const Views<T> in = inputs.views();
  Result<T> result(shape);
  rapt::KvCache<K> cache(cache_shape(shape, 700), isa);
  rapt::RingCache<K> ring(cache_shape(shape, 64), isa);
  rapt::Workspace workspace;
  const Options<T> options{.lse = result.lse_view(), .executor = executor, .workspace = &workspace, .isa = isa};
  cache.append(in.k, in.v);  // as long as it gets: so much a workspace has to hold
  rapt::attention(in.q, cache, result.out_view(), rapt::causal(), options);
  for (Index s = 0; s < 2; ++s) cache.truncate(s, 0);
  EXPECT_EQ(allocations_of([&] {
              for (Index i = 0; i < 700; i += 1) {
                const View<const T> k = positions(in.k, i, i + 1), v = positions(in.v, i, i + 1);
                cache.append(k, v);
                ring.append(k, v);
                if (i % 50 > 1) continue;
                rapt::attention(in.q, cache, result.out_view(), rapt::causal(), options);
                rapt::attention(in.q, ring, result.out_view(), rapt::window(63, 0), options);
                cache.truncate(1, i);
                cache.fork(0, 1);
              }
            }),
            0);
}
TEST_P(CacheMemory, IsNotAllocatedInADecodingStep) {
  ReverseExecutor executor(3);
  for (const Index q_heads : {4, 34}) {
    expect_no_allocation_of_a_step<float>(GetParam(), nullptr, q_heads);
    expect_no_allocation_of_a_step<float>(GetParam(), &executor, q_heads);
    expect_no_allocation_of_a_step<Eigen::bfloat16>(GetParam(), nullptr, q_heads);
  }
}

/// Memory full of zeros against memory full of NaN: lanes behind the end of a block of keys and of a row of values.
template <class K> void expect_unwritten_memory_of_no_consequence(Isa isa) {
  using T = Arithmetic<K>;
  for (const Index length : {1, 17, 63, 70, 513})
    for (const Index q_len : {1, 3, 20})
      for (const Mask& mask : {Mask(rapt::Plain{}), Mask(rapt::causal()), Mask(rapt::window(5, 1))}) {
        const Inputs<T> inputs({1, 3, 1, q_len, length, 9, 19}, 2);
        filling = 0;
        const auto expected = attend<K>(inputs.views().q, cache_of<K>(inputs.views(), isa).view(), mask, {.isa = isa});
        filling = 0xff;
        const auto found = attend<K>(inputs.views().q, cache_of<K>(inputs.views(), isa).view(), mask, {.isa = isa});
        filling = 0;
        ASSERT_TRUE(same_bits(found, expected)) << length << " keys, " << q_len << " queries, mask " << describe(mask);
      }
}
TEST_P(CacheMemory, ThatWasNeverWrittenToIsOfNoConsequence) {
  expect_unwritten_memory_of_no_consequence<float>(GetParam());
  expect_unwritten_memory_of_no_consequence<double>(GetParam());
  expect_unwritten_memory_of_no_consequence<Eigen::half>(GetParam());
  expect_unwritten_memory_of_no_consequence<Eigen::bfloat16>(GetParam());
}

RAPT_ON_EVERY_ISA(CacheMemory);

}  // namespace
}  // namespace rapt_test::cache_memory_test
