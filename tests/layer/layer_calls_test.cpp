// What a call of a layer may bring besides its tokens: a score of its own, sequences of different lengths, and another
// layer's cache.
#include <limits>

#include "layer/layers.hpp"
#include "layer/transcribed.hpp"
#include "rapt/score/padding.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"

namespace rapt_test::layer_calls_test {
namespace {

const float nan = std::numeric_limits<float>::quiet_NaN();

class LayerCalls : public OnEveryIsa {
 protected:
  LayerOptions options{.isa = GetParam()};
};

/// Sequences of these lengths, with a token to spare; what is nobody's is NaN.
struct Sequences {
  std::vector<Index> lengths{7, 0, 40, 1}, offsets{0, 7, 7, 47, 48};
  Index size;
  States<float> packed, padded;

  explicit Sequences(Index hidden_size) : size(hidden_size), packed(1, 49, size, 5), padded(4, 41, size, 6) {
    for (Index b = 0; b < 4; ++b)
      for (Index i = 0; i < 41; ++i)
        for (Index d = 0; d < size; ++d)
          padded.all()(b, 0, i, d) = i < lengths[at(b)] ? packed.all()(0, 0, offsets[at(b)] + i, d) : nan;
    for (Index d = 0; d < size; ++d) packed.all()(0, 0, 48, d) = nan;
  }
  View<const float> alone(Index b) const { return packed.some(offsets[at(b)], offsets[at(b) + 1]); }
  View<float> place(States<float>& y, Index b) const { return y.some(offsets[at(b)], offsets[at(b) + 1]); }
};

/// y of packed and of padded x, and whether nothing was written between the sequences.
void expect_ragged(const Sequences& s, States<float>& packed, States<float>& padded, const States<float>& expected) {
  EXPECT_TRUE(same_bits(packed.numbers, expected.numbers));
  for (Index b = 0; b < 4; ++b)
    for (Index i = 0; i < 41; ++i)
      for (Index d = 0; d < s.size; ++d) {
        const float found = padded.all()(b, 0, i, d);
        if (i < s.lengths[at(b)])
          ASSERT_EQ(bits(found), bits(expected.all()(0, 0, s.offsets[at(b)] + i, d)));
        else
          ASSERT_EQ(found, sentinel<float>);
      }
}

TEST_P(LayerCalls, TakeSequencesOfDifferentLengths) {
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config);
    const AttentionLayer<float> layer = w.layer();
    const Sequences s(w.config.hidden_size);
    States<float> expected(1, 49, s.size), packed(1, 49, s.size), padded(4, 41, s.size);
    for (Index b = 0; b < 4; ++b) layer.forward(s.alone(b), s.place(expected, b), options);
    layer.forward(rapt::packed(s.packed.all(), s.offsets), rapt::packed(packed.all(), s.offsets), options);
    layer.forward(rapt::padded(s.padded.all(), s.lengths), rapt::padded(padded.all(), s.lengths), options);
    expect_ragged(s, packed, padded, expected);
  }
}

TEST_P(LayerCalls, TakeThemIntoACacheToo) {
  for (const Named& named : causal_layers()) {
    const Weights<float> w(named.config);
    const AttentionLayer<float> layer = w.layer();
    const Sequences s(w.config.hidden_size);
    KvCache<float> own(layer.cache_shape(4, 90)), of_packed(layer.cache_shape(4, 90)),
        of_padded(layer.cache_shape(4, 90));
    for (int turn = 0; turn < 2; ++turn) {
      States<float> expected(1, 49, s.size), packed(1, 49, s.size), padded(4, 41, s.size);
      for (Index b = 0; b < 4; ++b) {
        LayerOptions one = options;
        one.sequence = b;
        layer.forward(s.alone(b), s.place(expected, b), own, one);
      }
      layer.forward(rapt::packed(s.packed.all(), s.offsets), rapt::packed(packed.all(), s.offsets), of_packed, options);
      layer.forward(rapt::padded(s.padded.all(), s.lengths), rapt::padded(padded.all(), s.lengths), of_padded, options);
      expect_ragged(s, packed, padded, expected);
    }
    EXPECT_EQ(of_packed.length(2), 80);
  }
}

/// A workspace that has served a call serves the next one as it is.
TEST_P(LayerCalls, OfSequencesAllocateNothingMore) {
  const Weights<float> w(causal_layers().at(2).config);
  const AttentionLayer<float> layer = w.layer();
  const Sequences s(w.config.hidden_size);
  rapt::Workspace workspace;
  LayerOptions o = options;
  o.workspace = &workspace;
  KvCache<float> cache(layer.cache_shape(4, 90));
  States<float> y(1, 49, s.size);
  layer.forward(rapt::packed(s.packed.all(), s.offsets), rapt::packed(y.all(), s.offsets), cache, o);
  const Index bytes = workspace.bytes();
  std::vector<std::byte> memory(at(bytes + 64));
  std::byte* const begin = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
  rapt::Workspace exact(begin, bytes);
  o.workspace = &exact;
  KvCache<float> again(layer.cache_shape(4, 90));
  EXPECT_NO_THROW(layer.forward(rapt::packed(s.packed.all(), s.offsets), rapt::packed(y.all(), s.offsets), again, o));
}

/// Padding of an encoder's batch: each sequence has the bits that it has alone.
TEST_P(LayerCalls, TakeAScoreOfTheirOwn) {
  Named named = causal_layers().at(1);
  named.config.causal = false;
  const Weights<float> w(named.config);
  const AttentionLayer<float> layer = w.layer();
  const std::vector<Index> lengths{20, 33};
  const States<float> x(2, 33, w.config.hidden_size, 3);
  States<float> y(2, 33, x.size), alone(1, 20, x.size);
  layer.forward(x.all(), y.all(), rapt::padding(lengths), options);
  layer.forward(positions(entry(x.all(), 0), 0, 20), alone.all(), options);
  for (Index i = 0; i < 20; ++i) EXPECT_TRUE(same_bits(y.all().row(0, 0, i), alone.all().row(0, 0, i), x.size)) << i;
  EXPECT_TRUE(same_bits(
      y.all().row(1, 0, 32),
      [&] {
        static States<float> whole(1, 33, 48);
        layer.forward(entry(x.all(), 1), whole.all(), options);
        return whole.all().row(0, 0, 32);
      }(),
      x.size));
}

/// A tree of proposed tokens in a cache: each path is what it would be by itself.
TEST_P(LayerCalls, TakeATree) {
  const Weights<float> w(causal_layers().at(1).config);
  const AttentionLayer<float> layer = w.layer();
  KvCache<float> cache(layer.cache_shape(1, 40)), path(layer.cache_shape(1, 40));
  const States<float> prompt(1, 12, w.config.hidden_size, 4), nodes(1, 3, w.config.hidden_size, 5);
  States<float> ignored(1, 12, prompt.size), tree(1, 3, prompt.size), chain(1, 2, prompt.size);
  layer.forward(prompt.all(), ignored.all(), cache, options);
  layer.forward(prompt.all(), ignored.all(), path, options);
  const std::vector<Index> parents{-1, 0, -1}, places{12, 13, 12};  // a root, its child, and another root
  LayerOptions o = options;
  o.positions = places;
  layer.forward(nodes.all(), tree.all(), cache, rapt::ancestors(parents), o);
  layer.forward(nodes.some(0, 2), chain.all(), path, options);
  EXPECT_TRUE(same_bits(tree.all().row(0, 0, 0), chain.all().row(0, 0, 0), 2 * prompt.size));
  cache.truncate(0, 12);
  States<float> without_the_tree(1, 3, prompt.size);
  layer.forward(nodes.all(), without_the_tree.all(), cache, o);
  EXPECT_FALSE(same_bits(tree.all().row(0, 0, 2), without_the_tree.all().row(0, 0, 2), prompt.size));
}

/// A layer that has only queries attends to what another one has put into its cache: as a layer would with the same
/// weights for keys and values.
TEST_P(LayerCalls, AttendToAnotherLayersCache) {
  for (const Index named : {1, 2, 4}) {
    LayerConfig config = causal_layers().at(at(named)).config;
    const Weights<float> own(config);
    config.shares_kv = true;
    config.k_bias = config.v_bias = false;
    const Weights<float> shared(config);
    const AttentionLayer<float> first = own.layer(), second(shared.config, shared.views());
    KvCache<float> cache(first.cache_shape(2, 60));
    for (const Index n : {30, 1, 5}) {
      const States<float> x(2, n, config.hidden_size, 7);
      States<float> expected(2, n, x.size), y(2, n, x.size);
      first.forward(x.all(), expected.all(), cache, options);
      second.forward(x.all(), y.all(), cache, options);
      EXPECT_TRUE(same_bits(y.numbers, expected.numbers)) << named << ", " << n;
    }
    EXPECT_EQ(cache.length(0), 36);
  }
}

RAPT_ON_EVERY_ISA(LayerCalls);

TEST(LayerCallErrors, SayWhatIsMissing) {
  LayerConfig config{.hidden_size = 8, .num_heads = 2, .shares_kv = true};
  const Weights<float> w(config);
  const AttentionLayer<float> layer(w.config, w.views());
  const States<float> x(1, 3, 8, 1);
  States<float> y(1, 3, 8);
  KvCache<float> cache(layer.cache_shape(1, 10));
  EXPECT_EQ(refusal([&] { layer.forward(x.all(), y.all()); }),
            "rapt: layer: has no keys of its own: shares_kv; it has to be given the cache of the layer that has them");
  EXPECT_EQ(refusal([&] { layer.forward(x.all(), y.all(), cache); }),
            "rapt: x: length is 3; sequence 0 of the cache has 0 positions: the layer whose cache it is has to have "
            "taken in the tokens before");
  LayerWeights<float> with_keys = w.views();
  with_keys.k = with_keys.q;
  EXPECT_EQ(refusal([&] { AttentionLayer<float>(config, with_keys); }),
            "rapt: weights.k: has 8 rows; it has to be empty, as the config has another layer's keys: shares_kv");
  config.shares_kv = false;
  config.output_gate = OutputGate::in_q;
  EXPECT_EQ(refusal([&] { AttentionLayer<float>(config, Weights<float>({.hidden_size = 8, .num_heads = 2}).views()); }),
            "rapt: weights.q: the number of rows is 8; it has to be 16, as in the config: num_heads * (head_dim + "
            "value_dim), as its output_gate is in q");
  config.output_gate = OutputGate::none;
  config.query_scaling = rapt::QueryScaling::steps(0.1, 0);
  EXPECT_EQ(refusal([&] { AttentionLayer<float>(config, w.views()); }),
            "rapt: config: query_scaling.length is 0; it has to be 1 or more, and finite");
}

/// σ is right where its exponential would overflow, and at 0 and infinity.
TEST(OutputGate, IsASigmoid) {
  for (const double g : {0.0, 1.0, -1.0, 30.0, -30.0, 80.0, -80.0}) {
    EXPECT_NEAR(rapt::contract::gated(3.0, g), 3 / (1 + std::exp(-g)), 1e-14);
    EXPECT_NEAR(rapt::contract::gated(3.0f, static_cast<float>(g)), static_cast<float>(3 / (1 + std::exp(-g))), 1e-6f);
  }
  EXPECT_EQ(rapt::contract::gated(3.0f, std::numeric_limits<float>::infinity()), 3.0f);
  EXPECT_TRUE(std::isnan(rapt::contract::gated(3.0f, nan)));
}

}  // namespace
}  // namespace rapt_test::layer_calls_test
