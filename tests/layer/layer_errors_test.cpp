// What a layer refuses, what it says then, and that nothing was written or appended.
#include <functional>

#include "layer/layers.hpp"
#include "support/executors.hpp"
#include "support/refusal.hpp"

namespace rapt_test::layer_errors_test {
namespace {

using Change = std::function<void(LayerConfig&)>;

std::string refusal_of(const Change& change) {
  LayerConfig config{.hidden_size = 32, .num_heads = 4, .num_kv_heads = 2};
  change(config);
  return refusal([&] { Weights<float> w(config); });
}

TEST(LayerConfigErrors, NameTheField) {
  EXPECT_EQ(refusal_of([](LayerConfig&) {}), "");
  const auto says = [](const char* text, const Change& change) {
    EXPECT_EQ(refusal_of(change), std::string("rapt: config: ") + text);
  };
  says("hidden_size is 0; it has to be from 1 to 2^30 - 1", [](auto& c) { c.hidden_size = 0; });
  says("num_heads is -1; it has to be from 1 to 2^30 - 1", [](auto& c) { c.num_heads = -1; });
  says("num_kv_heads is -1; it has to be from 0 to 2^30 - 1", [](auto& c) { c.num_kv_heads = -1; });
  says("head_dim is 1073741824; it has to be from 0 to 2^30 - 1", [](auto& c) { c.head_dim = Index(1) << 30; });
  says("value_dim is -2; it has to be from 0 to 2^30 - 1", [](auto& c) { c.value_dim = -2; });
  says("window is -1; it has to be from 0 to 2^30 - 1", [](auto& c) { c.window = -1; });
  says("num_kv_heads is 3; it has to divide num_heads, 4", [](auto& c) { c.num_kv_heads = 3; });
  says("hidden_size is 33; it has to be a multiple of num_heads, 4, if head_dim is not set",
       [](auto& c) { c.hidden_size = 33; });
  says("num_heads times the larger of head_dim and value_dim is 4294967296; it has to be less than 2^30",
       [](auto& c) { c.num_heads = c.head_dim = 1 << 16; });
  says("norm_eps is -1; it has to be finite, and 0 or more", [](auto& c) { c.norm_eps = -1; });
  says("scale is inf; it has to be finite", [](auto& c) { c.scale = std::numeric_limits<double>::infinity(); });
  says("window is 5; it has to be 0 without causal: a window to both sides is a score, rapt::window(left, right)",
       [](auto& c) { c.window = 5, c.causal = false; });
  says("rope rotates dims up to 9; they have to be within head_dim, 8",
       [](auto& c) { c.rope = rapt::rope::standard(10), c.max_positions = 5; });
  const auto cross = [](auto& c) { c.memory_size = 5; };
  says("causal is set; it has to be unset in cross-attention: memory_size is set", cross);
  says("rope is set; it has to be unset in cross-attention: memory_size is set", [&](auto& c) {
    cross(c);
    c.causal = false;
    c.rope = rapt::rope::standard(8);
  });
  says("window is set; it has to be unset in cross-attention: memory_size is set", [&](auto& c) {
    cross(c);
    c.causal = false;
    c.window = 4;
  });
  EXPECT_NE(refusal_of([](auto& c) {
              c.rope = rapt::rope::standard(8);
              c.rope->attention_factor = std::nan("");
            }),
            "");
}

TEST(LayerConfigDefaults, AreFilledIn) {
  const LayerConfig c = Weights<float>({.hidden_size = 48, .num_heads = 4}).layer().config();
  EXPECT_EQ(c.num_kv_heads, 4);
  EXPECT_EQ(c.head_dim, 12);
  EXPECT_EQ(c.value_dim, 12);
  const rapt::CacheShape shape =
      Weights<float>({.hidden_size = 48, .num_heads = 4, .value_dim = 5}).layer().cache_shape(3, 70);
  EXPECT_EQ(shape.sequences, 3);
  EXPECT_EQ(shape.kv_heads, 4);
  EXPECT_EQ(shape.capacity, 70);
  EXPECT_EQ(shape.head_dim, 12);
  EXPECT_EQ(shape.value_dim, 5);
}

TEST(LayerWeightsErrors, NameTheWeight) {
  const Weights<float> w({.hidden_size = 32,
                          .num_heads = 4,
                          .num_kv_heads = 2,
                          .value_dim = 6,
                          .k_bias = true,
                          .qk_norm = QkNorm::weight,
                          .rope = rapt::rope::standard(8),
                          .max_positions = 10});
  const auto says = [&](const std::string& text, const std::function<void(LayerWeights<float>&)>& change) {
    LayerWeights<float> weights = w.views();
    change(weights);
    EXPECT_EQ(refusal([&] { AttentionLayer<float>(w.config, weights); }), text);
  };
  says("", [](auto&) {});
  says("rapt: weights.q: the number of rows is 16; it has to be 32, as in the config: num_heads * head_dim",
       [](auto& v) { v.q = v.k; });
  says("rapt: weights.k: the number of rows is 12; it has to be 16, as in the config: num_kv_heads * head_dim",
       [](auto& v) { v.k = v.v; });
  says("rapt: weights.v: the number of columns is 31; it has to be 32, as in the config: hidden_size",
       [](auto& v) { v.v.columns = 31; });
  says("rapt: weights.o: the number of columns is 32; it has to be 24, as in the config: num_heads * value_dim",
       [](auto& v) { v.o = v.q; });
  says("rapt: weights.o: data is a null pointer; it has to point to the elements, as no extent is 0",
       [](auto& v) { v.o.data = nullptr; });
  says("rapt: weights.q_bias: has 8 numbers; it has to be empty, as the config has none",
       [](auto& v) { v.q_bias = v.q_norm; });
  says("rapt: weights.k_bias: its size is 0; it has to be 16, as in the config: num_kv_heads * head_dim",
       [](auto& v) { v.k_bias = {}; });
  says("rapt: weights.q_norm: its size is 7; it has to be 8, as in the config: head_dim",
       [](auto& v) { v.q_norm = v.q_norm.first(7); });
  says("rapt: weights.k_norm: its size is 0; it has to be 8, as in the config: head_dim",
       [](auto& v) { v.k_norm = {}; });
}

TEST(LayerAnglesErrors, SayWhatTheyHaveToBe) {
  LayerConfig config{.hidden_size = 32, .num_heads = 4, .rope = rapt::rope::standard(8), .max_positions = 10};
  const Weights<float> w(config);
  const auto refused = [&](const rapt::rope::Spec& spec) {
    return refusal([&] {
      AttentionLayer<float>(config, w.views(), {}, rapt::Shared<const rapt::rope::Table<float>>::make(spec, 5));
    });
  };
  EXPECT_EQ(refused(*config.rope), "");
  EXPECT_EQ(refused(rapt::rope::standard(6)), "rapt: angles: rotary_dim is 6; it has to be 8, as in the config's rope");
  EXPECT_EQ(refused(interleaved(8)), "rapt: angles: are of another pairing; it has to be that of the config's rope");
  rapt::rope::Spec moved = *config.rope;
  moved.offset = 1;
  EXPECT_EQ(refused(moved), "rapt: angles: offset is 1; it has to be 0, as in the config's rope");
  config.max_positions = 0;
  EXPECT_EQ(refused(*config.rope), "");  // the table has positions of its own
  EXPECT_EQ(refusal([&] { AttentionLayer<float>(config, w.views()); }),
            "rapt: config: max_positions is 0; it has to be 1 or more with a rope: the rows of its table");
  const AttentionLayer<float> first = w.layer();
  config.rope = {};
  EXPECT_EQ(refusal([&] { AttentionLayer<float>(config, w.views(), {}, first.angles()); }),
            "rapt: angles: are set; they have to be unset, as the config has no rope");
  const AttentionLayer<float> second(w.config, w.views(), {}, first.angles());
  EXPECT_EQ(second.angles(), first.angles());
}

TEST(LayerScoreErrors, SayWhatItHasToBe) {
  Weights<float> w({.hidden_size = 32, .num_heads = 4});
  const auto refused = [&](const rapt::Band& score) {
    return refusal([&] { AttentionLayer(w.config, w.views(), score); });
  };
  EXPECT_EQ(refused(rapt::window(5, 0)), "");
  EXPECT_EQ(refused(rapt::window(5, 0, rapt::align::bottom_right)), "");
  EXPECT_EQ(refused(rapt::window(5, 0, rapt::align::top_left)),
            "rapt: score: has the alignment top-left; it has to be bottom-right in self-attention, or unset");
  w.config.scale = 1e300;
  EXPECT_NE(refused(rapt::window(5, 0)).find("it has to be finite, as a float"), std::string::npos);
}

/// A layer, and a cache of two sequences that hold 7 and 3 of 12 positions.
class LayerErrors : public testing::Test {
 protected:
  Weights<float> weights{{.hidden_size = 32,
                          .num_heads = 4,
                          .num_kv_heads = 2,
                          .rope = rapt::rope::standard(8),
                          .max_positions = 10,
                          .window = 4}};
  AttentionLayer<float> layer = weights.layer();
  KvCache<float> cache{layer.cache_shape(2, 12)};
  States<float> x{2, 4, 32, 5}, y{2, 4, 32};
  std::vector<float> held;

  LayerErrors() {
    const States<float> seven(1, 7, 32, 6), three(1, 3, 32, 7);
    States<float> seven_out(1, 7, 32), three_out(1, 3, 32);
    layer.forward(seven.all(), seven_out.all(), cache, {.sequence = 0});
    layer.forward(three.all(), three_out.all(), cache, {.sequence = 1});
    held = contents(cache, 0, 0, 7);
  }
  void TearDown() override {
    EXPECT_EQ(cache.length(0), 7);
    EXPECT_EQ(cache.length(1), 3);
    EXPECT_TRUE(same_bits(contents(cache, 0, 0, 7), held));
    for (const float number : y.numbers) ASSERT_EQ(number, sentinel<float>);
  }
  std::string refused(const View<const float>& in, const View<float>& out, const LayerOptions& options = {}) {
    return refusal([&] { layer.forward(in, out, cache, options); });
  }
};

TEST_F(LayerErrors, OfShapesNameTheArgument) {
  EXPECT_EQ(refused(rapt::bsd(x.numbers.data(), 2, 1, 31), y.some(0, 1)),
            "rapt: x: the number of dims is 31; it has to be 32, as in the config: hidden_size");
  EXPECT_EQ(refused(x.some(0, 1), rapt::bsd(y.numbers.data(), 2, 1, 33)),
            "rapt: y: the number of dims is 33; it has to be 32, as in the config: hidden_size");
  EXPECT_EQ(
      refused(rapt::bshd(x.numbers.data(), 2, 1, 4, 8), y.some(0, 1)),
      "rapt: x: the number of heads is 4; it has to be 1: hidden states are a view of one head, as bsd() makes it");
  EXPECT_EQ(refused(x.some(0, 2), y.some(0, 1)), "rapt: y: length is 1; it has to be 2, as in x");
  EXPECT_EQ(refused(entry(x.some(0, 1), 0), y.some(0, 1)), "rapt: y: batch is 2; it has to be 1, as in x");
  EXPECT_EQ(refused(entry(x.some(0, 1), 0), entry(y.some(0, 1), 0)),
            "rapt: x: batch is 1; it has to be 2, as in the cache's sequences");
  EXPECT_EQ(refused(x.some(0, 1), y.some(0, 1), {.sequence = 1}),
            "rapt: x: batch is 2; it has to be 1, as in one sequence");
  View<float> null = y.some(0, 1);
  null.data = nullptr;
  EXPECT_EQ(refused(x.some(0, 1), null),
            "rapt: y: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(refused(y.some(0, 1), y.some(0, 1)), "rapt: y: shares memory with x; it has to be apart from what is read");
  EXPECT_EQ(
      refused(x.some(0, 2), rapt::strided(y.numbers.data(), {2, 1, 2, 32}, {32, 0, 0, 1})),
      "rapt: y: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is read)");
}

TEST_F(LayerErrors, OfTheCacheSayWhatItHasRoomFor) {
  const View<const float> six = rapt::bsd<const float>(x.numbers.data(), 1, 6, 32);
  EXPECT_EQ(refused(six, rapt::bsd(y.numbers.data(), 1, 6, 32), {.sequence = 0}),
            "rapt: x: length is 6; sequence 0 of the cache, which has 7 positions, has room for 5");
  EXPECT_EQ(refused(entry(x.all(), 0), entry(y.all(), 0), {.sequence = 2}),
            "rapt: sequence: is 2; it has to be from 0 to 1, a sequence of the cache");
  EXPECT_EQ(refused(entry(x.all(), 0), entry(y.all(), 0), {.sequence = -1}),
            "rapt: sequence: is -1; it has to be from 0 to 1, a sequence of the cache");
  const auto refused_by = [&](const rapt::CacheShape& shape) {
    KvCache<float> other(shape);
    const std::string text = refusal([&] { layer.forward(x.all(), y.all(), other); });
    EXPECT_EQ(other.length(0), 0);
    return text;
  };
  EXPECT_EQ(refused_by({2, 4, 12, 8}),
            "rapt: cache: the number of key/value heads is 4; it has to be 2, as in the layer");
  EXPECT_EQ(refused_by({2, 2, 12, 16, 8}), "rapt: cache: head_dim is 16; it has to be 8, as in the layer");
  EXPECT_EQ(refused_by({2, 2, 12, 8, 7}), "rapt: cache: value_dim is 7; it has to be 8, as in the layer");
  EXPECT_EQ(refused_by({3, 2, 12, 8}), "rapt: x: batch is 2; it has to be 3, as in the cache's sequences");
}

TEST_F(LayerErrors, OfPositionsSayWhichIsBeyondTheTable) {
  const char* const beyond =
      "rapt: x: its last token stands at position 10; it has to be at most 9, the last row of the rotary table: "
      "config.max_positions";
  EXPECT_EQ(refused(x.all(), y.all()), beyond);  // sequence 0 would reach it, sequence 1 not
  States<float> eleven(1, 11, 32, 8), out(1, 11, 32);
  EXPECT_EQ(refusal([&] { layer.forward(eleven.all(), out.all()); }), beyond);
  std::vector<Index> rows(8, 9);
  const auto given = [&](Index r, Index c) {
    return LayerOptions{.positions = rapt::row_major<const Index>(rows.data(), r, c)};
  };
  EXPECT_EQ(refused(x.all(), y.all(), given(1, 4)),
            "rapt: positions: the number of rows is 1; it has to be 2, as in the batch of x");
  EXPECT_EQ(refused(x.all(), y.all(), given(2, 3)),
            "rapt: positions: the number of columns is 3; it has to be 4, as in the length of x");
  rows[6] = 10;
  EXPECT_EQ(refused(x.all(), y.all(), given(2, 4)),
            "rapt: positions: positions(1, 2) is 10; it has to be from 0 to 9, a row of the rotary table");
  rows[6] = -1;
  EXPECT_EQ(refused(x.all(), y.all(), given(2, 4)),
            "rapt: positions: positions(1, 2) is -1; it has to be from 0 to 9, a row of the rotary table");
}

TEST_F(LayerErrors, OfARingSayThatItHasForgotten) {
  LayerConfig wide = weights.config;
  wide.max_positions = 300;
  wide.window = 70;
  const AttentionLayer<float> far(wide, weights.views());
  RingCache<float> ring(far.cache_shape(1, 64));
  const States<float> tokens(1, 60, 32, 9);
  States<float> out(1, 60, 32);
  far.forward(tokens.all(), out.all(), ring);
  States<float> untouched(1, 60, 32);
  EXPECT_EQ(refusal([&] { far.forward(tokens.some(0, 10), untouched.some(0, 10), ring); }),
            "rapt: score: is causal | window(69, -1), which lets queries from position 60 on attend to keys before "
            "position 6; batch entry 0 of the call has a sequence that has forgotten those: it takes a shorter window, "
            "fewer queries at once, "
            "or a larger capacity");
  EXPECT_EQ(ring.length(0), 60);
  const States<float> many(1, 65, 32, 9);
  States<float> many_out(1, 65, 32);
  EXPECT_EQ(refusal([&] { far.forward(many.all(), many_out.all(), ring); }),
            "rapt: x: length is 65; sequence 0 of the cache, which has 60 positions, has room for 64");
  for (const float number : untouched.numbers) ASSERT_EQ(number, sentinel<float>);
}

TEST_F(LayerErrors, OfOptionsNameThem) {
  const View<const float> in = x.some(0, 1);
  const View<float> out = y.some(0, 1);
  const bool arm = rapt::supported_isas().back() == Isa::neon;
  EXPECT_NE(refused(in, out, {.isa = arm ? Isa::avx2 : Isa::neon}), "");
  LoneExecutor none(0);
  EXPECT_EQ(refused(in, out, {.executor = &none}), "rapt: executor: workers() is 0; it has to be 1 or more");
  rapt::Workspace workspace;
  const rapt::Workspace::Use use(workspace);
  EXPECT_EQ(refused(in, out, {.workspace = &workspace}),
            "rapt: workspace: is being used by another call; it has to be free: one call at a time");
  EXPECT_EQ(refusal([&] { layer.forward(in, out, {.sequence = 0}); }),
            "rapt: sequence: is set; it has to be unset without a cache");
  const AttentionLayer<float> still = Weights<float>({.hidden_size = 32, .num_heads = 4}).layer();
  const Index row = 0;
  EXPECT_EQ(refusal([&] { still.forward(in, out, {.positions = rapt::row_major(&row, 1, 1)}); }),
            "rapt: positions: are set; they have to be unset without a rope");
}

TEST_F(LayerErrors, OfALayerThatWasMovedFromSaySo) {
  AttentionLayer<float> other = std::move(layer);
  const char* const moved = "rapt: layer: was moved from; it has to hold weights";
  EXPECT_EQ(refused(x.some(0, 1), y.some(0, 1)), moved);
  EXPECT_EQ(refusal([&] { layer.forward(x.some(0, 1), y.some(0, 1)); }), moved);
  layer = std::move(other);
  EXPECT_EQ(refusal([&] { other.forward(x.some(0, 1), y.some(0, 1)); }), moved);
}

TEST_F(LayerErrors, OfAnExecutorThatDoesNothingAreLogicErrors) {
  struct Idle final : rapt::Executor {
    int workers() const override { return 2; }
    void run(int, rapt::FunctionRef<void(int)>) override {}
  } idle;
  EXPECT_THROW(layer.forward(x.some(0, 1), y.some(0, 1), cache, {.executor = &idle}), std::logic_error);
}

TEST(CrossAttentionErrors, NameTheArgument) {
  const Weights<float> w({.hidden_size = 32, .num_heads = 4, .memory_size = 24, .causal = false});
  const AttentionLayer<float> cross = w.layer(), self = Weights<float>({.hidden_size = 32, .num_heads = 4}).layer();
  const States<float> x(2, 3, 32, 1);
  States<float> memory(2, 5, 24, 2), y(2, 3, 32);
  KvCache<float> cache(cross.cache_shape(2, 6));
  const char* const is_cross =
      "rapt: layer: is one of cross-attention; it has to be one of self-attention, without a memory_size";
  const char* const is_self =
      "rapt: layer: is one of self-attention; it has to be one of cross-attention, with a memory_size";
  EXPECT_EQ(refusal([&] { cross.forward(x.all(), y.all()); }), is_cross);
  EXPECT_EQ(refusal([&] { cross.forward(x.all(), y.all(), cache); }), is_cross);
  EXPECT_EQ(refusal([&] { self.cross_attend(x.all(), memory.all(), y.all()); }), is_self);
  EXPECT_EQ(refusal([&] { self.cross_attend(x.all(), y.all(), cache); }), is_self);
  EXPECT_EQ(refusal([&] { self.project_memory(memory.all(), cache); }), is_self);

  EXPECT_EQ(refusal([&] { cross.cross_attend(x.all(), x.all(), y.all()); }),
            "rapt: memory: the number of dims is 32; it has to be 24, as in the config: memory_size");
  EXPECT_EQ(refusal([&] { cross.cross_attend(x.all(), entry(memory.all(), 0), y.all()); }),
            "rapt: memory: batch is 1; it has to be 2, as in x");
  EXPECT_EQ(refusal([&] { cross.cross_attend(x.all(), rapt::bsd<const float>(y.numbers.data(), 2, 3, 24), y.all()); }),
            "rapt: y: shares memory with memory; it has to be apart from what is read");
  EXPECT_EQ(refusal([&] { cross.project_memory(entry(memory.all(), 0), cache); }),
            "rapt: memory: batch is 1; it has to be 2, as in the cache's sequences");
  const States<float> seven(2, 7, 24, 3);
  EXPECT_EQ(refusal([&] { cross.project_memory(seven.all(), cache); }),
            "rapt: memory: length is 7; sequence 0 of the cache, which has 0 positions, has room for 6");
  EXPECT_EQ(refusal([&] { cross.cross_attend(x.all(), y.all(), cache, {.sequence = 0}); }),
            "rapt: x: batch is 2; it has to be 1, as in one sequence");
  EXPECT_EQ(cache.length(0), 0);
  for (const float number : y.numbers) ASSERT_EQ(number, sentinel<float>);
}

}  // namespace
}  // namespace rapt_test::layer_errors_test
