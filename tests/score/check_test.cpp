// What a stage asks of a call: it is asked once, whatever it is composed with, before anything is written.
#include <string>
#include <utility>
#include <vector>

#include "layer/layers.hpp"
#include "rapt/score/softcap.hpp"
#include "support/caches.hpp"
#include "support/refusal.hpp"

namespace rapt_test {
namespace {

/// Refuses every call, and says what it saw.
struct Refuses {
  const char* name = "stage";
  float change(float s, rapt::Coord) const { return s; }
  double change(double s, rapt::Coord) const { return s; }
  rapt::Coverage covers(const rapt::Box&) const { throw std::logic_error("asked before the check"); }
  void check(const rapt::ProblemShape& p) const {
    rapt::detail::fail(name, {p.batch, " ", p.q_heads, " ", p.q_len, " ", p.kv_len}, "no");
  }
};
const auto score = rapt::softcap(3) | Refuses{} | rapt::causal();

TEST(StageCheck, SeesTheShapeBeforeAnythingIsWritten) {
  const Inputs<float> inputs({2, 4, 2, 3, 30, 8, 6}, 1);
  const Views<float> in = inputs.views();
  Result<float> result(inputs.shape);
  const auto out = result.out_view();
  const Options<float> options{.lse = result.lse_view()};
  const std::string says = "rapt: stage: 2 4 3 30; no";
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, in.k, in.v, out, score, options); }), says);
  EXPECT_EQ(refusal([&] { rapt::plan(in.q, in.k, in.v, out, score, options); }), says);
  EXPECT_EQ(refusal([&] { rapt::contract::attention(in.q, in.k, in.v, out, score, options); }), says);
  EXPECT_EQ(refusal([&] { rapt::reference::attention(in.q, in.k, in.v, out, score, options); }), says);
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

TEST(StageCheck, OfACacheSeesTheLongestSequence) {
  const Inputs<float> inputs({2, 4, 2, 3, 30, 8, 6}, 1);
  rapt::KvCache<float> cache(cache_shape(inputs.shape, 30));
  const Views<float> in = inputs.views();
  cache.append(0, positions(entry(in.k, 0), 0, 5), positions(entry(in.v, 0), 0, 5));
  cache.append(1, positions(entry(in.k, 1), 0, 9), positions(entry(in.v, 1), 0, 9));
  Result<float> result(inputs.shape);
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, cache, result.out_view(), score); }), "rapt: stage: 2 4 3 9; no");
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

TEST(StageCheck, OfALayerComesBeforeItsCacheTakesAnythingIn) {
  const Weights<float> w({.hidden_size = 32, .num_heads = 4});
  const rapt::AttentionLayer layer(w.config, w.views(), Refuses{});
  const States<float> x(2, 4, 32, 5);
  States<float> y(2, 4, 32);
  rapt::RingCache<float> cache(layer.cache_shape(2, 12));
  EXPECT_EQ(refusal([&] { layer.forward(x.all(), y.all()); }), "rapt: stage: 2 4 4 4; no");
  EXPECT_EQ(refusal([&] { layer.forward(x.all(), y.all(), cache); }), "rapt: stage: 2 4 4 4; no");
  EXPECT_EQ(cache.length(0), 0);
}

TEST(StageCheck, AsksInTheOrderWritten) {
  const auto first_of = [](const auto& both) { return refusal([&] { rapt::detail::check(both, {1, 2, 3, 4}); }); };
  EXPECT_EQ(first_of(rapt::Plain{} | Refuses{"a"} | Refuses{"b"}), "rapt: a: 1 2 3 4; no");
  EXPECT_EQ(first_of(rapt::causal() | Refuses{"b"}), "rapt: b: 1 2 3 4; no");
  EXPECT_EQ(first_of(rapt::causal() | rapt::softcap(1)), "");
}

}  // namespace
}  // namespace rapt_test
