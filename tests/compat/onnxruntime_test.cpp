// ONNX Runtime's GroupQueryAttention and MultiHeadAttention, written down naively in double.
#include "rapt/compat/onnxruntime.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "support/executors.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::onnxruntime_test {
namespace {

namespace ort = rapt::compat::onnxruntime;
using rapt::compat::tensor;
using Ints = std::vector<std::int32_t>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// One row: score(j) is −∞ for what is left out.
std::vector<double> row_of(Index keys, Index dim, const std::function<double(Index)>& score,
                           const std::function<double(Index, Index)>& value, double sink = -infinity) {
  std::vector<double> p(at(keys)), out(at(dim));
  double most = sink, sum = 0;
  for (Index j = 0; j < keys; ++j) most = std::max(most, p[at(j)] = score(j));
  for (double& x : p) sum += x = x == -infinity ? 0 : std::exp(x - most);
  if (sink != -infinity) sum += std::exp(sink - most);
  for (Index j = 0; j < keys; ++j)
    for (Index d = 0; d < dim && p[at(j)] > 0; ++d) out[at(d)] += p[at(j)] / sum * value(j, d);
  return out;
}

/// A rounding to T, of a number of about this size.
template <class T> double rounding(double x) {
  const double u = std::is_same_v<T, float> ? 0x1p-24 : std::is_same_v<T, Eigen::half> ? 0x1p-11 : 0x1p-8;
  return 1.01 * u * std::fabs(x) + 1e-6;
}

/// Of an output, from the numbers that are kept: as in pytorch_test.cpp, of scores up to 9 · sqrt(dim), and a rounding.
template <class T> double bound(Index dim, Index keys, double expected) {
  const double d = static_cast<double>(dim), u = 0x1p-24;
  return 4 * (d + 30) * u * 9 * std::sqrt(d) + (static_cast<double>(keys) + 64) * u * 3 + rounding<T>(expected);
}

/// A conversation with several sequences: a right-padded prompt, single tokens, and a chunk.
template <class T> struct Conversation {
  static constexpr Index batch = 3, heads = 6, kv_heads = 2, dim = 16, room = 40, pairs = 4;
  bool interleaved = false, shared = true, packed = false;
  double softcap = 0;
  Index window = -1;
  std::vector<T> sink{};
  bool smooth = false, biased = false;

  std::vector<double> keys = std::vector<double>(at(batch * kv_heads * room * dim)), values = keys;  // as they are kept
  std::vector<Index> have = std::vector<Index>(at(batch));
  std::vector<T> past_k = std::vector<T>(at(batch * kv_heads * room * dim), T(-9.0f)), past_v = past_k;
  std::vector<T> cosines = std::vector<T>(at(room * pairs)), sines = cosines;

  Conversation() {
    for (Index p = 0; p < room; ++p)
      for (Index i = 0; i < pairs; ++i) {
        cosines[at(p * pairs + i)] = static_cast<T>(
            static_cast<float>(std::cos(static_cast<double>(p) * std::pow(100, -static_cast<double>(i) / 4))));
        sines[at(p * pairs + i)] = static_cast<T>(
            static_cast<float>(std::sin(static_cast<double>(p) * std::pow(100, -static_cast<double>(i) / 4))));
      }
  }
  static std::size_t kept(Index b, Index h, Index s, Index d) { return at(((b * kv_heads + h) * room + s) * dim + d); }
  double turned(const std::vector<double>& x, Index place, Index d) const {
    if (d >= 2 * pairs) return x[at(d)];
    const Index pair = interleaved ? d / 2 : d % pairs, other = interleaved ? d ^ 1 : d < pairs ? d + pairs : d - pairs;
    const bool first = interleaved ? d % 2 == 0 : d < pairs;
    const double c = double(float(cosines[at(place * pairs + pair)])),
                 s = double(float(sines[at(place * pairs + pair)]));
    return first ? x[at(d)] * c - x[at(other)] * s : x[at(d)] * c + x[at(other)] * s;
  }

  void step(const Ints& fresh, bool prompt, std::uint64_t seed) {
    const Index n = *std::max_element(fresh.begin(), fresh.end()), width = heads + 2 * kv_heads;
    const auto random = [&](Index count, std::uint64_t salt) {
      std::vector<T> x;
      for (const float f : random_numbers<float>(count, seed * 10 + salt)) x.push_back(T(f));
      return x;
    };
    const std::vector<T> all = random(batch * n * width * dim, 1);
    std::vector<T> q(at(batch * n * heads * dim)), k(at(batch * n * kv_heads * dim)), v = k, out(q.size(), T(5.0f));
    for (Index t = 0; t < batch * n; ++t)
      for (Index i = 0; i < width * dim; ++i) {
        const T x = all[at(t * width * dim + i)];
        if (i < heads * dim)
          q[at(t * heads * dim + i)] = x;
        else if (i < (heads + kv_heads) * dim)
          k[at(t * kv_heads * dim + i - heads * dim)] = x;
        else
          v[at(t * kv_heads * dim + i - (heads + kv_heads) * dim)] = x;
      }
    Index longest = 0;
    Ints last;
    for (Index b = 0; b < batch; ++b) {
      for (Index i = 0; i < fresh[at(b)]; ++i)
        for (Index h = 0; h < kv_heads; ++h) {
          std::vector<double> key;
          for (Index d = 0; d < dim; ++d) key.push_back(double(float(k[at(((b * n + i) * kv_heads + h) * dim + d)])));
          for (Index d = 0; d < dim; ++d) {
            keys[kept(b, h, have[at(b)] + i, d)] = turned(key, have[at(b)] + i, d);
            values[kept(b, h, have[at(b)] + i, d)] = double(float(v[at(((b * n + i) * kv_heads + h) * dim + d)]));
          }
        }
      have[at(b)] += fresh[at(b)];
      last.push_back(static_cast<std::int32_t>(have[at(b)] - 1));
      longest = std::max(longest, have[at(b)]);
    }
    const Index total = prompt ? n : longest;
    const std::vector<T> bias = random(heads * n * total, 2);
    std::vector<T> present_k(past_k.size(), T(-8.0f)), present_v = present_k;
    ort::GroupQueryInputs<T> in{.seqlens_k = tensor(last.data(), {batch}),
                                .total_sequence_length = total,
                                .cos_cache = tensor(cosines.data(), {room, pairs}),
                                .sin_cache = tensor(sines.data(), {room, pairs})};
    if (packed) {
      in.query = tensor(all.data(), {batch, n, width * dim});
    } else {
      in.query = tensor(q.data(), {batch, n, heads * dim});
      in.key = tensor(k.data(), {batch, n, kv_heads * dim});
      in.value = tensor(v.data(), {batch, n, kv_heads * dim});
    }
    const auto cache = [&](std::vector<T>& x) { return tensor(x.data(), {batch, kv_heads, room, dim}); };
    in.past_key = cache(past_k), in.past_value = cache(past_v);
    if (biased) in.attention_bias = tensor(bias.data(), {1, heads, n, total});
    if (!sink.empty()) in.head_sink = tensor(sink.data(), {heads});
    ort::group_query_attention<T>(in,
                                  {.num_heads = heads,
                                   .kv_num_heads = kv_heads,
                                   .softcap = softcap,
                                   .do_rotary = true,
                                   .rotary_interleaved = interleaved,
                                   .local_window_size = window,
                                   .smooth_softmax = smooth},
                                  {.output = tensor(out.data(), {batch, n, heads * dim}),
                                   .present_key = shared ? in_place(past_k) : cache(present_k),
                                   .present_value = shared ? in_place(past_v) : cache(present_v)});
    if (!shared) past_k = present_k, past_v = present_v;
    expect_kept();
    expect(q, out, bias, fresh, n, total);
  }
  static rapt::compat::Tensor<T> in_place(std::vector<T>& x) { return tensor(x.data(), {batch, kv_heads, room, dim}); }

  /// The caches hold what was turned, rounded once; the rows are computed from what they hold.
  void expect_kept() {
    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < kv_heads; ++h)
        for (Index s = 0; s < have[at(b)]; ++s)
          for (Index d = 0; d < dim; ++d) {
            const std::size_t i = kept(b, h, s, d);
            ASSERT_NEAR(double(float(past_k[i])), keys[i], rounding<T>(4 * (1 + std::fabs(keys[i]))));
            ASSERT_EQ(double(float(past_v[i])), values[i]);
            keys[i] = double(float(past_k[i]));
          }
  }
  void expect(const std::vector<T>& q, const std::vector<T>& out, const std::vector<T>& bias, const Ints& fresh,
              Index n, Index total) const {
    for (Index b = 0; b < batch; ++b)
      for (Index i = 0; i < n; ++i)
        for (Index h = 0; h < heads; ++h) {
          const std::size_t first = at(((b * n + i) * heads + h) * dim);
          if (i >= fresh[at(b)]) {
            for (Index d = 0; d < dim; ++d) ASSERT_EQ(float(out[first + at(d)]), 0.0f);
            continue;
          }
          const Index place = have[at(b)] - fresh[at(b)] + i;
          std::vector<double> query, raw;
          for (Index d = 0; d < dim; ++d) raw.push_back(double(float(q[first + at(d)])));
          for (Index d = 0; d < dim; ++d) query.push_back(turned(raw, place, d));
          const std::vector<double> expected = row_of(
              have[at(b)], dim,
              [&](Index j) {
                if (j > place || (window > 0 && j <= place - window)) return -infinity;
                double s = 0;
                for (Index d = 0; d < dim; ++d) s += query[at(d)] * keys[kept(b, h / 3, j, d)];
                s /= 4;
                if (softcap != 0) s = softcap * std::tanh(s / softcap);
                return biased ? s + double(float(bias[at((h * n + i) * total + j)])) : s;
              },
              [&](Index j, Index d) { return values[kept(b, h / 3, j, d)]; },
              !sink.empty() ? double(float(sink[at(h)]))
              : smooth      ? 0.0
                            : -infinity);
          for (Index d = 0; d < dim; ++d)
            ASSERT_NEAR(double(float(out[first + at(d)])), expected[at(d)], bound<T>(dim, room, expected[at(d)]))
                << b << ' ' << i << ' ' << h;
        }
  }
  void run() {
    step({9, 4, 12}, true, 1);
    for (std::uint64_t turn = 2; turn < 5; ++turn) step({1, 1, 1}, false, turn);
    step({4, 4, 4}, false, 9);
  }
};

template <class T> class OrtGroupQuery : public testing::Test {};
using OrtTypes = testing::Types<float, Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(OrtGroupQuery, OrtTypes);

TYPED_TEST(OrtGroupQuery, HoldsAConversation) {
  using T = TypeParam;
  Conversation<T>().run();
  Conversation<T> everything;
  everything.interleaved = true, everything.softcap = 20, everything.window = 8;
  everything.sink = {T(0.5f), T(0.0f), T(-1.0f), T(2.0f), T(0.0f), T(3.0f)};
  everything.run();
  Conversation<T> apart;
  apart.shared = false, apart.packed = true, apart.biased = true, apart.smooth = true;
  apart.run();
}

TEST(OrtGroupQuery, SharedBuffersKeepWhatIsNotNew) {
  Conversation<float> c;
  c.step({9, 4, 12}, true, 1);
  EXPECT_EQ(c.past_k[Conversation<float>::kept(1, 0, 4, 3)], -9.0f) << "padding is not taken in";
  const float before = c.past_k[Conversation<float>::kept(0, 1, 3, 5)];
  c.step({1, 1, 1}, false, 2);
  EXPECT_EQ(c.past_k[Conversation<float>::kept(0, 1, 3, 5)], before);
}

struct MultiHeadCase {
  bool packed_q = false, packed_kv = false, biased = false, causal = false, attention_bias = false;
  int mask = 0;  // 1: lengths, 2: for each key
  Index past = 0;
};

template <class T> void expect_multi_head(const MultiHeadCase& c) {
  constexpr Index batch = 2, heads = 3, dim = 8, n = 5;
  const Index fresh = c.packed_q ? n : 7, total = c.past + fresh, hidden = heads * dim;
  const auto random = [&](Index count, std::uint64_t seed) {
    std::vector<T> x;
    for (const float f : random_numbers<float>(count, seed)) x.push_back(T(f));
    return x;
  };
  const std::vector<T> q = random(batch * n * hidden, 1), k = random(batch * fresh * hidden, 2),
                       v = random(batch * fresh * hidden, 3), bias = random(3 * hidden, 4),
                       past_k = random(batch * heads * c.past * dim, 5),
                       past_v = random(batch * heads * c.past * dim, 6), added = random(batch * n * total, 7);
  std::vector<T> out(q.size()), present_k(at(batch * heads * total * dim)), present_v = present_k;
  std::vector<T> packed;  // [batch, seq, heads, 3 or 2, dim]
  const auto pack = [&](Index length, std::initializer_list<const std::vector<T>*> parts) {
    for (Index t = 0; t < batch * length; ++t)
      for (Index h = 0; h < heads; ++h)
        for (const std::vector<T>* part : parts)
          for (Index d = 0; d < dim; ++d) packed.push_back((*part)[at((t * heads + h) * dim + d)]);
  };
  ort::MultiHeadInputs<T> in;
  if (c.packed_q) {
    pack(n, {&q, &k, &v});
    in.query = tensor(packed.data(), {batch, n, heads, 3, dim});
  } else {
    in.query = tensor(q.data(), {batch, n, hidden});
    if (c.packed_kv) {
      pack(fresh, {&k, &v});
      in.key = tensor(packed.data(), {batch, fresh, heads, 2, dim});
    } else {
      in.key = tensor(k.data(), {batch, fresh, hidden}), in.value = tensor(v.data(), {batch, fresh, hidden});
    }
  }
  if (c.biased) in.bias = tensor(bias.data(), {3 * hidden});
  if (c.attention_bias) in.attention_bias = tensor(added.data(), {batch, 1, n, total});
  const Ints lengths{static_cast<std::int32_t>(total - 2), 0};  // of the second sequence, every key is masked
  Ints mask(at(batch * total), 1);
  for (Index j = 0; j < total; ++j) mask[at(j)] = j % 3 != 1, mask[at(total + j)] = j < total - 1 ? 7 : 0;
  if (c.mask == 1) in.key_padding_mask = tensor(lengths.data(), {batch});
  if (c.mask == 2) in.key_padding_mask = tensor(mask.data(), {batch, total});
  ort::MultiHeadOutputs<T> to{.output = tensor(out.data(), {batch, n, hidden})};
  if (c.past > 0) {
    in.past_key = tensor(past_k.data(), {batch, heads, c.past, dim});
    in.past_value = tensor(past_v.data(), {batch, heads, c.past, dim});
    to.present_key = tensor(present_k.data(), {batch, heads, total, dim});
    to.present_value = tensor(present_v.data(), {batch, heads, total, dim});
  }
  ort::multi_head_attention<T>(in, {.num_heads = heads, .unidirectional = c.causal}, to);

  const auto number = [](const std::vector<T>& x, Index i) { return double(float(x[at(i)])); };
  const auto summed = [&](const std::vector<T>& x, const std::vector<T>& past, Index part, Index b, Index h, Index j,
                          Index d) {
    if (j < c.past) return number(past, ((b * heads + h) * c.past + j) * dim + d);
    const double plain = number(x, ((b * fresh + j - c.past) * heads + h) * dim + d);
    return c.biased ? plain + number(bias, part * hidden + h * dim + d) : plain;
  };
  // With a past, from what the present holds, which is that rounded once.
  const auto of = [&](const std::vector<T>& x, const std::vector<T>& past, const std::vector<T>& present, Index part,
                      Index b, Index h, Index j, Index d) {
    const double sum = summed(x, past, part, b, h, j, d);
    if (c.past == 0) return sum;
    const double kept = number(present, ((b * heads + h) * total + j) * dim + d);
    EXPECT_NEAR(kept, sum, rounding<T>(sum));
    return kept;
  };
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < n; ++i)
      for (Index h = 0; h < heads; ++h) {
        const std::vector<double> expected = row_of(
            total, dim,
            [&](Index j) {
              if (c.causal && j > c.past + i) return -infinity;
              double s = 0;
              for (Index d = 0; d < dim; ++d) {
                const double query =
                    number(q, ((b * n + i) * heads + h) * dim + d) + (c.biased ? number(bias, h * dim + d) : 0);
                s += query * of(k, past_k, present_k, 1, b, h, j, d);
              }
              s /= std::sqrt(8.0);
              const bool masked = c.mask == 1 ? j >= lengths[at(b)] : c.mask == 2 && mask[at(b * total + j)] == 0;
              if (c.attention_bias) s += number(added, (b * n + i) * total + j);
              return masked ? s - 10000 : s;
            },
            [&](Index j, Index d) { return of(v, past_v, present_v, 2, b, h, j, d); });
        // A score less 10000 has lost digits: half a unit of 2^-10 in its last place, which moves a weight by as much.
        const double lost = c.mask == 1 ? 4 * 0x1p-10 * 4 : 0;
        for (Index d = 0; d < dim; ++d)
          ASSERT_NEAR(number(out, ((b * n + i) * heads + h) * dim + d), expected[at(d)],
                      bound<T>(dim, total, expected[at(d)]) + lost)
              << b << ' ' << i << ' ' << h;
      }
}

template <class T> void expect_all_multi_heads() {
  for (const int mask : {0, 1, 2})
    for (const bool causal : {false, true}) {
      expect_multi_head<T>({.causal = causal, .mask = mask});
      expect_multi_head<T>({.packed_q = true, .biased = true, .causal = causal, .mask = mask});
      expect_multi_head<T>({.packed_kv = true, .causal = causal, .attention_bias = true, .mask = mask});
      expect_multi_head<T>({.biased = true, .causal = causal, .attention_bias = true, .mask = mask, .past = 4});
    }
}

TEST(OrtMultiHead, IsWhatItsDocumentationSays) { expect_all_multi_heads<float>(); }
TEST(OrtMultiHead, IsTheSameIn16Bits) { expect_all_multi_heads<Eigen::half>(); }

TEST(OrtErrors, NameInputsAndAttributes) {
  std::vector<float> x(2 * 3 * 48), y(x), cache(2 * 1 * 20 * 8), values(cache);
  const Ints last{2, 2};
  const auto gqa = [&](const std::function<void(ort::GroupQueryInputs<float>&, ort::GroupQueryAttributes&,
                                                ort::GroupQueryOutputs<float>&)>& change) {
    ort::GroupQueryInputs<float> in{.query = tensor(x.data(), {2, 3, 16}),
                                    .key = tensor(x.data(), {2, 3, 8}),
                                    .value = tensor(x.data(), {2, 3, 8}),
                                    .seqlens_k = tensor(last.data(), {2}),
                                    .total_sequence_length = 3};
    ort::GroupQueryAttributes a{.num_heads = 2, .kv_num_heads = 1};
    ort::GroupQueryOutputs<float> out{tensor(y.data(), {2, 3, 16}), tensor(cache.data(), {2, 1, 20, 8}),
                                      tensor(values.data(), {2, 1, 20, 8})};
    change(in, a, out);
    return refusal([&] { ort::group_query_attention<float>(in, a, out); });
  };
  EXPECT_EQ(gqa([](auto&, auto&, auto&) {}), "");
  EXPECT_EQ(gqa([](auto&, auto& a, auto&) { a.kv_num_heads = 3; }),
            "rapt: kv_num_heads: is 3; it has to divide num_heads, 2");
  EXPECT_EQ(gqa([](auto& i, auto&, auto&) { i.total_sequence_length = 2; }),
            "rapt: seqlens_k: number 0 is 2; it has to be from 2 to 1, as it is the last of total_sequence_length "
            "positions");
  EXPECT_EQ(gqa([](auto& i, auto&, auto&) { i.total_sequence_length = 30; }), "");
  EXPECT_EQ(gqa([](auto&, auto& a, auto&) { a.do_rotary = true; }),
            "rapt: cos_cache: is not given; it has to be, as do_rotary is set");
  EXPECT_EQ(gqa([](auto&, auto& a, auto&) { a.local_window_size = 0; }),
            "rapt: local_window_size: is 0; it has to be 1 or more, or -1 for all");
  EXPECT_EQ(gqa([&](auto&, auto&, auto& o) {
              o.output = tensor(x.data(), {2, 3, 16});
            }),
            "rapt: output: shares memory with query; it has to be apart from what is read");
  EXPECT_EQ(gqa([&](auto&, auto&, auto& o) {
              o.present_key = tensor(cache.data(), {2, 1, 2, 8});
            }),
            "rapt: present_value: its length is 20; it has to be 2, as in present_key");
}

}  // namespace
}  // namespace rapt_test::onnxruntime_test
