// Narrow caches: what a long conversation takes in memory, in time and in exactness, by what its cache keeps.
//
// A model that writes a token reads all keys and values so far, in each of its layers. Fewer bits are less memory, and
// less time where reading takes most of it. A number kept as bfloat16 has a scale of its own, its exponent; as int8, a
// whole key shares one, and as q8_0 and the like 32 dims do, so that nearly all bits are the number's own. Attention
// multiplies such codes as the integers that they are, and adds the products up exactly: the error is that of the
// codes. Here is one layer of Llama 3 8B, full of Gaussian numbers; the model has 32.

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <rapt/rapt.hpp>
#include <string>
#include <vector>

namespace {

using rapt::Index;

constexpr Index layers = 32, q_heads = 32, kv_heads = 8, head_dim = 128, tokens = 8192, many_tokens = 131072;

std::vector<float> noise(Index rows, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<std::size_t>(rows * head_dim));
  for (float& x : numbers) x = normal(random);
  return numbers;
}

/// Memory [position, head, dim].
const std::vector<float> q = noise(q_heads, 1), k = noise(tokens * kv_heads, 2), v = noise(tokens * kv_heads, 3);

/// Reads other memory, as a model does that goes through its other layers: then nothing of this one is still at hand.
void read_something_else() {
  static volatile float kept = 0;
  kept = kept + std::accumulate(k.begin(), k.end(), 0.0f) + std::accumulate(v.begin(), v.end(), 0.0f);
}

/// Seconds of one query of each head, the best of several; its outputs.
template <class Cache> double attend(const Cache& cache, std::vector<float>& out) {
  rapt::Workspace workspace;
  double best = INFINITY;
  for (int i = 0; i < 7; ++i) {
    read_something_else();
    const auto start = std::chrono::steady_clock::now();
    rapt::attention(rapt::bshd(q.data(), 1, 1, q_heads, head_dim), cache,
                    rapt::bshd(out.data(), 1, 1, q_heads, head_dim), rapt::causal(), {.workspace = &workspace});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) apart += std::pow(a[i] - b[i], 2), size += std::pow(b[i], 2);
  return std::sqrt(apart / size);
}

/// `digits`: the significant bits of a number, or those of the code. Returns whether the error is what they allow.
template <class K, class V = K> bool show(const char* name, int digits, std::vector<float>& exact) {
  rapt::KvCache<K, V> cache({.kv_heads = kv_heads, .capacity = tokens, .head_dim = head_dim});
  cache.append(rapt::bshd(k.data(), 1, tokens, kv_heads, head_dim),
               rapt::bshd(v.data(), 1, tokens, kv_heads, head_dim));
  std::vector<float> out(q.size());
  const double seconds = attend(cache, out);
  if (exact.empty()) exact = out;
  const double error = distance(out, exact), bytes = double(cache.bytes()), numbers = 2.0 * double(k.size());
  std::printf("  %-12s %6d %8.2f %10.2f GiB %10.2f GiB %10.2f %12.1f %10.2f%%\n", name, digits, 8 * bytes / numbers,
              layers * bytes / (1 << 30), layers * bytes / (1 << 30) * many_tokens / tokens, 1e3 * seconds,
              bytes / seconds / 1e9, 100 * error);
  std::fflush(stdout);
  return error < std::exp2(2 - digits);
}

}  // namespace

int main() {
  std::printf(
      "Llama 3 8B: %d layers of %d query heads and %d key/value heads of %d, one thread, %s\n\n"
      "  digits      significant bits of a number, or those of its code\n"
      "  bits        that it takes in all, with its part of the scales\n"
      "  tokens      the memory of all layers for so many, of %d measured, of %d worked out from that\n"
      "  ms          of one layer's attention, for one more token after the %d\n"
      "  GB/s        that are read in that time\n"
      "  error       root mean square, as a part of that of the outputs, from attention to a cache of float\n\n",
      int(layers), int(q_heads), int(kv_heads), int(head_dim), std::string(rapt::name(rapt::active_isa())).c_str(),
      int(tokens), int(many_tokens), int(tokens));
  std::printf("  %-12s %6s %8s %14s %14s %10s %12s %11s\n", "kept as", "digits", "bits", "8192 tokens", "131072 tokens",
              "ms", "GB/s", "error");
  std::vector<float> exact;
  bool good = show<float>("float", 24, exact);
  good &= show<Eigen::half>("half", 11, exact);
  good &= show<Eigen::bfloat16>("bfloat16", 8, exact);
  good &= show<rapt::fp8_e4m3>("fp8_e4m3", 4, exact);
  good &= show<rapt::fp8_e5m2>("fp8_e5m2", 3, exact);
  good &= show<rapt::int8>("int8", 8, exact);
  good &= show<rapt::q8_0>("q8_0", 8, exact);
  good &= show<rapt::q5_1>("q5_1", 5, exact);
  good &= show<rapt::q5_0>("q5_0", 5, exact);
  good &= show<rapt::q4_1>("q4_1", 4, exact);
  good &= show<rapt::q4_0>("q4_0", 4, exact);
  std::printf("keys as the first, values as the second:\n");
  good &= show<rapt::q8_0, rapt::q4_0>("q8_0, q4_0", 4, exact);
  return good ? 0 : 1;
}
