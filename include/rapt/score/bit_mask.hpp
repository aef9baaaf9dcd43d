// Masks in memory: one bit for each query and key.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstdint>
#include <string>

#include "rapt/score/dense_mask.hpp"

RAPT_NAMESPACE_BEGIN

/// See bit_mask().
template <class Word> struct BitMask {
  static constexpr Index bits = 8 * Index(sizeof(Word));

  View<const Word> view;  // [batch, heads, q_len, words], with strides of 0 where it broadcasts

  constexpr bool attends(Coord c) const { return view(c.batch, c.head, c.row, c.key / bits) >> (c.key % bits) & 1; }

  /// Bit j: whether the query attends to key first.key + j, of `count` keys, 64 at most.
  constexpr std::uint64_t row_bits(Coord first, Index count) const {
    const Word* const row = view.row(first.batch, first.head, first.row);
    const Index begin = first.key / bits, end = (first.key + count - 1) / bits, skipped = first.key % bits;
    std::uint64_t found = row[begin * view.stride[3]] >> skipped;
    for (Index w = begin + 1; w <= end; ++w)
      found |= std::uint64_t(row[w * view.stride[3]]) << ((w - begin) * bits - skipped);
    return found;
  }

  /// Exact. A word at a time: of a whole tile, a row is one or two.
  constexpr Coverage covers(const Box& box) const {
    const Index first = box.first_key / bits, last = box.last_key / bits;
    const Word before = static_cast<Word>((Word(1) << box.first_key % bits) - 1);
    const Word beyond = static_cast<Word>(~Word(1) << box.last_key % bits);
    return detail::look_at_rows(view, box, [&](const Word* row, detail::Seen& seen) {
      for (Index w = first; w <= last; ++w) {
        const Word outside = static_cast<Word>((w == first ? before : Word(0)) | (w == last ? beyond : Word(0)));
        const Word word = row[w * view.stride[3]];
        seen.any |= (word & ~outside) != 0;
        seen.all &= static_cast<Word>(word | outside) == static_cast<Word>(~Word(0));
      }
    });
  }

  void check(const ProblemShape& shape) const {
    detail::check_extent("bit_mask", "batch", view.batch(), shape.batch);
    detail::check_extent("bit_mask", "the number of heads", view.heads(), shape.q_heads);
    detail::check_extent("bit_mask", "q_len", view.length(), shape.q_len);
    if (view.dim() * bits < shape.kv_len)
      detail::fail("bit_mask", {"a row has ", view.dim(), " words of ", bits, " bits"},
                   {"it has to have a bit for each of ", shape.kv_len, " keys"});
    if (view.data == nullptr && !view.empty())
      detail::fail("bit_mask", "data is a null pointer", "it has to point to the words, as no extent is 0");
    shape.check_apart(view, "bit_mask");
  }
  std::string describe() const { return "bit_mask"; }
};

/// A mask that a caller has in memory, with a bit for each query and key: words [batch, heads, q_len, words], of 64 or
/// 32 bits. Key j is bit j % 64 (32) of word j / 64 (32) of the row of the call's query, the lowest bit being bit 0,
/// and 1 attends; bits beyond the last key are not looked at. Strides are counted in words; an extent of 1, or a stride
/// of 0, broadcasts, except over keys: bit_mask(rapt::bhsd(words, 1, 1, q_len, words_of_a_row)).
template <class Word>
  requires(std::same_as<std::remove_const_t<Word>, std::uint64_t> ||
           std::same_as<std::remove_const_t<Word>, std::uint32_t>)
constexpr BitMask<std::remove_const_t<Word>> bit_mask(const View<Word>& words) {
  View<const std::remove_const_t<Word>> view = words;
  const Index step = view.stride[3];
  view = detail::broadcasting(view);
  view.stride[3] = step;
  return {view};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
