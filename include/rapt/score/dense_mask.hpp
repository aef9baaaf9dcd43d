// Masks in memory: one bool for each query and key.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/core/view.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// That a mask has an extent of `wanted`, or of 1.
inline void check_extent(const char* mask, const char* what, Index is, Index wanted) {
  if (is != wanted && is != 1) fail(mask, {what, " is ", is}, {"it has to be ", wanted, ", or 1 for all"});
}

/// What is known of a box so far.
struct Seen {
  bool any = false, all = true;
  constexpr bool both() const { return any && !all; }
  constexpr Coverage coverage() const { return !any ? Coverage::none : all ? Coverage::all : Coverage::some; }
};

/// Calls see(head, row, seen) for each row of a box that has a memory of its own, until it has seen both.
template <class T, class See> constexpr Coverage look_at_rows(const View<T>& view, const Box& box, const See& see) {
  Seen seen;
  const Index last_head = view.stride[1] == 0 ? box.first_head : box.last_head;
  const Index rows = view.stride[2] == 0 ? 1 : box.last_query - box.first_query + 1;
  for (Index h = box.first_head; h <= last_head; ++h)
    for (Index i = box.first_row; i < box.first_row + rows; ++i) {
      see(view.row(box.batch, h, i), seen);
      if (seen.both()) return Coverage::some;
    }
  return seen.coverage();
}

}  // namespace detail

namespace detail {

/// Of eight bytes, the highest bit of each that isn't 0. (Of the seven lower bits, the sum carries into it.)
inline std::uint64_t not_zero(const std::uint8_t* bytes) {
  constexpr std::uint64_t highest = 0x8080808080808080;
  std::uint64_t eight;
  std::memcpy(&eight, bytes, sizeof eight);
  return (((eight & ~highest) + ~highest) | eight) & highest;
}

}  // namespace detail

/// See mask().
struct DenseMask {
  View<const std::uint8_t> view;  // [batch, heads, q_len, kv_len], with strides of 0 where it broadcasts

  constexpr bool attends(Coord c) const { return view(c.batch, c.head, c.row, c.key) != 0; }

  /// Bit j: whether the query attends to key first.key + j, of `count` keys, 64 at most.
  std::uint64_t row_bits(Coord first, Index count) const {
    const Index stride = view.stride[3];
    const std::uint8_t* const row = view.row(first.batch, first.head, first.row) + first.key * stride;
    std::uint64_t bits = 0;
    Index j = 0;
    if constexpr (std::endian::native == std::endian::little)
      for (; stride == 1 && j + 8 <= count; j += 8)  // the product gathers the bits in its highest byte
        bits |= (detail::not_zero(row + j) * 0x0002040810204081) >> 56 << j;
    for (; j < count; ++j) bits |= std::uint64_t(row[j * stride] != 0) << j;
    return bits;
  }

  /// Exact. Eight keys at once, if they stand side by side.
  Coverage covers(const Box& box) const {
    const Index stride = view.stride[3], count = stride == 0 ? 1 : box.last_key - box.first_key + 1;
    return detail::look_at_rows(view, box, [&](const std::uint8_t* row, detail::Seen& seen) {
      const std::uint8_t* const first = row + box.first_key * stride;
      Index j = 0;
      if (stride == 1) {
        constexpr std::uint64_t all = 0x8080808080808080;
        std::uint64_t either = 0, both = all;
        for (; j + 8 <= count; j += 8) {
          const std::uint64_t eight = detail::not_zero(first + j);
          either |= eight;
          both &= eight;
        }
        seen.any |= either != 0;
        seen.all &= both == all;
      }
      for (; j < count; ++j) {
        seen.any |= first[j * stride] != 0;
        seen.all &= first[j * stride] != 0;
      }
    });
  }

  void check(const ProblemShape& shape) const {
    detail::check_extent("mask", "batch", view.batch(), shape.batch);
    detail::check_extent("mask", "the number of heads", view.heads(), shape.q_heads);
    detail::check_extent("mask", "q_len", view.length(), shape.q_len);
    detail::check_extent("mask", "kv_len", view.dim(), shape.kv_len);
    if (view.data == nullptr && !view.empty())
      detail::fail("mask", "data is a null pointer", "it has to point to the elements, as no extent is 0");
    shape.check_apart(view, "mask");
  }
  std::string describe() const { return "mask"; }
};

/// A mask that a caller has in memory: [batch, heads, q_len, kv_len], where the call's query attends to the key if the
/// element is true; or, of bytes, as torch.uint8 and C have masks, if it is not 0, whatever else. Any strides; an
/// extent of 1, or a stride of 0, broadcasts. (bit_mask() takes an eighth of the memory.)
inline DenseMask mask(const View<const std::uint8_t>& view) { return {detail::broadcasting(view)}; }
inline DenseMask mask(const View<std::uint8_t>& view) { return mask(View<const std::uint8_t>(view)); }
inline DenseMask mask(const View<const bool>& view) {
  static_assert(sizeof(bool) == 1);
  return mask(View<const std::uint8_t>{reinterpret_cast<const std::uint8_t*>(view.data), view.extent, view.stride});
}
inline DenseMask mask(const View<bool>& view) { return mask(View<const bool>(view)); }

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
