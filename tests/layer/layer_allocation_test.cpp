// Who allocates: a call its workspace, once; and nothing at all once the caller's is large enough. Replaces this
// program's operator new.
#include "layer/layers.hpp"
#include "support/allocations.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::layer_allocation_test {
namespace {

TEST(LayerAllocationCounter, CountsAnAllocation) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(10)); }), 1);
}

class LayerAllocations : public OnEveryIsa {
 protected:
  Weights<float> weights{causal_layers().at(2).config};
  AttentionLayer<float> layer = weights.layer();
  States<float> x{2, 150, weights.config.hidden_size, 3}, y{2, 150, weights.config.hidden_size};
};

TEST_P(LayerAllocations, OfACallWithoutAWorkspaceAreOne) {
  KvCache<float> cache(layer.cache_shape(2, 150));
  EXPECT_EQ(allocations_of([&] { layer.forward(x.all(), y.all(), {.isa = GetParam()}); }), 1);
  EXPECT_EQ(allocations_of([&] { layer.forward(x.all(), y.all(), cache, {.isa = GetParam()}); }), 1);
}

/// Through a prompt in the same workspace, which is then large enough.
template <class Cache>
void expect_no_allocation_of_steps(const AttentionLayer<float>& layer, const States<float>& x, States<float>& y,
                                   Cache& cache, Isa isa) {
  rapt::Workspace workspace;
  ReverseExecutor executor(3);
  const LayerOptions options{.executor = &executor, .workspace = &workspace, .isa = isa};
  run_in_chunks(layer, x, y, cache, 0, 101, 20, options);
  EXPECT_EQ(allocations_of([&] { run_in_chunks(layer, x, y, cache, 101, 149, 1, options); }), 0);
  LayerOptions one = options;
  one.sequence = 1;
  EXPECT_EQ(allocations_of([&] { layer.forward(entry(x.some(149, 150), 1), entry(y.some(149, 150), 1), cache, one); }),
            0);
}

TEST_P(LayerAllocations, OfDecodingStepsAreNone) {
  KvCache<float> cache(layer.cache_shape(2, 150));
  KvCache<Eigen::bfloat16> narrow(layer.cache_shape(2, 150));
  RingCache<Eigen::half> ring(layer.cache_shape(2, 100));
  expect_no_allocation_of_steps(layer, x, y, cache, GetParam());
  expect_no_allocation_of_steps(layer, x, y, narrow, GetParam());
  expect_no_allocation_of_steps(layer, x, y, ring, GetParam());
}

/// Even the first step needs no more than what a step of that many keys needs.
TEST_P(LayerAllocations, OfStepsInAWorkspaceOfTheCallersAreNone) {
  KvCache<float> cache(layer.cache_shape(1, 150));
  alignas(64) static std::byte memory[1 << 20];
  rapt::Workspace workspace(memory, sizeof memory);
  EXPECT_EQ(allocations_of([&] {
              for (Index i = 0; i < 150; ++i)
                layer.forward(entry(x.some(i, i + 1), 0), entry(y.some(i, i + 1), 0), cache,
                              {.workspace = &workspace, .isa = GetParam()});
            }),
            0);
}

TEST_P(LayerAllocations, OfCallsWithoutACacheAndOfCrossAttentionAreNone) {
  rapt::Workspace workspace;
  const LayerOptions options{.workspace = &workspace, .isa = GetParam()};
  const Weights<float> cross_weights(
      {.hidden_size = 32, .num_heads = 4, .memory_size = 24, .qk_norm = QkNorm::weight, .causal = false});
  const AttentionLayer<float> cross = cross_weights.layer();
  const States<float> memory(2, 90, 24, 4), queries(2, 7, 32, 5);
  States<float> answers(2, 7, 32);
  KvCache<float> cache(cross.cache_shape(2, 90));
  const auto all = [&] {
    layer.forward(x.all(), y.all(), options);
    cross.cross_attend(queries.all(), memory.all(), answers.all(), options);
    cross.project_memory(memory.all(), cache, options);
    cross.cross_attend(queries.all(), answers.all(), cache, options);
    for (const Index s : {0, 1}) cache.truncate(s, 0);
  };
  all();
  EXPECT_EQ(allocations_of(all), 0);
}

/// A workspace that can't grow is refused before anything is appended.
TEST_P(LayerAllocations, WithoutMemoryChangeNothing) {
  KvCache<float> cache(layer.cache_shape(2, 150));
  alignas(64) static std::byte memory[1 << 10];
  rapt::Workspace small(memory, sizeof memory);
  EXPECT_THROW(layer.forward(x.all(), y.all(), cache, {.workspace = &small, .isa = GetParam()}), std::invalid_argument);
  no_memory = true;
  EXPECT_THROW(layer.forward(x.all(), y.all(), cache, {.isa = GetParam()}), std::bad_alloc);
  no_memory = false;
  EXPECT_EQ(cache.length(0), 0);
  for (const float number : y.numbers) ASSERT_EQ(number, sentinel<float>);
}

RAPT_ON_EVERY_ISA(LayerAllocations);

}  // namespace
}  // namespace rapt_test::layer_allocation_test
