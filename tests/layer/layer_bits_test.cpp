// A layer's outputs are those of the scalar transcription, in every bit: at once, in chunks or token by token, alone or
// in a batch, from any cache, with any strides, threads and instruction set.
#include "layer/layers.hpp"
#include "layer/transcribed.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::layer_bits_test {
namespace {

class LayerBits : public OnEveryIsa {
 protected:
  LayerOptions options{.isa = GetParam()};
};

template <class T> void expect_transcribed(const Named& named, const LayerOptions& options) {
  const Weights<T> w(named.config);
  const States<T> x(2, 90, w.config.hidden_size, 7);
  EXPECT_TRUE(same_bits(without_cache(w.layer(), x, options), transcribed_layer(w, x, x))) << named;
}

TEST_P(LayerBits, AreThoseOfTheTranscription) {
  for (const Named& named : causal_layers()) {
    expect_transcribed<float>(named, options);
    expect_transcribed<double>(named, options);
  }
}

TEST_P(LayerBits, OfABidirectionalLayerAreThoseOfTheTranscription) {
  for (Named named : causal_layers()) {
    named.config.causal = false;
    named.config.window = 0;
    expect_transcribed<float>(named, options);
  }
}

/// A cache that keeps T as it is.
template <class T, class Cache> void expect_same_in_pieces(const Named& named, Cache cache_of, const LayerOptions& o) {
  constexpr Index length = 150;
  const Weights<T> w(named.config);
  const AttentionLayer<T> layer = w.layer();
  const States<T> x(2, length, w.config.hidden_size, 8);
  const std::vector<T> whole = without_cache(layer, x, o);
  for (const Index prompt : {Index(0), Index(1), Index(100), length})
    for (const Index chunk : {Index(1), Index(31), length}) {
      auto cache = cache_of(layer);
      States<T> y(2, length, x.size);
      run_in_chunks(layer, x, y, cache, 0, prompt, chunk, o);
      run_in_chunks(layer, x, y, cache, prompt, length, Index(1), o);
      EXPECT_TRUE(same_bits(y.numbers, whole)) << named << ", a prompt of " << prompt << " in chunks of " << chunk;
      EXPECT_EQ(cache.length(1), length);
    }
}

TEST_P(LayerBits, AreTheSameAtOnceInChunksAndTokenByToken) {
  for (const Named& named : causal_layers()) {
    expect_same_in_pieces<float>(
        named, [](const auto& layer) { return KvCache<float>(layer.cache_shape(2, 150)); }, options);
    expect_same_in_pieces<double>(
        named, [](const auto& layer) { return KvCache<double>(layer.cache_shape(2, 200)); }, options);
  }
}

TEST_P(LayerBits, AreTheSameFromARing) {
  constexpr Index length = 300;
  for (const Named& named : causal_layers()) {
    if (named.config.window == 0) continue;
    const Weights<float> w(named.config);
    const AttentionLayer<float> layer = w.layer();
    const States<float> x(1, length, w.config.hidden_size, 9);
    const std::vector<float> whole = without_cache(layer, x, options);
    for (const Index chunk : {1, 20}) {
      RingCache<float> ring(layer.cache_shape(1, w.config.window - 1 + chunk));
      States<float> y(1, length, x.size);
      run_in_chunks(layer, x, y, ring, 0, length, chunk, options);
      EXPECT_TRUE(same_bits(y.numbers, whole)) << named << ", chunks of " << chunk;
      EXPECT_GT(ring.first(0), 0);
    }
  }
}

/// 16 bits change the numbers, and still no bit between prefill, chunks and steps; nor between the two caches.
template <class K> void expect_same_in_16_bits(const LayerOptions& options) {
  constexpr Index length = 130;
  const Weights<float> w(causal_layers().at(2).config);
  const AttentionLayer<float> layer = w.layer();
  const States<float> x(2, length, w.config.hidden_size, 10);
  KvCache<K> at_once(layer.cache_shape(2, length));
  States<float> whole(2, length, x.size);
  layer.forward(x.all(), whole.all(), at_once, options);
  for (const Index chunk : {1, 17}) {
    KvCache<K> cache(layer.cache_shape(2, length));
    RingCache<K> ring(layer.cache_shape(2, w.config.window - 1 + chunk));
    States<float> y(2, length, x.size), from_ring(2, length, x.size);
    run_in_chunks(layer, x, y, cache, 0, length, chunk, options);
    run_in_chunks(layer, x, from_ring, ring, 0, length, chunk, options);
    EXPECT_TRUE(same_bits(y.numbers, whole.numbers)) << chunk;
    EXPECT_TRUE(same_bits(from_ring.numbers, whole.numbers)) << chunk;
  }
}

TEST_P(LayerBits, AreTheSameInPiecesWithACacheOf16Bits) {
  expect_same_in_16_bits<Eigen::half>(options);
  expect_same_in_16_bits<Eigen::bfloat16>(options);
}

TEST_P(LayerBits, OfABatchAreThoseOfEachSequenceAlone) {
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config);
    const AttentionLayer<float> layer = w.layer();
    const Index lengths[] = {70, 0, 129}, more = 5;
    KvCache<float> together(layer.cache_shape(3, 160));
    const States<float> next(3, more, w.config.hidden_size, 11);
    std::vector<std::vector<float>> alone;
    for (Index s = 0; s < 3; ++s) {
      const States<float> prompt(1, lengths[s], w.config.hidden_size, 20 + static_cast<std::uint64_t>(s));
      States<float> y(1, lengths[s], prompt.size), of_it(1, more, prompt.size), in_batch(1, lengths[s], prompt.size);
      KvCache<float> own(layer.cache_shape(1, 160));
      layer.forward(prompt.all(), y.all(), own, options);
      layer.forward(entry(next.all(), s), of_it.all(), own, options);
      alone.push_back(of_it.numbers);
      LayerOptions one = options;
      one.sequence = s;
      layer.forward(prompt.all(), in_batch.all(), together, one);
      EXPECT_TRUE(same_bits(in_batch.numbers, y.numbers)) << named << ", sequence " << s;
    }
    States<float> y(3, more, next.size);
    layer.forward(next.all(), y.all(), together, options);
    for (Index s = 0; s < 3; ++s) {
      EXPECT_EQ(together.length(s), lengths[s] + more);
      EXPECT_TRUE(same_bits(entry(y.all(), s).data, alone[at(s)].data(), more * next.size)) << named << ", " << s;
    }
  }
}

TEST_P(LayerBits, DoNotDependOnThreads) {
  constexpr Index length = 70;
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config);
    const AttentionLayer<float> layer = w.layer();
    const States<float> x(2, length, w.config.hidden_size, 12);
    const std::vector<float> right = without_cache(layer, x, options);
    for (int workers = 1; workers <= 4; ++workers) {
      ThreadExecutor threads(workers);
      LoneExecutor lone(workers);
      ReverseExecutor reverse(workers);
      for (rapt::Executor* executor : {static_cast<rapt::Executor*>(&threads), static_cast<rapt::Executor*>(&lone),
                                       static_cast<rapt::Executor*>(&reverse)}) {
        LayerOptions o = options;
        o.executor = executor;
        EXPECT_TRUE(same_bits(without_cache(layer, x, o), right)) << named << ", " << workers << " workers";
        KvCache<float> cache(layer.cache_shape(2, length));
        States<float> y(2, length, x.size);
        run_in_chunks(layer, x, y, cache, 0, length - 3, length, o);
        run_in_chunks(layer, x, y, cache, length - 3, length, Index(1), o);
        EXPECT_TRUE(same_bits(y.numbers, right)) << named << ", " << workers << " workers and a cache";
      }
    }
  }
}

TEST_P(LayerBits, DoNotDependOnMoreThreadsThanWork) {
  const Weights<float> w({.hidden_size = 3, .num_heads = 1, .qk_norm = QkNorm::weight});
  const AttentionLayer<float> layer = w.layer();
  const States<float> x(1, 1, 3, 13);
  ThreadExecutor many(16);
  LayerOptions o = options;
  o.executor = &many;
  EXPECT_TRUE(same_bits(without_cache(layer, x, o), transcribed_layer(w, x, x)));
}

/// The memory orders that hidden states come in. The numbers stay the same.
std::vector<View<float>> orders_of(std::vector<float>& memory, Index batch, Index length, Index size) {
  memory.assign(at(4 * (batch + 1) * (length + 1) * (size + 3)), sentinel<float>);
  float* const data = memory.data();
  const std::array<Index, 4> extent{batch, 1, length, size};
  return {rapt::bsd(data, batch, length, size),
          rapt::sbd(data, length, batch, size),
          rapt::strided(data, extent, {length * (size + 3), size + 3, size + 3, 1}),                // padded rows
          rapt::strided(data, extent, {(length + 1) * size, size, size, 1}),                        // and sequences
          rapt::strided(data, extent, {2 * length * size, size, 2 * size, 2}),                      // spread numbers
          rapt::strided(data + batch * length * size, extent, {-length * size, size, -size, -1})};  // backwards
}

Index copy_of(const View<float>& from, const View<float>& to) {
  for (Index b = 0; b < from.batch(); ++b)
    for (Index i = 0; i < from.length(); ++i)
      for (Index d = 0; d < from.dim(); ++d) to(b, 0, i, d) = from(b, 0, i, d);
  return from.batch() * from.length() * from.dim();
}

TEST_P(LayerBits, DoNotDependOnStridesAndNothingBetweenIsWritten) {
  const Weights<float> w(causal_layers().at(1).config);
  const AttentionLayer<float> layer = w.layer();
  for (const auto& [batch, length] : {std::pair<Index, Index>{3, 5}, {3, 1}, {1, 5}}) {
    States<float> x(batch, length, w.config.hidden_size, 14);
    const std::vector<float> right = without_cache(layer, x, options);
    std::vector<float> x_memory, y_memory;
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = 0; j < 6; ++j) {
        const View<float> in = orders_of(x_memory, batch, length, x.size)[i];
        const View<float> out = orders_of(y_memory, batch, length, x.size)[j];
        copy_of(x.all(), in);
        layer.forward(in, out, options);
        States<float> y(batch, length, x.size);
        const Index count = copy_of(out, y.all());
        EXPECT_TRUE(same_bits(y.numbers, right)) << "orders " << i << " and " << j;
        EXPECT_EQ(
            std::count_if(y_memory.begin(), y_memory.end(), [](float a) { return bits(a) != bits(sentinel<float>); }),
            count);

        KvCache<float> cache(layer.cache_shape(batch, 10));
        layer.forward(in, out, cache, options);
        copy_of(out, y.all());
        EXPECT_TRUE(same_bits(y.numbers, right)) << "orders " << i << " and " << j << " and a cache";
      }
  }
}

TEST_P(LayerBits, OfNoTokensAreNone) {
  const Weights<float> w(causal_layers().at(1).config);
  const AttentionLayer<float> layer = w.layer();
  KvCache<float> cache(layer.cache_shape(2, 10));
  const View<float> nothing = rapt::bsd(static_cast<float*>(nullptr), 2, 0, w.config.hidden_size);
  layer.forward(nothing, nothing, options);
  layer.forward(nothing, nothing, cache, options);
  EXPECT_EQ(cache.length(0), 0);
  layer.forward(rapt::bsd(static_cast<float*>(nullptr), 0, 5, w.config.hidden_size),
                rapt::bsd(static_cast<float*>(nullptr), 0, 5, w.config.hidden_size), options);
}

/// A token's position may be another than its place: here, that of a later one.
TEST_P(LayerBits, AreThoseOfThePositionsThatArePassed) {
  const Weights<float> w(causal_layers().at(1).config);
  const AttentionLayer<float> layer = w.layer();
  constexpr Index batch = 2, n = 9;
  const States<float> x(batch, n, w.config.hidden_size, 15);
  std::vector<Index> rows;
  for (Index i = 0; i < batch * n; ++i) rows.push_back(i * 7 % 100);
  LayerOptions o = options;
  o.positions = rapt::row_major<const Index>(rows.data(), batch, n);

  // A table whose row p has the angles of the p-th position that was passed gives the same, a sequence at a time.
  for (Index b = 0; b < batch; ++b) {
    const std::span<const Index> of_it(rows.data() + b * n, at(n));
    const AttentionLayer<float> reordered(w.config, w.views(), {},
                                          rapt::Shared<const rapt::rope::Table<float>>::make(*w.config.rope, of_it));
    States<float> y(1, n, x.size), all(batch, n, x.size);
    reordered.forward(entry(x.all(), b), y.all(), options);
    layer.forward(x.all(), all.all(), o);
    EXPECT_TRUE(same_bits(entry(all.all(), b).data, y.numbers.data(), n * x.size)) << b;
    KvCache<float> cache(layer.cache_shape(batch, n));
    layer.forward(x.all(), all.all(), cache, o);
    EXPECT_TRUE(same_bits(entry(all.all(), b).data, y.numbers.data(), n * x.size)) << b << " and a cache";
  }
}

TEST_P(LayerBits, OfAScoreAreThoseOfTheSameInTheConfig) {
  Weights<float> w(causal_layers().at(3).config);
  const States<float> x(1, 90, w.config.hidden_size, 16);
  const std::vector<float> right = without_cache(w.layer(), x, options);
  w.config.window = 0;
  const AttentionLayer layer(w.config, w.views(), rapt::window(32, -1));
  EXPECT_TRUE(same_bits(without_cache(layer, x, options), right));
  EXPECT_EQ(layer.score().describe(), "causal | window(32, -1)");
}

TEST_P(LayerBits, OutliveTheWeightsAndAMove) {
  Weights<float> w(causal_layers().at(2).config);
  const States<float> x(1, 40, w.config.hidden_size, 17);
  const std::vector<float> right = transcribed_layer(w, x, x);
  AttentionLayer<float> first = w.layer();
  for (std::vector<float>* numbers : {&w.q, &w.k, &w.v, &w.o, &w.q_bias, &w.k_norm})
    numbers->assign(numbers->size(), 0);
  AttentionLayer<float> second = std::move(first);
  EXPECT_TRUE(same_bits(without_cache(second, x, options), right));
  first = std::move(second);
  EXPECT_TRUE(same_bits(without_cache(first, x, options), right));
}

RAPT_ON_EVERY_ISA(LayerBits);

}  // namespace
}  // namespace rapt_test::layer_bits_test
