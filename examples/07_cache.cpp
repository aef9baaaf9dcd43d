// The cache: a model that writes keeps the keys and values of all that it has read, and then a token is cheap.
//
// Under a causal mask no position's keys and values change once they are there, and neither does its output. So the
// prompt goes in at once (prefill), and from there on each new token brings one key and one value a head and asks one
// query (decoding). Without a cache, everything would have to be computed again for each token: quadratic instead of
// linear. And the bits are the same, however the sequence was cut into pieces.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <random>
#include <rapt/rapt.hpp>
#include <string>
#include <vector>

namespace {

using rapt::Index;

constexpr Index q_heads = 8, kv_heads = 2, head_dim = 64;

/// Queries, keys and values of a sequence, which a model would compute token by token; and the outputs.
/// Memory [position, head, dim].
struct Sequence {
  Index length;
  std::vector<float> q, k, v, out;

  explicit Sequence(Index n)
      : length(n), q(noise(n * q_heads, 1)), k(noise(n * kv_heads, 2)), v(noise(n * kv_heads, 3)), out(q.size()) {}

  static std::vector<float> noise(Index rows, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> numbers(static_cast<std::size_t>(rows * head_dim));
    for (float& x : numbers) x = normal(random);
    return numbers;
  }

  /// Positions [first, last).
  static rapt::View<float> some(std::vector<float>& x, Index heads, Index first, Index last) {
    return rapt::bshd(x.data() + first * heads * head_dim, 1, last - first, heads, head_dim);
  }
  rapt::View<float> queries(Index first, Index last) { return some(q, q_heads, first, last); }
  rapt::View<float> keys(Index first, Index last) { return some(k, kv_heads, first, last); }
  rapt::View<float> values(Index first, Index last) { return some(v, kv_heads, first, last); }
  rapt::View<float> outputs(Index first, Index last) { return some(out, q_heads, first, last); }
};

/// Positions [first, last) go into the cache and attend to all that is in it. One token, a chunk of a prompt, a whole
/// prompt: the same two lines.
template <class Cache>
void read(Sequence& x, Index first, Index last, Cache& cache, const rapt::Band& mask = rapt::causal(),
          rapt::Workspace* workspace = nullptr) {
  cache.append(x.keys(first, last), x.values(first, last));
  rapt::attention(x.queries(first, last), cache, x.outputs(first, last), mask, {.workspace = workspace});
}

rapt::CacheShape shape(Index capacity) { return {.kv_heads = kv_heads, .capacity = capacity, .head_dim = head_dim}; }

/// The processor's time of f() in milliseconds, the best of several if it is short: other programs' doesn't count.
template <class F> double milliseconds(F f) {
  double best = std::numeric_limits<double>::infinity();
  for (double spent = 0; spent < 20;) {
    const std::clock_t start = std::clock();
    f();
    const double time = 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC;
    best = std::min(best, time);
    spent += std::max(time, 1e-3);
  }
  return best;
}

// ---- the same bits --------------------------------------------------------------------------

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void same_bits() {
  constexpr Index prompt = 200, length = 300;
  Sequence x(length);
  rapt::attention(x.queries(0, length), x.keys(0, length), x.values(0, length), x.outputs(0, length), rapt::causal());
  const std::vector<float> at_once = x.out;

  std::printf("\n%d tokens, against all of them at once without a cache:\n\n", int(length));
  const auto compare = [&](const char* how, auto read_all) {
    std::fill(x.out.begin(), x.out.end(), 0.0f);
    rapt::KvCache<float> cache(shape(length));
    read_all(cache);
    std::printf("  %-52s %s\n", how, same(x.out, at_once) ? "the same bits" : "DIFFERENT");
  };
  compare("a prompt of 200, then token by token", [&](auto& cache) {
    read(x, 0, prompt, cache);
    for (Index i = prompt; i < length; ++i) read(x, i, i + 1, cache);
  });
  compare("the prompt in chunks of 64, then token by token", [&](auto& cache) {
    for (Index i = 0; i < prompt; i += 64) read(x, i, std::min(i + 64, prompt), cache);
    for (Index i = prompt; i < length; ++i) read(x, i, i + 1, cache);
  });
  compare("token by token from the first one", [&](auto& cache) {
    for (Index i = 0; i < length; ++i) read(x, i, i + 1, cache);
  });
  compare("with 8 proposed, 5 of them taken back, and on", [&](auto& cache) {
    read(x, 0, prompt, cache);
    read(x, prompt, prompt + 8, cache);
    cache.truncate(0, prompt + 3);
    read(x, prompt + 3, length, cache);
  });
}

// ---- linear instead of quadratic ------------------------------------------------------------

void one_more_token() {
  std::printf("\nAttention for one more token, in milliseconds:\n\n");
  std::printf("    tokens so far      without a cache        with a cache\n");
  double before_without = 0, before_with = 0;
  for (Index n = 512; n <= 4096; n *= 2) {
    Sequence x(n);
    rapt::Workspace workspace;
    const double without = milliseconds([&] {
      rapt::attention(x.queries(0, n), x.keys(0, n), x.values(0, n), x.outputs(0, n), rapt::causal(),
                      {.workspace = &workspace});
    });
    rapt::KvCache<float> cache(shape(n));
    cache.append(x.keys(0, n - 1), x.values(0, n - 1));
    const double with = milliseconds([&] {
      read(x, n - 1, n, cache, rapt::causal(), &workspace);
      cache.truncate(0, n - 1);
    });
    std::printf("%13d %16.1f", int(n), without);
    before_without > 0 ? std::printf("  x %3.1f", without / before_without) : std::printf("%7s", "");
    std::printf(" %13.3f", with);
    before_with > 0 ? std::printf("  x %3.1f\n", with / before_with) : std::printf("\n");
    before_without = without;
    before_with = with;
  }
}

// ---- what it costs ----------------------------------------------------------------------------

template <class K> std::vector<float> last_output(Sequence& x) {
  rapt::KvCache<K> cache(shape(x.length));
  cache.append(x.keys(0, x.length), x.values(0, x.length));
  const auto out = x.outputs(x.length - 1, x.length);
  rapt::attention(x.queries(x.length - 1, x.length), cache, out, rapt::causal());
  return std::vector<float>(out.data, out.data + q_heads * head_dim);
}

template <class K> void memory_of(const char* name, Sequence& x, const std::vector<float>& exact) {
  const rapt::KvCache<K> layer({.kv_heads = 8, .capacity = 8192, .head_dim = 128});
  const std::vector<float> found = last_output<K>(x);
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    most = std::max(most, std::abs(double(found[i]) - double(exact[i])));
    largest = std::max(largest, std::abs(double(exact[i])));
  }
  std::printf("  %-10s %8.0f MiB %11.0f MiB %20.5f of %.2f\n", name, double(layer.bytes()) / (1 << 20),
              32 * double(layer.bytes()) / (1 << 20), most, largest);
}

void memory() {
  std::printf(
      "\nThe cache of Llama 3 8B (8 key/value heads, head_dim 128, 8192 tokens), and what rounding does above:\n\n");
  std::printf("  kept as      one layer       32 layers    outputs are off by up to\n");
  Sequence x(512);
  const std::vector<float> exact = last_output<float>(x);
  memory_of<float>("float", x, exact);
  memory_of<Eigen::half>("half", x, exact);
  memory_of<Eigen::bfloat16>("bfloat16", x, exact);
}

// ---- a window's cache stays as it is ----------------------------------------------------------

void ring() {
  constexpr Index left = 511, length = 8192;
  std::printf("\nA sliding window of %d tokens, in a ring that forgets what is out of it:\n\n", int(left + 1));
  std::printf("    tokens so far   milliseconds a token       the ring    a cache of everything\n");
  Sequence x(length);
  rapt::RingCache<float> ring(shape(left + 1));
  rapt::KvCache<float> all(shape(length));
  rapt::Workspace workspace;
  Index first = 0;
  for (Index last = 1024; last <= length; last *= 2) {
    const std::clock_t start = std::clock();
    for (Index i = first; i < last; ++i) read(x, i, i + 1, ring, rapt::window(left, 0), &workspace);
    const double time = 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC / double(last - first);
    const std::vector<float> found = x.out;
    for (Index i = first; i < last; ++i) read(x, i, i + 1, all, rapt::window(left, 0), &workspace);
    std::printf("%13d %20.3f %13.2f MiB %11.2f MiB   %s\n", int(last), time, double(ring.bytes()) / (1 << 20),
                double(rapt::KvCache<float>(shape(last)).bytes()) / (1 << 20),
                same(found, x.out) ? "the same bits" : "DIFFERENT");
    first = last;
  }
}

}  // namespace

int main() {
  std::printf("%d query heads, %d key/value heads, head_dim %d, float, one thread, %s\n", int(q_heads), int(kv_heads),
              int(head_dim), std::string(rapt::name(rapt::active_isa())).c_str());
  same_bits();
  one_more_token();
  memory();
  ring();
}
