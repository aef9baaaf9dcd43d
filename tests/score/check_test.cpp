// What a stage asks of a call: it is asked once, whatever it is composed with, before anything is written.
#include <string>
#include <utility>
#include <vector>

#include "layer/layers.hpp"
#include "rapt/ragged.hpp"
#include "rapt/score/softcap.hpp"
#include "support/caches.hpp"
#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::check_test {
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

/// `stage` refuses a call of `shape` that writes to `memory`, which it reads, and none that writes next to it.
template <class T>
void expect_apart(const auto& stage, const char* name, rapt::ProblemShape shape, const std::vector<T>& memory) {
  const auto check = [&] { rapt::detail::check(rapt::Plain{} | stage | rapt::causal(), shape); };
  const rapt::MatrixView<const T> last{memory.data() + memory.size() - 1, 1, 1}, beyond{last.data + 1, 1, 1};
  const auto shares = [&](const char* what) {
    return (testing::Message() << "rapt: " << what << ": shares memory with " << name
                               << "; it has to be apart from what is read")
        .GetString();
  };
  shape.written = {rapt::detail::footprint(beyond), rapt::detail::footprint(beyond)};
  EXPECT_EQ(refusal(check), "");
  shape.written = {rapt::detail::footprint(last), {}};
  EXPECT_EQ(refusal(check), shares("out"));
  shape.written = {{}, rapt::detail::footprint(last)};
  EXPECT_EQ(refusal(check), shares("lse"));
}

TEST(StageCheck, NothingThatAStageReadsMayBeWritten) {
  const std::vector<float> numbers(2 * 4 * 3 * 5, 0.5f), heads(4, 0.5f);
  const std::vector<double> doubles(4, 0.5);
  const std::vector<std::int32_t> lengths(2, 1), ids(2 * 5, 1), query_ids(2 * 3, 1);
  const std::vector<unsigned char> bools(2 * 4 * 3 * 5);
  const std::vector<std::uint64_t> words(2 * 4 * 3);
  const rapt::ProblemShape shape{2, 4, 3, 5};
  expect_apart(rapt::bias(rapt::bhsd(numbers.data(), 2, 4, 3, 5)), "bias", shape, numbers);
  expect_apart(rapt::relative_bias(rapt::row_major(numbers.data(), 4, 30), 20, 9), "relative_bias", shape, numbers);
  expect_apart(rapt::alibi(heads), "alibi", shape, heads);
  expect_apart(rapt::scale_by_head(doubles), "scale_by_head", shape, doubles);
  expect_apart(rapt::sinks(heads), "sinks", shape, heads);
  expect_apart(rapt::sinks(heads.data() + 3, 4, -1), "sinks", shape, heads);
  expect_apart(rapt::mask(rapt::bhsd(reinterpret_cast<const bool*>(bools.data()), 2, 4, 3, 5)), "mask", shape, bools);
  expect_apart(rapt::bit_mask(rapt::bhsd(words.data(), 2, 4, 3, 1)), "bit_mask", shape, words);
  expect_apart(rapt::padding(lengths), "padding", shape, lengths);
  expect_apart(rapt::left_padding(lengths), "left_padding", shape, lengths);
  expect_apart(rapt::prefix_lm(lengths), "prefix_lm", shape, lengths);
  expect_apart(!rapt::padding(lengths) && rapt::causal(), "padding", shape, lengths);
  const auto id_rows = rapt::row_major(ids.data(), 2, 5);
  expect_apart(rapt::document(id_rows), "document", shape, ids);
  expect_apart(rapt::document(rapt::row_major(query_ids.data(), 2, 3), id_rows), "document", shape, query_ids);
  expect_apart(rapt::document(rapt::row_major(query_ids.data(), 2, 3), id_rows), "document", shape, ids);
}

/// Whichever door a call comes by.
TEST(StageCheck, ACallThatWritesToItsMaskIsRefused) {
  const Inputs<float> inputs({1, 2, 2, 3, 8, 8, 8}, 1);
  const Views<float> in = inputs.views();
  Result<float> result(inputs.shape);
  const View<float> out = result.out_view();
  const bool* const inside = reinterpret_cast<const bool*>(result.out.data() + 7);  // which nobody reads
  const AnyMask stage = any_mask(rapt::mask(rapt::bhsd(inside, 1, 1, 1, 8)));
  const rapt::KvCache<float> cache = cache_of<float>(in, rapt::active_isa());
  const std::vector<Index> q_at{0, 1, 3}, kv_at{0, 4, 8};
  const std::string says = "rapt: out: shares memory with mask; it has to be apart from what is read";
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, in.k, in.v, out, stage); }), says);
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, cache, out, stage); }), says);
  EXPECT_EQ(refusal([&] { rapt::contract::attention<float>(in.q, in.k, in.v, out, stage); }), says);
  EXPECT_EQ(refusal([&] { rapt::reference::attention<float>(in.q, in.k, in.v, out, stage); }), says);
  const auto packed = [&](const auto& view, const std::vector<Index>& at) { return rapt::packed(view, at); };
  EXPECT_EQ(refusal([&] {
              rapt::attention(packed(in.q, q_at), packed(in.k, kv_at), packed(in.v, kv_at), packed(out, q_at),
                              any_mask(rapt::mask(rapt::bhsd(inside, 1, 1, 1, 4))));
            }),
            says);
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
}  // namespace rapt_test::check_test
