// Multi-head, grouped-query and multi-query attention: the same code, three shapes.
//
// Query head h reads key/value head h / (q_heads / kv_heads). With as many key/value heads as query heads that is
// multi-head attention (MHA), with fewer grouped-query attention (GQA), with one multi-query attention (MQA). What it
// saves is the cache: while a model writes, the keys and values of all that it has read stay in memory, and only those.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <rapt/rapt.hpp>
#include <vector>

namespace {

using rapt::Index;

constexpr Index length = 256, q_heads = 32, head_dim = 128;

std::vector<float> noise(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = normal(random);
  return numbers;
}

/// Attention over memory [position, head, dim]: the number of key/value heads is all that tells MHA, GQA and MQA apart.
std::vector<float> attend(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                          Index kv_heads) {
  std::vector<float> out(q.size());
  rapt::attention(rapt::bshd(q.data(), 1, length, q_heads, head_dim),
                  rapt::bshd(k.data(), 1, length, kv_heads, head_dim),
                  rapt::bshd(v.data(), 1, length, kv_heads, head_dim),
                  rapt::bshd(out.data(), 1, length, q_heads, head_dim), rapt::causal());
  return out;
}

/// Each head written out once for each query head that reads it: grouped-query attention as multi-head attention.
std::vector<float> repeated(const std::vector<float>& heads, Index kv_heads) {
  std::vector<float> all;
  for (Index s = 0; s < length; ++s)
    for (Index h = 0; h < q_heads; ++h) {
      const auto head = heads.begin() + (s * kv_heads + h / (q_heads / kv_heads)) * head_dim;
      all.insert(all.end(), head, head + head_dim);
    }
  return all;
}

void three_shapes() {
  std::printf("%d positions, %d query heads, head_dim %d, causal, float\n\n", int(length), int(q_heads), int(head_dim));
  std::printf("       kv heads   keys and values   milliseconds   as MHA with the heads repeated\n");
  const std::vector<float> q = noise(length * q_heads * head_dim, 1);
  for (const Index kv_heads : {Index(32), Index(8), Index(1)}) {
    const char* name = kv_heads == q_heads ? "MHA" : kv_heads > 1 ? "GQA" : "MQA";
    const std::vector<float> k = noise(length * kv_heads * head_dim, 2), v = noise(length * kv_heads * head_dim, 3);
    attend(q, k, v, kv_heads);  // the first call wakes the processor up
    const auto start = std::chrono::steady_clock::now();
    const std::vector<float> out = attend(q, k, v, kv_heads);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    const bool same = out == attend(q, repeated(k, kv_heads), repeated(v, kv_heads), q_heads);
    std::printf("  %s %8d %13.2f MiB %14.1f   %s\n", name, int(kv_heads),
                double(k.size() + v.size()) * sizeof(float) / (1 << 20), time.count(),
                same ? "the same bits" : "DIFFERENT");
  }
}

/// The cache holds a key and a value for each layer, key/value head and token.
double cache_mib(Index layers, Index kv_heads, Index dim, Index tokens) {
  constexpr double bytes = 2;  // a 16-bit number, as these models keep them
  return 2.0 * double(layers * kv_heads * dim * tokens) * bytes / (1 << 20);
}

void cache_sizes() {
  struct Model {
    const char* name;
    Index layers, q_heads, kv_heads, head_dim, tokens;
  };
  std::printf("\nThe cache of one sequence, 2 x layers x kv heads x head_dim x tokens numbers of 16 bits, in MiB:\n\n");
  std::printf("                                                as GQA      were it MHA   were it MQA\n");
  for (const Model& m : {Model{"Llama 3 8B, 8192 tokens", 32, 32, 8, 128, 8192},
                         Model{"Mistral 7B, its window of 4096", 32, 32, 8, 128, 4096}}) {
    const auto mib = [&](Index heads) { return cache_mib(m.layers, heads, m.head_dim, m.tokens); };
    std::printf("  %-32s %d/%d heads %10.0f %14.0f %13.0f\n", m.name, int(m.q_heads), int(m.kv_heads), mib(m.kv_heads),
                mib(m.q_heads), mib(1));
  }
  std::printf("\nA window bounds the cache for ever; without one it grows with every token.\n");
}

}  // namespace

int main() {
  three_shapes();
  cache_sizes();
}
