// FlashAttention's functions as their docstrings have them, written down naively: every argument crossed with every
// other.
#include "rapt/compat/flash_attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::flash_attention_test {
namespace {

namespace api = rapt::compat::flash_attention;
using rapt::compat::Tensor;
using rapt::compat::tensor;
using Ints = std::vector<std::int32_t>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// [entries, length, heads, dim], or [length, heads, dim]; memory is exactly as long as it has to be.
template <class T> struct Memory {
  std::vector<Index> dims;
  std::vector<T> x;

  Memory() = default;
  Memory(std::vector<Index> d, Random& random) : dims(std::move(d)) {
    Index count = 1;
    for (const Index n : dims) count *= n;
    x.resize(at(count));
    for (T& e : x) e = static_cast<T>(random.uniform());
  }
  Tensor<T> view() { return tensor(x.data(), dims.data(), static_cast<int>(dims.size())); }
  T* row(Index entry, Index s, Index h) {
    const std::size_t n = dims.size();
    return x.data() + ((entry * dims[n - 3] + s) * dims[n - 2] + h) * dims[n - 1];
  }
};

/// What all functions have in common.
struct Common {
  std::optional<double> scale;
  bool causal = false;
  api::WindowSize window;
  double softcap = 0;
  std::vector<float> slopes;
  bool slopes_by_batch = false;
  bool wants_lse = false;
};

Common random_common(Random& random, Index batch, Index heads) {
  const auto chance = [&](Index n) { return random.below(n) == 0; };
  Common c;
  if (chance(2)) c.scale = 0.2 * static_cast<double>(random.below(6));
  c.causal = chance(2);
  if (chance(2)) c.window.left = random.below(20);
  if (chance(2)) c.window.right = random.below(20);
  if (chance(2)) c.softcap = 0.5 + static_cast<double>(random.below(30));
  if (chance(2)) {
    c.slopes_by_batch = chance(2);
    for (Index i = 0; i < heads * (c.slopes_by_batch ? batch : 1); ++i)
      c.slopes.push_back(0.01f * static_cast<float>(1 + random.below(50)));
  }
  c.wants_lse = chance(2);
  return c;
}
Tensor<const float> slopes_of(const Common& c, Index batch, Index heads) {
  if (c.slopes.empty()) return {};
  return c.slopes_by_batch ? tensor(c.slopes.data(), {batch, heads}) : tensor(c.slopes.data(), {heads});
}

/// One row: a query, and its sequence's keys and values.
template <class T> struct Row {
  const T* query;
  std::vector<const T*> keys, values;
  Index dim, value_dim, i, seqlen_q;
};

/// Output and logsumexp of a row. Query i stands at i + seqlen_k − seqlen_q.
template <class T>
std::vector<double> attend(const Row<T>& r, const Common& c, Index batch, Index head, Index heads, double& lse) {
  const Index seqlen_k = std::ssize(r.keys), position = r.i + seqlen_k - r.seqlen_q;
  const double scale = c.scale.value_or(1 / std::sqrt(static_cast<double>(r.dim)));
  std::vector<double> scores(at(seqlen_k)), out(at(r.value_dim), 0.0);
  double largest = -infinity, sum = 0;
  for (Index j = 0; j < seqlen_k; ++j) {
    double s = 0;
    for (Index d = 0; d < r.dim; ++d) s += static_cast<double>(r.query[d]) * static_cast<double>(r.keys[at(j)][d]);
    s *= scale;
    if (c.softcap > 0) s = c.softcap * std::tanh(s / c.softcap);
    if (!c.slopes.empty())
      s -= static_cast<double>(c.slopes[at(c.slopes_by_batch ? batch * heads + head : head)]) *
           static_cast<double>(std::abs(position - j));
    const bool masked = (c.causal && j > position) || (c.window.left >= 0 && j < position - c.window.left) ||
                        (c.window.right >= 0 && j > position + c.window.right);
    scores[at(j)] = masked ? -infinity : s;
    largest = std::max(largest, scores[at(j)]);
  }
  for (double& s : scores) sum += s = largest == -infinity ? 0 : std::exp(s - largest);
  for (Index j = 0; j < seqlen_k && sum > 0; ++j)
    for (Index d = 0; d < r.value_dim; ++d) out[at(d)] += scores[at(j)] / sum * static_cast<double>(r.values[at(j)][d]);
  lse = sum == 0 ? -infinity : largest + std::log(sum);
  return out;
}

/// Of numbers up to 1: a score is a chain of `dim` roundings and some more, of numbers up to dim · scale and, with
/// ALiBi, half a distance; a weight is off by twice that, and by the sum's roundings; what was turned, by four more
/// each.
template <class T> double bound(Index dim, Index keys, const Common& c) {
  const double u = sizeof(T) == 8 ? 0x1p-53 : 0x1p-24, d = static_cast<double>(dim), n = static_cast<double>(keys);
  const double scale = c.scale.value_or(1 / std::sqrt(d));
  const double largest = 2 * d * scale + 1 + (c.slopes.empty() ? 0 : 0.5 * (n + 80));
  return 4 * (d + 24) * u * largest + (n + 64) * u;
}

template <class T> void expect_row(const T* found, const std::vector<double>& expected, double tolerance) {
  for (std::size_t d = 0; d < expected.size(); ++d) ASSERT_NEAR(static_cast<double>(found[d]), expected[d], tolerance);
}
void expect_lse(double found, double expected, double tolerance) {
  if (std::isinf(expected))
    ASSERT_EQ(found, expected);
  else
    ASSERT_NEAR(found, expected, tolerance + 1e-6 * std::fabs(expected));
}

template <class T> void cross_func(std::uint64_t seed, int count) {
  Random random(seed);
  ThreadExecutor threads(3);
  for (int n = 0; n < count; ++n) {
    const Index batch = 1 + random.below(3), kv_heads = 1 + random.below(3), heads = kv_heads * (1 + random.below(3));
    const Index sq = 1 + random.below(80), sk = 1 + random.below(120), dim = 1 + random.below(24),
                dv = 1 + random.below(24);
    const Common c = random_common(random, batch, heads);
    Memory<T> q({batch, sq, heads, dim}, random), k({batch, sk, kv_heads, dim}, random),
        v({batch, sk, kv_heads, dv}, random), out({batch, sq, heads, dv}, random), lse({batch, heads, sq}, random);
    api::Arguments<T> a{.softmax_scale = c.scale,
                        .causal = c.causal,
                        .window_size = c.window,
                        .softcap = c.softcap,
                        .alibi_slopes = slopes_of(c, batch, heads)};
    if (c.wants_lse) a.softmax_lse = lse.view();
    api::flash_attn_func<T>(q.view(), k.view(), v.view(), out.view(), a, {.executor = n % 2 == 0 ? &threads : nullptr});
    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < heads; ++h)
        for (Index i = 0; i < sq; ++i) {
          Row<T> row{q.row(b, i, h), {}, {}, dim, dv, i, sq};
          for (Index j = 0; j < sk; ++j) {
            row.keys.push_back(k.row(b, j, h / (heads / kv_heads)));
            row.values.push_back(v.row(b, j, h / (heads / kv_heads)));
          }
          double expected_lse;
          const auto expected = attend(row, c, b, h, heads, expected_lse);
          expect_row(out.row(b, i, h), expected, bound<T>(dim, sk, c));
          if (c.wants_lse)
            expect_lse(static_cast<double>(lse.x[at((b * heads + h) * sq + i)]), expected_lse, bound<T>(dim, sk, c));
          if (testing::Test::HasFatalFailure()) FAIL() << "case " << n << ", row " << b << " " << h << " " << i;
        }
  }
}

TEST(FlashAttention, Func) { cross_func<float>(1, 80); }
TEST(FlashAttention, FuncInDouble) { cross_func<double>(2, 30); }

/// Sequences packed, and keys in pages.
template <class T> void cross_varlen(std::uint64_t seed, int count) {
  Random random(seed);
  ThreadExecutor threads(3);
  for (int n = 0; n < count; ++n) {
    const bool paged = n % 2 == 1;
    const Index batch = 1 + random.below(4), kv_heads = 1 + random.below(3), heads = kv_heads * (1 + random.below(3));
    const Index dim = 1 + random.below(20), dv = 1 + random.below(20),
                page = std::array{5, 16, 64, 128}[at(random.below(4))];
    const Common c = random_common(random, batch, heads);
    Ints q_at{0}, k_at{0};
    std::int32_t most_q = 0, most_k = 0, pages = 0;
    for (Index b = 0; b < batch; ++b) {
      const auto lq = static_cast<std::int32_t>(random.below(60)), lk = static_cast<std::int32_t>(random.below(250));
      q_at.push_back(q_at.back() + lq), k_at.push_back(k_at.back() + lk);
      most_q = std::max(most_q, lq), most_k = std::max(most_k, lk);
    }
    const Index columns = most_k / page + 1;
    Ints table;
    for (Index i = 0; i < batch * columns; ++i) table.push_back(static_cast<std::int32_t>(pages++));
    for (std::size_t i = table.size(); i-- > 1;)
      std::swap(table[i], table[at(random.below(static_cast<Index>(i) + 1))]);
    const auto kv_dims = [&](Index d) {
      return paged ? std::vector<Index>{pages, page, kv_heads, d} : std::vector<Index>{k_at.back(), kv_heads, d};
    };
    Memory<T> q({q_at.back(), heads, dim}, random), k(kv_dims(dim), random), v(kv_dims(dv), random),
        out({q_at.back(), heads, dv}, random), lse({heads, q_at.back()}, random);
    api::Arguments<T> a{.softmax_scale = c.scale,
                        .causal = c.causal,
                        .window_size = c.window,
                        .softcap = c.softcap,
                        .alibi_slopes = slopes_of(c, batch, heads)};
    if (c.wants_lse) a.softmax_lse = lse.view();
    if (paged) a.block_table = tensor(table.data(), {batch, columns});
    api::flash_attn_varlen_func<T>(q.view(), k.view(), v.view(), out.view(), tensor(q_at.data(), {std::ssize(q_at)}),
                                   tensor(k_at.data(), {std::ssize(k_at)}), most_q, most_k, a,
                                   {.executor = n % 3 == 0 ? &threads : nullptr});
    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < heads; ++h)
        for (Index i = 0; i < q_at[at(b + 1)] - q_at[at(b)]; ++i) {
          const Index token = q_at[at(b)] + i, kv_head = h / (heads / kv_heads);
          Row<T> row{q.row(0, token, h), {}, {}, dim, dv, i, q_at[at(b + 1)] - q_at[at(b)]};
          for (Index j = 0; j < k_at[at(b + 1)] - k_at[at(b)]; ++j) {
            const Index entry = paged ? table[at(b * columns + j / page)] : 0;
            const Index place = paged ? j % page : k_at[at(b)] + j;
            row.keys.push_back(k.row(entry, place, kv_head));
            row.values.push_back(v.row(entry, place, kv_head));
          }
          double expected_lse;
          const auto expected = attend(row, c, b, h, heads, expected_lse);
          expect_row(out.row(0, token, h), expected, bound<T>(dim, most_k, c));
          if (c.wants_lse)
            expect_lse(static_cast<double>(lse.x[at(h * q_at.back() + token)]), expected_lse, bound<T>(dim, most_k, c));
          if (testing::Test::HasFatalFailure()) FAIL() << "case " << n << ", row " << b << " " << h << " " << i;
        }
  }
}

TEST(FlashAttention, Varlen) { cross_varlen<float>(3, 80); }
TEST(FlashAttention, VarlenInDouble) { cross_varlen<double>(4, 20); }

/// The rotation of one vector, by the row of a position: x1 cos − x2 sin, x1 sin + x2 cos.
template <class T>
std::vector<T> turned(const T* x, Index dim, const Memory<T>& cosines, const Memory<T>& sines, Index row,
                      bool neighbours) {
  std::vector<T> y(x, x + dim);
  const Index n = cosines.dims[1];
  for (Index p = 0; p < n; ++p) {
    const std::size_t a = at(neighbours ? 2 * p : p), b = at(neighbours ? 2 * p + 1 : p + n);
    const double c = static_cast<double>(cosines.x[at(row * n + p)]), s = static_cast<double>(sines.x[at(row * n + p)]);
    y[a] = static_cast<T>(static_cast<double>(x[a]) * c - static_cast<double>(x[b]) * s);
    y[b] = static_cast<T>(static_cast<double>(x[a]) * s + static_cast<double>(x[b]) * c);
  }
  return y;
}

template <class T> void cross_kvcache(std::uint64_t seed, int count) {
  Random random(seed);
  ThreadExecutor threads(3);
  const auto chance = [&](Index n) { return random.below(n) == 0; };
  for (int n = 0; n < count; ++n) {
    const bool paged = chance(3), appends = !chance(3), rotates = appends && chance(2), neighbours = chance(2);
    const bool picks = !paged && chance(2), pads = !paged && chance(2), one_length = chance(5);
    const Index batch = 1 + random.below(3), kv_heads = 1 + random.below(3), heads = kv_heads * (1 + random.below(3));
    const Index dim = 2 * (1 + random.below(12)), dv = 1 + random.below(20);
    const Index page = std::array{20, 16, 64, 128}[at(random.below(4))], columns = 1 + random.below(6);
    const Index room = paged ? page * columns : 20 + random.below(200);
    const Index sq = chance(2) ? 1 : 1 + random.below(40),
                fresh = appends ? 1 + random.below(std::min<Index>(room, 20)) : 0;
    const Index entries = picks ? batch + 2 : batch;
    const Common c = random_common(random, batch, heads);
    Ints lengths, index, starts, table;
    for (Index b = 0; b < batch; ++b) {
      lengths.push_back(static_cast<std::int32_t>(one_length && b > 0 ? lengths[0] : random.below(room - fresh + 1)));
      starts.push_back(static_cast<std::int32_t>(random.below(lengths.back() + 1)));
      index.push_back(static_cast<std::int32_t>((b * 2 + 1) % entries));
    }
    for (Index b = 0; b < batch && picks; ++b) index[at(b)] = static_cast<std::int32_t>(entries - 1 - b);
    for (Index i = 0; i < batch * columns; ++i) table.push_back(static_cast<std::int32_t>(batch * columns - 1 - i));
    const bool whole = !appends && chance(3);  // no cache_seqlens: all of the cache
    if (whole)
      for (Index b = 0; b < batch; ++b)
        lengths[at(b)] = static_cast<std::int32_t>(room), starts[at(b)] = static_cast<std::int32_t>(random.below(room));

    const auto cache_dims = [&](Index d) {
      return paged ? std::vector<Index>{batch * columns, page, kv_heads, d}
                   : std::vector<Index>{entries, room, kv_heads, d};
    };
    Memory<T> q({batch, sq, heads, dim}, random), k_cache(cache_dims(dim), random), v_cache(cache_dims(dv), random),
        k({batch, fresh, kv_heads, dim}, random), v({batch, fresh, kv_heads, dv}, random),
        out({batch, sq, heads, dv}, random), lse({batch, heads, sq}, random);
    const Index pairs = 1 + random.below(dim / 2), rows = room + sq + 1;
    Memory<T> cosines({rows, pairs}, random), sines({rows, pairs}, random);
    Memory<T> k_before = k_cache, v_before = v_cache;

    api::KvCacheArguments<T> a{.softmax_scale = c.scale,
                               .causal = c.causal,
                               .window_size = c.window,
                               .softcap = c.softcap,
                               .rotary_interleaved = neighbours,
                               .alibi_slopes = slopes_of(c, batch, heads),
                               .num_splits = n % 3};
    if (appends) a.k = k.view(), a.v = v.view();
    if (rotates) a.rotary_cos = cosines.view(), a.rotary_sin = sines.view();
    if (!whole) a.cache_seqlens = tensor(lengths.data(), {one_length ? 1 : batch});
    if (picks) a.cache_batch_idx = tensor(index.data(), {batch});
    if (pads) a.cache_leftpad = tensor(starts.data(), {batch});
    if (paged) a.block_table = tensor(table.data(), {batch, columns});
    if (c.wants_lse) a.softmax_lse = lse.view();
    api::flash_attn_with_kvcache<T>(q.view(), k_cache.view(), v_cache.view(), out.view(), a,
                                    {.executor = n % 2 == 0 ? &threads : nullptr});

    // The caches as they should be: only the new positions differ.
    const auto place = [&](Index b, Index s) {
      if (paged) return std::pair<Index, Index>{table[at(b * columns + s / page)], s % page};
      return std::pair<Index, Index>{picks ? index[at(b)] : b, s};
    };
    const double tolerance = bound<T>(dim, room, c);
    for (Index b = 0; b < batch; ++b)
      for (Index s = 0; s < fresh; ++s)
        for (Index h = 0; h < kv_heads; ++h) {
          const auto [entry, inside] = place(b, lengths[at(b)] + s);
          std::vector<T> key(k.row(b, s, h), k.row(b, s, h) + dim);
          if (rotates) key = turned(k.row(b, s, h), dim, cosines, sines, lengths[at(b)] + s, neighbours);
          std::copy(key.begin(), key.end(), k_before.row(entry, inside, h));
          std::copy_n(v.row(b, s, h), dv, v_before.row(entry, inside, h));
        }
    for (std::size_t i = 0; i < k_cache.x.size(); ++i)
      ASSERT_NEAR(static_cast<double>(k_cache.x[i]), static_cast<double>(k_before.x[i]), rotates ? tolerance : 0.0)
          << n;
    ASSERT_EQ(v_cache.x, v_before.x) << n;

    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < heads; ++h)
        for (Index i = 0; i < sq; ++i) {
          const bool moving = c.causal || c.window.left >= 0 || c.window.right >= 0;
          std::vector<T> query(q.row(b, i, h), q.row(b, i, h) + dim);
          if (rotates)
            query = turned(q.row(b, i, h), dim, cosines, sines, lengths[at(b)] + (moving ? i : 0), neighbours);
          Row<T> row{query.data(), {}, {}, dim, dv, i, sq};
          for (Index s = pads ? starts[at(b)] : 0; s < lengths[at(b)] + fresh; ++s) {
            const auto [entry, inside] = place(b, s);
            row.keys.push_back(k_before.row(entry, inside, h / (heads / kv_heads)));
            row.values.push_back(v_before.row(entry, inside, h / (heads / kv_heads)));
          }
          double expected_lse;
          const auto expected = attend(row, c, b, h, heads, expected_lse);
          expect_row(out.row(b, i, h), expected, 2 * tolerance);
          if (c.wants_lse)
            expect_lse(static_cast<double>(lse.x[at((b * heads + h) * sq + i)]), expected_lse, 2 * tolerance);
          if (testing::Test::HasFatalFailure()) FAIL() << "case " << n << ", row " << b << " " << h << " " << i;
        }
  }
}

TEST(FlashAttention, KvCache) { cross_kvcache<float>(5, 200); }
TEST(FlashAttention, KvCacheInDouble) { cross_kvcache<double>(6, 60); }

TEST(FlashAttention, PagesHaveTheBitsOfACacheInOnePiece) {
  Random random(7);
  const Index dim = 64, length = 256;
  Memory<float> q({1, 1, 8, dim}, random), k({1, length, 2, dim}, random), v({1, length, 2, dim}, random);
  Memory<float> whole({1, 1, 8, dim}, random), paged = whole;
  Memory<float> k_pages({4, 64, 2, dim}, random), v_pages({4, 64, 2, dim}, random);
  const Ints table{2, 0, 3, 1}, lengths{250};
  for (Index p = 0; p < 4; ++p)
    for (Index s = 0; s < 64; ++s)
      for (Index h = 0; h < 2; ++h) {
        std::copy_n(k.row(0, p * 64 + s, h), dim, k_pages.row(table[at(p)], s, h));
        std::copy_n(v.row(0, p * 64 + s, h), dim, v_pages.row(table[at(p)], s, h));
      }
  const auto seqlens = tensor(lengths.data(), {1});
  api::flash_attn_with_kvcache<float>(q.view(), k.view(), v.view(), whole.view(),
                                      {.cache_seqlens = seqlens, .causal = true});
  api::flash_attn_with_kvcache<float>(
      q.view(), k_pages.view(), v_pages.view(), paged.view(),
      {.cache_seqlens = seqlens, .block_table = tensor(table.data(), {1, 4}), .causal = true});
  EXPECT_TRUE(same_bits(whole.x, paged.x));
}

TEST(FlashAttention, RefusesInItsWords) {
  Random random(8);
  Memory<float> q({2, 3, 4, 8}, random), k({2, 5, 2, 8}, random), out({2, 3, 4, 8}, random);
  Memory<float> cache({2, 9, 2, 8}, random), v_cache = cache, fresh({2, 4, 2, 8}, random), angles({20, 3}, random);
  const auto before = out.x;
  const Ints lengths{3, 6}, short_ones{3, 5};
  const auto func = [&](const auto& change) {
    api::Arguments<float> a;
    Tensor<const float> qt = q.view(), kt = k.view(), vt = k.view();
    Tensor<float> o = out.view();
    change(a, qt, kt, vt, o);
    return refusal([&] { api::flash_attn_func<float>(qt, kt, vt, o, a); });
  };
  EXPECT_EQ(func([](auto& a, auto&, auto&, auto&, auto&) { a.dropout_p = 0.1; }),
            "rapt: dropout_p: is 0.1; it has to be 0: this is inference");
  EXPECT_EQ(func([](auto&, auto&, auto& kt, auto&, auto&) { kt.size[3] = 7; }),
            "rapt: k: headdim is 7; it has to be 8, as in q");
  EXPECT_EQ(func([](auto&, auto&, auto&, auto& vt, auto&) { vt.size[1] = 4; }),
            "rapt: v: seqlen is 4; it has to be 5, as in k");
  EXPECT_EQ(func([](auto&, auto&, auto& kt, auto& vt, auto&) { kt.size[0] = vt.size[0] = 1; }),
            "rapt: k: batch is 1; it has to be 2, as in q");
  EXPECT_EQ(func([](auto&, auto& qt, auto&, auto&, auto&) { qt.rank = 3; }),
            "rapt: q: has 3 dimensions; it has to have 4");
  EXPECT_EQ(func([&](auto& a, auto&, auto&, auto&, auto&) { a.alibi_slopes = tensor(q.x.data(), {3}); }),
            "rapt: alibi_slopes: the number of heads is 3; it has to be 4, as in q");
  EXPECT_EQ(func([&](auto& a, auto&, auto&, auto&, auto&) {
              a.softmax_lse = tensor(out.x.data(), {2, 4, 5});
            }),
            "rapt: softmax_lse: its last size is 5; it has to be 3, as in q");
  EXPECT_EQ(func([&](auto&, auto&, auto&, auto&, auto& o) { o.data = q.x.data(); }),
            "rapt: out: shares memory with q; it has to be apart from what is read");

  const auto with_cache = [&](const auto& change) {
    api::KvCacheArguments<float> a{
        .k = fresh.view(), .v = fresh.view(), .cache_seqlens = tensor(short_ones.data(), {2})};
    change(a);
    return refusal([&] { api::flash_attn_with_kvcache<float>(q.view(), cache.view(), v_cache.view(), out.view(), a); });
  };
  const auto k_before = cache.x;
  EXPECT_EQ(with_cache([&](auto& a) { a.cache_seqlens = tensor(lengths.data(), {2}); }),
            "rapt: cache_seqlens: number 1 is 6; it has to be from 0 to 5, so that the new ones have room");
  EXPECT_EQ(with_cache([](auto& a) { a.cache_seqlens = {}; }),
            "rapt: cache_seqlens: is not given; it has to be, as k is");
  EXPECT_EQ(with_cache([](auto& a) { a.v = {}; }), "rapt: v: is not given; k and v go together");
  EXPECT_EQ(with_cache([&](auto& a) { a.rotary_cos = angles.view(); }),
            "rapt: rotary_sin: is not given; rotary_cos and rotary_sin go together");
  EXPECT_EQ(with_cache([&](auto& a) { a.k = a.v = {}, a.rotary_cos = a.rotary_sin = angles.view(); }),
            "rapt: k: is not given; it has to be, as rotary_cos is");
  EXPECT_EQ(with_cache([&](auto& a) {
              a.rotary_cos = a.rotary_sin = angles.view(), a.rotary_cos.size[0] = a.rotary_sin.size[0] = 8;
            }),
            "rapt: rotary_cos: has 8 rows; it has to have 9, one for each position");
  EXPECT_EQ(with_cache([&](auto& a) { a.cache_leftpad = tensor(lengths.data(), {2}); }),
            "rapt: cache_leftpad: number 1 is 6; it has to be from 0 to 5, its cache_seqlens");
  EXPECT_EQ(with_cache([&](auto& a) { a.cache_batch_idx = tensor(lengths.data(), {2}); }),
            "rapt: cache_batch_idx: number 0 is 3; it has to be from 0 to 1");
  EXPECT_EQ(with_cache([&](auto& a) {
              a.block_table = tensor(lengths.data(), {2, 1});
            }),
            "rapt: block_table: page 0 of sequence 0 is 3; it has to be from 0 to 1");
  EXPECT_EQ(cache.x, k_before);
  EXPECT_EQ(out.x, before);

  Memory<float> tokens({6, 4, 8}, random), keys({10, 2, 8}, random), packed_out({6, 4, 8}, random);
  const auto varlen = [&](Ints q_at, Ints k_at, Index most_q, Index most_k) {
    return refusal([&] {
      api::flash_attn_varlen_func<float>(tokens.view(), keys.view(), keys.view(), packed_out.view(),
                                         tensor(q_at.data(), {std::ssize(q_at)}),
                                         tensor(k_at.data(), {std::ssize(k_at)}), most_q, most_k);
    });
  };
  EXPECT_EQ(varlen({0, 4, 6}, {0, 3, 10}, 4, 7), "");
  EXPECT_EQ(varlen({0, 4, 6}, {0, 3, 10}, 3, 7), "rapt: max_seqlen_q: is 3; it has to be 4 or more, for sequence 0");
  EXPECT_EQ(varlen({0, 4, 7}, {0, 3, 10}, 4, 7),
            "rapt: cu_seqlens_q: its last number is 7; it has to be at most 6, which is how many there are");
  EXPECT_EQ(varlen({0, 4, 6}, {0, 11, 10}, 4, 11), "rapt: cu_seqlens_k: number 2 is 10; it has to be 11 or more");
  EXPECT_EQ(varlen({0, 4, 6}, {0, 10}, 4, 10), "rapt: cu_seqlens_k: its size is 2; it has to be 3, as cu_seqlens_q");
}

}  // namespace
}  // namespace rapt_test::flash_attention_test
