// Every instruction set gives the bits of the contract's transcription: over shapes, stages, threads, strides and homes
// of the keys.
#include <numeric>
#include <vector>

#include "rapt/rope/rotate.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/masks.hpp"
#include "support/observe.hpp"

namespace rapt_test::observe_bits_test {
namespace {

/// Memory for the stages that need some: for up to 600 keys and 4 heads.
struct StageMemory {
  std::vector<float> slopes = rapt::alibi_slopes(4), sinks = {0.5f, -1.0f, 3.0f, 9.0f}, bias = std::vector<float>(600);
  std::vector<std::int32_t> ids = std::vector<std::int32_t>(600), lengths = {9, 300};

  StageMemory() {
    for (std::size_t j = 0; j < ids.size(); ++j) {
      ids[j] = static_cast<std::int32_t>(j / 37);
      bias[j] = j % 11 == 3 ? -std::numeric_limits<float>::infinity() : 0.01f * static_cast<float>(j % 29);
    }
  }
  /// For as many heads, queries and keys.
  std::vector<AnyScore> stages(const Shape& s) const {
    using namespace rapt;
    const auto head_slopes = alibi(slopes.data(), s.q_heads);
    const auto head_sinks = rapt::sinks(sinks.data(), s.q_heads);
    std::vector<AnyScore> all = {any_score(Plain{}),
                                 any_score(causal()),
                                 any_score(causal(align::top_left)),
                                 any_score(window(70, 3)),
                                 any_score(causal() | detail::staged(EveryThird{})),
                                 any_score(softcap(2) | head_slopes | head_sinks | causal()),
                                 any_score(head_sinks | window(5, 0))};
    if (s.batch <= 2) all.push_back(any_score(padding(std::span(lengths).first(at(s.batch)))));
    if (s.kv_len > 0) {
      all.push_back(any_score(rapt::bias(strided(bias.data(), {1, 1, 1, s.kv_len}, {0, 0, 0, 1}))));
      const auto documents = row_major(ids.data(), 1, s.kv_len);
      if (s.kv_len >= s.q_len) all.push_back(any_score(document(documents) | causal()));
    }
    return all;
  }
};

std::vector<Shape> shapes() {
  return {{1, 1, 1, 1, 1, 3, 3},    {2, 2, 1, 63, 65, 8, 8},  {1, 4, 2, 64, 64, 17, 8}, {1, 2, 2, 65, 63, 5, 8},
          {1, 3, 1, 9, 511, 16, 8}, {2, 1, 1, 2, 513, 33, 8}, {1, 4, 1, 40, 130, 1, 8}, {1, 2, 1, 30, 512, 64, 8},
          {1, 2, 1, 0, 20, 8, 8},   {1, 2, 1, 20, 0, 8, 8},   {0, 2, 1, 20, 10, 8, 8},  {1, 1, 1, 70, 20, 200, 8},
          {1, 4, 4, 3, 1, 2, 8},    {1, 1, 1, 513, 63, 2, 8}};
}

class ObserveBits : public OnEveryIsa {
 protected:
  StageMemory memory;
};

template <class T> void expect_contract(Isa isa, const StageMemory& memory) {
  std::uint64_t seed = 1;
  for (const Shape& shape : shapes()) {
    const Inputs<T> inputs(shape, ++seed);
    for (const AnyScore& stages : memory.stages(shape)) {
      SCOPED_TRACE(testing::Message() << shape << ", " << stages.words);
      const Index top = seed % 3 == 0 ? shape.kv_len + 3 : 5;
      const Options<T> options{.scale = seed % 4 == 0 ? std::optional<double>(-1.5) : std::nullopt, .isa = isa};
      ASSERT_TRUE(same_bits(observed<T>(inputs.views().q, inputs.views().k, shape, stages, options, top),
                            transcribed<T>(inputs.views(), stages, options, top)));
    }
  }
}
TEST_P(ObserveBits, InFloatAreThoseOfTheContract) { expect_contract<float>(GetParam(), memory); }
TEST_P(ObserveBits, InDoubleAreThoseOfTheContract) { expect_contract<double>(GetParam(), memory); }

TEST_P(ObserveBits, AreOfTheInstructionSetThatWasAskedFor) {
  using Kv = rapt::detail::StridedKv<float>;
  EXPECT_EQ((rapt::detail::observe_kernel<float, Kv>(GetParam()).isa), GetParam());
}

TEST_P(ObserveBits, AreTheSameWithStagesThatTheKernelsKnow) {
  const Shape shape{2, 4, 2, 70, 140, 16, 8};
  const Inputs<float> inputs(shape, 5);
  const View<const float> q = inputs.views().q, k = inputs.views().k;
  const Options<float> options{.isa = GetParam()};
  EXPECT_TRUE(same_bits(observed<float>(q, k, shape, rapt::window(50, 2), options, 4),
                        observed<float>(q, k, shape, any_score(rapt::window(50, 2)), options, 4)));
}

TEST_P(ObserveBits, OfTheLogsumexpAreThoseOfAttention) {
  const Shape shape{2, 4, 2, 40, 600, 16, 8};
  const Inputs<float> inputs(shape, 3);
  for (const Mask& mask : {Mask(rapt::causal()), Mask(rapt::window(70, 3))}) {
    const Result<float> attended = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
    const AnyScore stages = std::visit([](const auto& m) { return any_score(m); }, mask);
    Observed<float> found =
        observed<float>(inputs.views().q, inputs.views().k, shape, stages, Options<float>{.isa = GetParam()}, 3);
    EXPECT_TRUE(same_bits(found.lse, attended.lse));
    // And taken from there, they make no difference.
    Observed<float> known = found;
    for (auto* field : {&known.entropy, &known.largest, &known.mass, &known.top_probabilities})
      std::fill(field->begin(), field->end(), sentinel<float>);
    rapt::Observation<float> into = known.all();
    into.known_lse = rapt::lse_bhs(attended.lse.data(), shape.batch, shape.q_heads, shape.q_len);
    rapt::observe(inputs.views().q, inputs.views().k, into, stages, {.isa = GetParam()});
    EXPECT_TRUE(same_bits(known, found));
  }
}

TEST_P(ObserveBits, AreTheSameWithAnyNumberOfThreads) {
  ThreadExecutor two(2), five(5);
  ReverseExecutor reverse(3);
  LoneExecutor lone(4);
  for (const Shape& shape :
       {Shape{1, 4, 2, 70, 600, 16, 8}, Shape{2, 2, 1, 3, 130, 8, 8}, Shape{1, 1, 1, 0, 70, 8, 8}}) {
    const Inputs<float> inputs(shape, 8);
    const AnyScore stages = memory.stages(shape)[5];
    const auto with = [&](rapt::Executor* executor) {
      return observed<float>(inputs.views().q, inputs.views().k, shape, stages,
                             Options<float>{.executor = executor, .isa = GetParam()}, 7);
    };
    const Observed<float> alone = with(nullptr);
    for (rapt::Executor* executor : {static_cast<rapt::Executor*>(&two), static_cast<rapt::Executor*>(&five),
                                     static_cast<rapt::Executor*>(&reverse), static_cast<rapt::Executor*>(&lone)})
      EXPECT_TRUE(same_bits(with(executor), alone)) << shape << ", " << executor->workers() << " workers";
  }
}

/// Queries and keys in any order, and each answer in a place of its own in memory that is not dense.
TEST_P(ObserveBits, AreTheSameWithAnyStrides) {
  const Shape s{2, 4, 2, 20, 70, 9, 8};
  const Inputs<float> inputs(s, 4);
  const AnyScore stages = memory.stages(s)[1];
  const Options<float> options{.isa = GetParam()};
  const Observed<float> expected = observed<float>(inputs.views().q, inputs.views().k, s, stages, options, 6);

  const View<const float> q = inputs.views().q, k = inputs.views().k;
  std::vector<float> q_memory(q.data == nullptr ? 0 : inputs.q.size() * 2), k_memory(inputs.k.size() * 3);
  // Backwards along positions and every second number; keys with the dims outermost.
  View<float> q2 = rapt::strided(q_memory.data() + 2 * s.head_dim * (s.q_len - 1), q.extent,
                                 {2 * s.q_heads * s.q_len * s.head_dim, 2 * s.q_len * s.head_dim, -2 * s.head_dim, 2});
  View<float> k2 =
      rapt::strided(k_memory.data(), k.extent, {s.kv_heads * s.kv_len, s.kv_len, 1, s.batch * s.kv_heads * s.kv_len});
  for (Index b = 0; b < s.batch; ++b) {
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = 0; i < s.q_len; ++i)
        for (Index d = 0; d < s.head_dim; ++d) q2(b, h, i, d) = q(b, h, i, d);
    for (Index h = 0; h < s.kv_heads; ++h)
      for (Index j = 0; j < s.kv_len; ++j)
        for (Index d = 0; d < s.head_dim; ++d) k2(b, h, j, d) = k(b, h, j, d);
  }
  EXPECT_TRUE(
      same_bits(observed<float>(View<const float>(q2), View<const float>(k2), s, stages, options, 6), expected));

  // Answers: transposed, backwards, and with gaps that stay as they are.
  const Index cells = s.rows() * s.kv_len;
  std::vector<float> to(at(2 * cells), sentinel<float>), mass(at(3 * s.batch * s.q_heads * s.kv_len), sentinel<float>),
      entropy(at(s.rows()), sentinel<float>);
  std::vector<std::int32_t> keys(at(s.rows() * 6), -77);
  const View<float> to_view =
      rapt::strided(to.data() + 2 * (s.kv_len - 1) * s.q_len, {s.batch, s.q_heads, s.q_len, s.kv_len},
                    {2 * s.q_heads * s.q_len * s.kv_len, 2 * s.q_len * s.kv_len, 2, -2 * s.q_len});
  rapt::probabilities(q, k, to_view, stages, options);
  const rapt::Cube<float> mass_view{
      mass.data() + 3 * (s.kv_len - 1), {s.batch, s.q_heads, s.kv_len}, {3 * s.q_heads * s.kv_len, 3 * s.kv_len, -3}};
  const View<std::int32_t> keys_view = rapt::bhds(keys.data(), s.batch, s.q_heads, 6, s.q_len);
  rapt::observe(
      q, k,
      {.entropy = rapt::bsh(entropy.data(), s.batch, s.q_len, s.q_heads), .top_keys = keys_view, .mass = mass_view},
      stages, options);
  Index row = 0, cell = 0, column = 0, place = 0;
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h) {
      for (Index i = 0; i < s.q_len; ++i, ++row) {
        for (Index j = 0; j < s.kv_len; ++j, ++cell)
          ASSERT_EQ(bits(to_view(b, h, i, j)), bits(expected.probabilities[at(cell)]));
        for (Index n = 0; n < 6; ++n, ++place) ASSERT_EQ(keys_view(b, h, i, n), expected.top_keys[at(place)]);
        ASSERT_EQ(bits(entropy[at((b * s.q_len + i) * s.q_heads + h)]), bits(expected.entropy[at(row)]));
      }
      for (Index j = 0; j < s.kv_len; ++j, ++column)
        ASSERT_EQ(bits(mass_view(b, h, j)), bits(expected.mass[at(column)]));
    }
  EXPECT_EQ(std::count(to.begin(), to.end(), sentinel<float>), cells);
  EXPECT_EQ(std::count(mass.begin(), mass.end(), sentinel<float>), 2 * s.batch * s.q_heads * s.kv_len);
}

template <class K> void expect_bits_of_caches(Isa isa, const StageMemory& memory) {
  using T = Arithmetic<K>;
  for (const Shape& shape :
       {Shape{2, 4, 2, 20, 513, 17, 8}, Shape{1, 2, 1, 1, 70, 8, 4}, Shape{1, 3, 3, 65, 65, 32, 8}}) {
    const Inputs<T> inputs = inputs_for<K>(shape, 2);
    const rapt::KvCache<K> cache = cache_of<K>(inputs.views(), isa);
    for (const AnyScore& stages : memory.stages(shape))
      ASSERT_TRUE(same_bits(observed<T>(inputs.views().q, cache, shape, stages, Options<T>{.isa = isa}, 4),
                            transcribed<T>(inputs.views(), stages, Options<T>{}, 4)))
          << shape << ", " << stages.words;
  }
}
TEST_P(ObserveBits, OfCachesAreThoseOfTheirKeysInMemory) {
  expect_bits_of_caches<float>(GetParam(), memory);
  expect_bits_of_caches<double>(GetParam(), memory);
  expect_bits_of_caches<Eigen::half>(GetParam(), memory);
  expect_bits_of_caches<Eigen::bfloat16>(GetParam(), memory);
}

/// Each sequence as if it were alone; after its end, nothing is attended to.
TEST_P(ObserveBits, OfSequencesOfDifferentLengthsAreTheirOwn) {
  const Shape shape{2, 4, 2, 10, 150, 16, 8};
  const Inputs<float> inputs(shape, 6);
  const Views<float> in = inputs.views();
  rapt::KvCache<float> cache(cache_shape(shape, 150), GetParam());
  const Index length[2] = {150, 40};
  for (Index b = 0; b < 2; ++b)
    cache.append(b, positions(entry(in.k, b), 0, length[b]), positions(entry(in.v, b), 0, length[b]));
  const AnyScore stages = any_score(rapt::causal());
  const Observed<float> both = observed<float>(in.q, cache, shape, stages, Options<float>{.isa = GetParam()}, 4);
  for (Index b = 0; b < 2; ++b) {
    Shape own = shape;
    own.batch = 1, own.kv_len = length[b];
    const Observed<float> alone = transcribed<float>(
        {entry(in.q, b), positions(entry(in.k, b), 0, length[b]), positions(entry(in.v, b), 0, length[b])}, stages, {},
        4);
    for (Index h = 0; h < 4; ++h) {
      for (Index i = 0; i < 10; ++i) {
        EXPECT_EQ(bits(both.entropy[at(both.row(b, h, i))]), bits(alone.entropy[at(alone.row(0, h, i))]));
        for (Index j = 0; j < 150; ++j) {
          const float p = both.probabilities[at(both.row(b, h, i) * 150 + j)];
          const float s = both.scores[at(both.row(b, h, i) * 150 + j)];
          const Index cell = alone.row(0, h, i) * own.kv_len + j;
          EXPECT_EQ(bits(p), j < own.kv_len ? bits(alone.probabilities[at(cell)]) : 0u);
          EXPECT_EQ(s, j < own.kv_len ? alone.scores[at(cell)] : -std::numeric_limits<float>::infinity());
        }
      }
      for (Index j = 0; j < 150; ++j)
        EXPECT_EQ(bits(both.mass[at((b * 4 + h) * 150 + j)]),
                  j < own.kv_len ? bits(alone.mass[at(h * own.kv_len + j)]) : 0u);
    }
  }
}

TEST_P(ObserveBits, OfARingAreThoseOfACacheThatHoldsEverything) {
  const Shape shape{1, 4, 2, 700, 700, 17, 8};
  const Inputs<float> inputs(shape, 7);
  rapt::RingCache<float> ring(cache_shape(shape, 100), GetParam());
  rapt::KvCache<float> all(cache_shape(shape, 700), GetParam());
  for (Index first = 0; first < 700; first += 50) {
    const View<const float> k = positions(inputs.views().k, first, first + 50),
                            v = positions(inputs.views().v, first, first + 50);
    ring.append(k, v);
    all.append(k, v);
    const View<const float> q = positions(inputs.views().q, first, first + 50);
    Shape now = shape;
    now.q_len = 50, now.kv_len = first + 50;
    const AnyScore stages = any_score(rapt::window(60, 0));
    const Options<float> options{.isa = GetParam()};
    ASSERT_TRUE(
        same_bits(observed<float>(q, ring, now, stages, options, 4), observed<float>(q, all, now, stages, options, 4)));
  }
}

TEST_P(ObserveBits, OfTurnedQueriesAreThoseOfQueriesThatWereTurnedBefore) {
  const Shape shape{2, 4, 2, 20, 70, 16, 8};
  const Inputs<float> inputs(shape, 9);
  const rapt::rope::Table<float> table(rapt::rope::standard(16), 100);
  std::vector<float> turned(inputs.q.size());
  const View<float> y = rapt::bhsd(turned.data(), 2, 4, 20, 16);
  rapt::rope::rotate(inputs.views().q, y, table, {.first = 50, .isa = GetParam()});
  const AnyScore stages = any_score(rapt::causal());
  EXPECT_TRUE(same_bits(
      observed<float>(inputs.views().q, inputs.views().k, shape, stages,
                      Options<float>{.rope = &table, .isa = GetParam()}, 3),
      observed<float>(View<const float>(y), inputs.views().k, shape, stages, Options<float>{.isa = GetParam()}, 3)));
}

RAPT_ON_EVERY_ISA(ObserveBits);

}  // namespace
}  // namespace rapt_test::observe_bits_test
