// The same of keys and values wherever they live: in views, caches of every type, rings and ragged batches. NaN and
// infinities in what is masked, or in no sequence, can't reach the output; one NaN in what is attended reaches the rows
// that attend to it, and of a value no other element; a row without a key is zero.
#include <cmath>
#include <limits>
#include <vector>

#include "rapt/ragged.hpp"
#include "support/isas.hpp"
#include "support/masks.hpp"

namespace rapt_test::masks_homes_test {
namespace {

/// A quiet or signalling NaN of either sign; or, if that may be, an infinity.
float poison(Random& random, bool or_infinity) {
  const std::uint32_t sign = static_cast<std::uint32_t>(random.below(2)) << 31;
  const std::uint32_t payload = static_cast<std::uint32_t>(1 + random.below(0x7fffff));
  return from_bits<float>(sign | 0x7f800000 | (or_infinity && random.below(2) == 0 ? 0 : payload));
}

/// What has become of a key and its value.
struct Spoilt {
  enum Part { none, all, key, value } part = none;
  Index element = 0;
};

/// A call of sequences with `lengths` keys each, whose last query stands at the last key, and a mask.
struct Call {
  Shape shape;
  AnyMask mask;
  std::vector<Index> lengths;

  bool attends(Index b, Index h, Index i, Index j) const {
    return mask.attends(rapt::detail::coord(b, h, lengths[at(b)] - shape.q_len + i, j, i));
  }
  bool attended(Index b, Index kv_head, Index j) const {
    const Index group = shape.q_heads / shape.kv_heads;
    for (Index h = kv_head * group; h < (kv_head + 1) * group; ++h)
      for (Index i = 0; i < shape.q_len; ++i)
        if (attends(b, h, i, j)) return true;
    return false;
  }
};

/// Inputs of a call, some of them poisoned.
class Poisoned {
 public:
  Poisoned(const Inputs<float>& clean, const Call& call, Random& random) : inputs(clean) {
    const Shape& s = clean.shape;
    const Index one_in = 1 + random.below(s.kv_len);  // from all to hardly any
    for (Index b = 0; b < s.batch; ++b)
      for (Index h = 0; h < s.kv_heads; ++h)
        for (Index j = 0; j < s.kv_len; ++j) {
          const bool owned = j < call.lengths[at(b)];
          Spoilt& what = spoilt_.emplace_back();
          if (owned && random.below(one_in) != 0) continue;
          what.part = !owned || !call.attended(b, h, j) ? Spoilt::all
                      : random.below(2) == 0            ? Spoilt::key
                                                        : Spoilt::value;
          what.element = random.below(what.part == Spoilt::key ? s.head_dim : s.value_dim);
          if (what.part == Spoilt::key) inputs.k_view()(b, h, j, what.element) = poison(random, false);
          if (what.part == Spoilt::value) inputs.v_view()(b, h, j, what.element) = poison(random, false);
          if (what.part != Spoilt::all) continue;
          for (Index d = 0; d < s.head_dim; ++d) inputs.k_view()(b, h, j, d) = poison(random, true);
          for (Index d = 0; d < s.value_dim; ++d) inputs.v_view()(b, h, j, d) = poison(random, true);
        }
  }

  const Spoilt& spoilt(Index b, Index kv_head, Index j) const {
    return spoilt_[at((b * inputs.shape.kv_heads + kv_head) * inputs.shape.kv_len + j)];
  }

  Inputs<float> inputs;

 private:
  std::vector<Spoilt> spoilt_;
};

/// `run(inputs)` is the call, from wherever keys and values live.
template <class Run>
void expect_nan_reaches_what_attends(const Call& call, const Inputs<float>& clean, Random& random, const Run& run) {
  const Shape& s = call.shape;
  const Poisoned poisoned(clean, call, random);
  const Result<float> expected = run(clean), found = run(poisoned.inputs);
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = 0; i < s.q_len; ++i) {
        bool any = false, whole = false;
        std::vector<bool> element(at(s.value_dim));
        for (Index j = 0; j < call.lengths[at(b)]; ++j) {
          if (!call.attends(b, h, i, j)) continue;
          any = true;
          const Spoilt& spoilt = poisoned.spoilt(b, h / (s.q_heads / s.kv_heads), j);
          whole = whole || spoilt.part == Spoilt::key;
          if (spoilt.part == Spoilt::value) element[at(spoilt.element)] = true;
        }
        for (Index d = 0; d < s.value_dim; ++d) {
          const float x = found.row(b, h, i)[d];
          const bool nan = whole || element[at(d)];
          ASSERT_TRUE(nan    ? std::isnan(x)
                      : !any ? bits(x) == 0
                             : bits(x) == bits(expected.row(b, h, i)[d]))
              << "row " << i << " of head " << h << " of entry " << b << ", element " << d << ": " << x;
        }
        const float lse = found.lse_of(b, h, i);
        ASSERT_TRUE(whole  ? std::isnan(lse)
                    : !any ? lse == nothing
                           : bits(lse) == bits(expected.lse_of(b, h, i)))
            << "row " << i << " of head " << h << " of entry " << b << ": " << lse;
      }
}

/// One of the library's masks, a function that can't judge a box, or a combination of three.
AnyMask any_of(const std::vector<AnyMask>& masks, Random& random) {
  const auto one = [&]() -> AnyMask {
    const Index n = random.below(Index(masks.size()) + 1);
    return n < Index(masks.size()) ? masks[at(n)] : any_mask(rapt::detail::staged(EveryThird{}));
  };
  switch (random.below(5)) {
    case 0: return any_mask((one() && !one()) || one());
    case 1: return any_mask(one() | (one() || one()));
    case 2: return any_mask(!(one() || one()) && one());
    default: return one();
  }
}

class MasksHomes : public OnEveryIsa {
 protected:
  /// Calls f(call, inputs, random) for masks and shapes at random, in which the longest sequence has all keys.
  template <class F> void each_call(bool ragged, F f) {
    const int flag = testing::UnitTest::GetInstance()->random_seed();  // another one in each run: --gtest_random_seed
    for (std::uint64_t turn = 0; turn < 30; ++turn) {
      const std::uint64_t seed = turn + 1000 * static_cast<std::uint64_t>(flag);
      Random random(seed);
      const Index queries = turn % 2 == 0 ? 1 + random.below(8) : 40 + random.below(40);  // for either kernel
      const Shape shape{2, 4, 2, queries, 129 + random.below(40), 1 + random.below(20), 1 + random.below(20)};
      const MaskMemory memory(shape, seed);
      Call call{shape, any_of(every_mask(memory), random), {shape.kv_len, shape.kv_len}};
      if (ragged) call.lengths[1] = queries + random.below(shape.kv_len - queries);
      SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << call.mask.describe() << ", " << shape);
      f(call, Inputs<float>(shape, seed), random);
      if (HasFailure()) return;
    }
  }

  Result<float> attend_to(const auto& cache, const Inputs<float>& in, const AnyMask& mask) {
    Result<float> result(in.shape);
    rapt::attention(in.views().q, cache, result.out_view(), mask,
                    Options<float>{.lse = result.lse_view(), .isa = GetParam()});
    return result;
  }

  template <class K> void expect_of_cache() {
    each_call(true, [&](const Call& call, const Inputs<float>& clean, Random& random) {
      expect_nan_reaches_what_attends(call, clean, random, [&](const Inputs<float>& in) {
        rapt::KvCache<K> cache(cache_shape(in.shape, in.shape.kv_len), GetParam());
        for (Index s = 0; s < in.shape.batch; ++s) {  // what is beyond the length is written, and then forgotten
          cache.append(s, entry(in.views().k, s), entry(in.views().v, s));
          cache.truncate(s, call.lengths[at(s)]);
        }
        return attend_to(cache, in, call.mask);
      });
    });
  }
};

TEST_P(MasksHomes, OfViews) {
  each_call(false, [&](const Call& call, const Inputs<float>& clean, Random& random) {
    expect_nan_reaches_what_attends(call, clean, random, [&](const Inputs<float>& in) {
      return attend_with(in.views(), call.mask, Options<float>{.isa = GetParam()});
    });
  });
}

TEST_P(MasksHomes, OfCaches) { expect_of_cache<float>(); }
TEST_P(MasksHomes, OfCachesOfHalf) { expect_of_cache<Eigen::half>(); }
TEST_P(MasksHomes, OfCachesOfBfloat16) { expect_of_cache<Eigen::bfloat16>(); }

/// What a ring has forgotten is poisoned as what else is masked.
TEST_P(MasksHomes, OfRings) {
  each_call(false, [&](Call call, const Inputs<float>& clean, Random& random) {
    const Index window = 20;
    call.mask = any_mask(call.mask && rapt::window(window, 0));
    expect_nan_reaches_what_attends(call, clean, random, [&](const Inputs<float>& in) {
      rapt::RingCache<float> ring(cache_shape(in.shape, in.shape.q_len + window), GetParam());
      for (Index at = 0; at < in.shape.kv_len; at += 30) {
        const Index end = std::min<Index>(at + 30, in.shape.kv_len);
        ring.append(positions(in.views().k, at, end), positions(in.views().v, at, end));
      }
      return attend_to(ring, in, call.mask);
    });
  });
}

/// What is behind the end of a padded sequence is poisoned always.
TEST_P(MasksHomes, OfRaggedBatches) {
  each_call(true, [&](const Call& call, const Inputs<float>& clean, Random& random) {
    expect_nan_reaches_what_attends(call, clean, random, [&](const Inputs<float>& in) {
      Result<float> result(in.shape);
      rapt::attention(in.views().q, rapt::padded(in.views().k, call.lengths), rapt::padded(in.views().v, call.lengths),
                      result.out_view(), call.mask, Options<float>{.lse = result.lse_view(), .isa = GetParam()});
      return result;
    });
  });
}

RAPT_ON_EVERY_ISA(MasksHomes);

}  // namespace
}  // namespace rapt_test::masks_homes_test
