// Ragged batches: sequences of different lengths in one call.
//
// Look for: the same answers, bit for bit, from a padded batch and from packed sequences; what it costs to compute the
// padding as if it were text; and that knowing the lengths costs nothing.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <rapt/rapt.hpp>
#include <vector>

using rapt::Index;

/// The best of three.
template <class F> double seconds(F&& f) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

int main() {
  const Index heads = 4, dim = 64;

  // What users ask: most of it short, one of them pastes a whole manual.
  const std::vector<std::int32_t> lengths = {31, 7, 1024, 12, 90, 3, 55, 260};
  const Index batch = static_cast<Index>(lengths.size()), longest = *std::max_element(lengths.begin(), lengths.end());
  std::vector<std::int32_t> offsets = {0};  // where each sequence begins, and where the last one ends: cu_seqlens
  for (const std::int32_t length : lengths) offsets.push_back(offsets.back() + length);
  const Index total = offsets.back();

  // Packed: one after the other, and no memory for anything else. (Queries, keys and values are the same, for once.)
  std::vector<float> x(static_cast<std::size_t>(total * heads * dim)), packed_out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 2654435761u) % 1000) / 250 - 2;
  const auto in = rapt::packed(rapt::bshd<const float>(x.data(), 1, total, heads, dim), offsets);
  const auto out = rapt::packed(rapt::bshd(packed_out.data(), 1, total, heads, dim), offsets);

  // Padded: each as long as the longest.
  std::vector<float> padded_x(static_cast<std::size_t>(batch * longest * heads * dim)), padded_out(padded_x.size());
  const Index row = heads * dim, row_bytes = row * Index(sizeof(float));
  for (Index b = 0; b < batch; ++b)
    std::memcpy(padded_x.data() + b * longest * row, x.data() + offsets[static_cast<std::size_t>(b)] * row,
                static_cast<std::size_t>(in.length(b) * row_bytes));
  const auto in_view = rapt::bshd<const float>(padded_x.data(), batch, longest, heads, dim);
  const auto out_view = rapt::bshd(padded_out.data(), batch, longest, heads, dim);

  const double blind =
      seconds([&] { rapt::attention(in_view, in_view, in_view, out_view, rapt::causal(rapt::align::top_left)); });
  std::fill(padded_out.begin(), padded_out.end(), -1.0f);
  const auto padded_in = rapt::padded(in_view, lengths);
  const double told = seconds(
      [&] { rapt::attention(padded_in, padded_in, padded_in, rapt::padded(out_view, lengths), rapt::causal()); });
  const double packed = seconds([&] { rapt::attention(in, in, in, out, rapt::causal()); });

  std::printf("%lld sequences of 3 to %lld tokens: %lld tokens, %lld with padding\n\n", static_cast<long long>(batch),
              static_cast<long long>(longest), static_cast<long long>(total), static_cast<long long>(batch * longest));
  std::printf("padded, as if it were all text   %8.2f ms\n", blind * 1e3);
  std::printf("padded, with the lengths         %8.2f ms\n", told * 1e3);
  std::printf("packed, with the offsets         %8.2f ms: %.1f times as fast as computing the padding\n\n",
              packed * 1e3, blind / packed);

  bool same = true, untouched = true;
  for (Index b = 0; b < batch; ++b) {
    const float* const rows = padded_out.data() + b * longest * row;
    same = same && std::memcmp(rows, packed_out.data() + offsets[static_cast<std::size_t>(b)] * row,
                               static_cast<std::size_t>(in.length(b) * row_bytes)) == 0;
    untouched = untouched && std::all_of(rows + in.length(b) * row, rows + longest * row,
                                         [](float value) { return value == -1.0f; });
  }
  std::printf("the same answers in every bit: %s; padded rows left as they were: %s\n\n", same ? "yes" : "no",
              untouched ? "yes" : "no");
  std::fputs(rapt::plan(in, in, in, out, rapt::causal()).explain().c_str(), stdout);
  return same && untouched ? 0 : 1;
}
