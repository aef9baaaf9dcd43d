// Prints the bits of results on every instruction set, as one number for each: whatever the flags of this file, they
// have to be the same.
#if defined(__x86_64__)
#include <immintrin.h>  // before rapt, as Eigen does: the intrinsics then have this file's flags
#endif
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/reference/contract.hpp"
#include "rapt/reference/integers.hpp"

namespace {

using rapt::Index;

std::vector<float> numbers(Index count, std::uint32_t seed) {
  std::vector<float> x(static_cast<std::size_t>(count));
  for (float& f : x) {
    seed = seed * 1664525u + 1013904223u;
    f = static_cast<float>(static_cast<std::int32_t>(seed >> 8)) * 0x1p-22f - 2;
  }
  return x;
}

std::uint64_t hash(const std::vector<float>& x, std::uint64_t h) {
  for (const float f : x) {
    std::uint32_t bits;
    std::memcpy(&bits, &f, sizeof bits);
    h = (h ^ bits) * 1099511628211u;
  }
  return h;
}

/// Long and few queries, softmax over several spans, a score change with its own elementary function, a mask, and what
/// is not finite in masked and in attended places.
template <class Attend> std::uint64_t results(Attend attend) {
  const Index heads = 2, keys = 600, dim = 24;
  std::uint64_t h = 14695981039346656037u;
  for (const Index queries : {Index(150), Index(2)}) {
    std::vector<float> q = numbers(heads * queries * dim, 1), k = numbers(heads * keys * dim, 2),
                       v = numbers(heads * keys * dim, 3), out(q.size()),
                       lse(static_cast<std::size_t>(heads * queries));
    const auto set = [](float& x, std::uint32_t bits) { std::memcpy(&x, &bits, sizeof bits); };
    set(q[5], 0xffc12345);                                           // a NaN with a sign and a payload
    set(v[static_cast<std::size_t>((keys - 1) * dim)], 0x7f800000);  // infinity, where few queries attend
    set(k[static_cast<std::size_t>((keys - 2) * dim + 3)], 0x7fc00001);
    set(k[static_cast<std::size_t>((2 * keys - 70) * dim + 3)], 0xff800000);
    for (Index j = 0; j < keys; ++j) set(v[static_cast<std::size_t>(j * dim + 7)], 0x80000000);  // −0, which becomes 0
    attend(rapt::bhsd(q.data(), 1, heads, queries, dim), rapt::bhsd(k.data(), 1, heads, keys, dim),
           rapt::bhsd(v.data(), 1, heads, keys, dim), rapt::bhsd(out.data(), 1, heads, queries, dim),
           rapt::lse_bhs(lse.data(), 1, heads, queries));
    h = hash(lse, hash(out, h));
  }
  return h;
}

void print(std::uint64_t floats, std::uint64_t codes) {
  std::printf("%016llx\n", static_cast<unsigned long long>(floats * 31 + codes));
}

/// The same of keys kept as int8 and values as q4_1.
std::uint64_t results_of_codes(const auto& score, rapt::Isa isa) {
  return results([&](auto q, auto k, auto v, auto out, auto lse) {
    rapt::KvCache<rapt::int8, rapt::q4_1> cache({1, k.heads(), k.length(), k.dim(), v.dim()}, isa);
    cache.append(k, v);
    rapt::attention(q, cache, out, score, {.lse = lse, .isa = isa});
  });
}

}  // namespace

int main() {
  const auto score = rapt::softcap(3) | rapt::causal();
  for (const rapt::Isa isa : rapt::supported_isas())
    print(results([&](auto q, auto k, auto v, auto out, auto lse) {
            rapt::attention(q, k, v, out, score, {.lse = lse, .isa = isa});
          }),
          results_of_codes(score, isa));
  print(results([&](auto q, auto k, auto v, auto out, auto lse) {
          rapt::contract::attention(q, k, v, out, score, {.lse = lse});
        }),
        results([&](auto q, auto k, auto v, auto out, auto lse) {
          rapt::contract::attention_of_codes<rapt::int8, rapt::q4_1>(q, k, v, out, score, {.lse = lse});
        }));
}
