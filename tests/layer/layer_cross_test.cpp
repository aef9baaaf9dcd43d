// Cross-attention: the bits of the scalar transcription, whether a memory is projected for the call or was beforehand.
#include "layer/layers.hpp"
#include "layer/transcribed.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::layer_cross_test {
namespace {

const LayerConfig config{.hidden_size = 30,
                         .num_heads = 6,
                         .num_kv_heads = 2,
                         .head_dim = 10,
                         .value_dim = 14,
                         .memory_size = 44,
                         .q_bias = true,
                         .v_bias = true,
                         .o_bias = true,
                         .qk_norm = QkNorm::weight,
                         .causal = false};

class CrossAttention : public OnEveryIsa {
 protected:
  LayerOptions options{.isa = GetParam()};
};

template <class T> void expect_transcribed(Index m, const LayerOptions& options) {
  const Weights<T> w(config);
  const AttentionLayer<T> layer = w.layer();
  const States<T> x(2, 21, 30, 3), memory(2, m, 44, 4);
  States<T> y(2, 21, 30);
  const std::vector<T> right = transcribed_layer(w, x, memory);
  layer.cross_attend(x.all(), memory.all(), y.all(), options);
  EXPECT_TRUE(same_bits(y.numbers, right)) << m;

  // Projected once, whole or in pieces, and attended to a query at a time.
  for (const Index piece : {m, Index(7)}) {
    KvCache<T> cache(layer.cache_shape(2, std::max<Index>(m, 1)));
    for (Index i = 0; i < m; i += piece) layer.project_memory(memory.some(i, std::min(i + piece, m)), cache, options);
    EXPECT_EQ(cache.length(0), m);
    y.numbers.assign(y.numbers.size(), sentinel<T>);
    for (Index i = 0; i < x.length; ++i) layer.cross_attend(x.some(i, i + 1), y.some(i, i + 1), cache, options);
    EXPECT_TRUE(same_bits(y.numbers, right)) << m << " in pieces of " << piece;
    EXPECT_EQ(cache.length(0), m);
  }
}

TEST_P(CrossAttention, HasTheBitsOfTheTranscription) {
  for (const Index m : {1, 64, 90}) {
    expect_transcribed<float>(m, options);
    expect_transcribed<double>(m, options);
  }
}

TEST_P(CrossAttention, ToAnEmptyMemoryIsTheBiasOfTheOutput) {
  const Weights<float> w(config);
  const AttentionLayer<float> layer = w.layer();
  const States<float> x(2, 3, 30, 5), memory(2, 0, 44);
  const KvCache<float> cache(layer.cache_shape(2, 8));
  States<float> y(2, 3, 30), from_cache(2, 3, 30);
  layer.cross_attend(x.all(), memory.all(), y.all(), options);
  layer.cross_attend(x.all(), from_cache.all(), cache, options);
  for (std::size_t i = 0; i < y.numbers.size(); ++i) ASSERT_EQ(y.numbers[i], w.o_bias[i % 30]);
  EXPECT_TRUE(same_bits(from_cache.numbers, y.numbers));
}

TEST_P(CrossAttention, ToMemoriesOfDifferentLengthsIsThatToEachAlone) {
  const Weights<float> w(config);
  const AttentionLayer<float> layer = w.layer();
  const Index lengths[] = {5, 70, 33};
  const States<float> x(3, 4, 30, 6);
  KvCache<Eigen::bfloat16> together(layer.cache_shape(3, 70));
  std::vector<float> right;
  for (Index s = 0; s < 3; ++s) {
    const States<float> memory(1, lengths[s], 44, 7 + static_cast<std::uint64_t>(s));
    LayerOptions one = options;
    one.sequence = s;
    layer.project_memory(memory.all(), together, one);
    KvCache<Eigen::bfloat16> alone(layer.cache_shape(1, 70));
    layer.project_memory(memory.all(), alone, options);
    States<float> y(1, 4, 30), in_batch(1, 4, 30);
    layer.cross_attend(entry(x.all(), s), y.all(), alone, options);
    layer.cross_attend(entry(x.all(), s), in_batch.all(), together, one);
    EXPECT_TRUE(same_bits(in_batch.numbers, y.numbers)) << s;
    right.insert(right.end(), y.numbers.begin(), y.numbers.end());
  }
  States<float> y(3, 4, 30);
  layer.cross_attend(x.all(), y.all(), together, options);
  EXPECT_TRUE(same_bits(y.numbers, right));
}

TEST_P(CrossAttention, DoesNotDependOnThreads) {
  const Weights<float> w(config);
  const AttentionLayer<float> layer = w.layer();
  const States<float> x(2, 50, 30, 8), memory(2, 600, 44, 9);
  const std::vector<float> right = transcribed_layer(w, x, memory);
  for (int workers = 1; workers <= 4; ++workers) {
    ThreadExecutor threads(workers);
    LayerOptions o = options;
    o.executor = &threads;
    States<float> y(2, 50, 30);
    layer.cross_attend(x.all(), memory.all(), y.all(), o);
    EXPECT_TRUE(same_bits(y.numbers, right)) << workers;
    KvCache<float> cache(layer.cache_shape(2, 600));
    layer.project_memory(memory.all(), cache, o);
    layer.cross_attend(x.some(0, 1), y.some(0, 1), cache, o);
    EXPECT_TRUE(same_bits(y.numbers, right)) << workers << " and a cache";
  }
}

RAPT_ON_EVERY_ISA(CrossAttention);

}  // namespace
}  // namespace rapt_test::layer_cross_test
