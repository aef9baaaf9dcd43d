// Pages: several conversations share the keys and values of what they have in common, and none takes memory for what it
// may never say.
//
// A cache with a place for every token that a conversation might come to have is mostly empty, and holds the same
// system prompt once for each conversation. In pages of 16 tokens, found by a block table, a conversation takes a page
// when it needs one, and any page may stand in the tables of several: whoever writes to a page that others hold too
// copies it first. Attention to pages has the same bits as attention to the same keys and values side by side.

#include <Eigen/Core>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <rapt/rapt.hpp>
#include <vector>

namespace {

using rapt::Index;

constexpr Index q_heads = 8, kv_heads = 2, head_dim = 64;
constexpr Index conversations = 8, capacity = 4096, system_prompt = 1000;

/// Keys or values that a model would compute of n tokens; `seed` is their text.
std::vector<float> rows(Index n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<std::size_t>(n * kv_heads * head_dim));
  for (float& x : numbers) x = normal(random);
  return numbers;
}

/// A text goes into a sequence of a cache.
template <class Cache> void read(Cache& cache, Index sequence, Index n, unsigned text) {
  const std::vector<float> k = rows(n, text), v = rows(n, text + 1000);
  cache.append(sequence, rapt::bshd(k.data(), 1, n, kv_heads, head_dim),
               rapt::bshd(v.data(), 1, n, kv_heads, head_dim));
}

/// What a query of each sequence gets.
template <class Cache> std::vector<float> ask(const Cache& cache) {
  std::vector<float> q(static_cast<std::size_t>(cache.sequences() * q_heads * head_dim)), out(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = static_cast<float>(i % 17) / 8 - 1;
  rapt::attention(rapt::bshd(q.data(), cache.sequences(), 1, q_heads, head_dim), cache,
                  rapt::bshd(out.data(), cache.sequences(), 1, q_heads, head_dim), rapt::causal());
  return out;
}

void show(const char* what, const rapt::PagePool<float>& pool) {
  std::printf("  %-58s %5d %7d %10.2f MB\n", what, int(pool.used_pages()), int(pool.shared_pages()),
              static_cast<double>(pool.used_pages() * pool.page_bytes()) / 1e6);
}

void show_table(const rapt::PagedCache<float>& cache, Index sequence, Index first) {
  std::printf("  conversation %d: …", int(sequence));
  for (Index i = first; i * 16 < cache.length(sequence); ++i) {
    const std::int32_t page = cache.block_table()(sequence, i);
    std::printf(" %3d%s", page, cache.pool().references(page) > 1 ? "*" : " ");
  }
  std::printf("\n");
}

}  // namespace

int main() {
  rapt::PagePool<float> pool({.pages = 400, .kv_heads = kv_heads, .head_dim = head_dim});
  rapt::PagedCache<float> paged(pool, conversations, capacity);
  rapt::KvCache<float> side_by_side(
      {.sequences = conversations, .kv_heads = kv_heads, .capacity = capacity, .head_dim = head_dim});

  std::printf("%d conversations of up to %d tokens; a pool of %d pages of 16 tokens\n\n", int(conversations),
              int(capacity), int(pool.pages()));
  std::printf("  %-58s %5s %7s %13s\n", "", "pages", "shared", "memory");
  show("at first", pool);

  read(paged, 0, system_prompt, 1);
  show("the system prompt, 1000 tokens, has been read once", pool);
  for (Index s = 1; s < conversations; ++s) paged.fork(0, s);
  show("every conversation begins with it", pool);
  for (Index s = 0; s < conversations; ++s) read(paged, s, 20 + 30 * s, static_cast<unsigned>(2 + s));
  show("each has been asked something, of 20 to 230 tokens", pool);

  for (Index s = 0; s < conversations; ++s) {  // the same without pages
    read(side_by_side, s, system_prompt, 1);
    read(side_by_side, s, 20 + 30 * s, static_cast<unsigned>(2 + s));
  }
  std::printf("  %-58s %5s %7s %10.2f MB\n\n", "the same in a cache with a place for every token", "", "",
              static_cast<double>(side_by_side.bytes()) / 1e6);

  std::printf(
      "The last pages of some block tables (*: shared). Page 62, half full of the system prompt, was\n"
      "copied by whoever wrote to it while others held it:\n\n");
  for (Index s = 0; s < 3; ++s) show_table(paged, s, 58);

  const std::vector<float> in_pages = ask(paged), beside = ask(side_by_side);
  const bool same = std::memcmp(in_pages.data(), beside.data(), beside.size() * sizeof(float)) == 0;
  std::printf("\nAttention to both: %s\n\n", same ? "the same bits" : "DIFFERENT");

  paged.fork(7, 6);  // an answer is to be tried in two ways
  read(paged, 6, 50, 20);
  read(paged, 7, 50, 21);
  show("conversation 6 ends; 7 is answered twice, 50 tokens each", pool);
  for (Index s = 0; s < conversations; ++s) paged.truncate(s, 0);
  show("all have ended", pool);
  return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
