// Ragged batches: sequences of different lengths in one view, packed one after the other or padded to one length.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <type_traits>

#include "rapt/core/integers.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Where the sequences of a batch stand along the positions of a view: all of them by default.
struct Placement {
  enum class Kind : std::int8_t { whole, padded, packed, padded_left } kind = Kind::whole;
  Integers at{};  // lengths, offsets, or first positions

  bool is_packed() const { return kind == Kind::packed; }
  /// How many there are in a view with so many entries, and how many entries a view of so many has.
  Index count(Index batch) const { return is_packed() ? at.size() - 1 : batch; }
  Index entries(Index sequences) const { return is_packed() ? 1 : sequences; }
  /// Where sequence b begins, and how long it is in a view of so many positions.
  Index begin(Index b) const { return kind <= Kind::padded ? 0 : number(b); }
  Index length(Index b, Index positions) const { return kind == Kind::whole ? positions : own_length(b, positions); }
  /// Of the numbers: another one, as good as surely, once they have changed. 0 if there are none.
  RAPT_NOINLINE Index fingerprint() const {
    std::uint64_t mixed = 0;
    for (Index i = 0; i < at.size(); ++i)
      mixed = (mixed ^ static_cast<std::uint64_t>(at[i])) * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(i);
    return static_cast<Index>(mixed >> 1);
  }

 private:
  // Out of line, as calls that are not ragged have no need of them.
  RAPT_NOINLINE Index number(Index b) const { return at[b]; }
  RAPT_NOINLINE Index own_length(Index b, Index positions) const {
    switch (kind) {
      case Kind::padded: return at[b];
      case Kind::packed: return at[b + 1] - at[b];
      case Kind::padded_left: return positions - at[b];
      case Kind::whole: break;
    }
    return positions;
  }
};

}  // namespace detail

/// A view, and where in it the sequences of a batch stand, each with a length of its own. Owns neither the elements
/// nor the numbers: both have to stay. Made by packed(), padded() and padded_left().
template <class T> struct Ragged {
  View<T> view;
  detail::Placement placement{};

  Index count() const { return placement.count(view.batch()); }
  Index length(Index b) const { return placement.length(b, view.length()); }
  /// Sequence b alone: [1, heads, length, dim].
  View<T> sequence(Index b) const {
    const Index entry = placement.is_packed() ? 0 : b;
    return {view.row(entry, 0, placement.begin(b)), {1, view.heads(), length(b), view.dim()}, view.stride};
  }
  operator Ragged<const T>() const requires(!std::is_const_v<T>) { return {view, placement}; }
};

/// Placement one after the other, in a view of batch 1: sequence b has the positions from offsets[b] up to, and
/// without, offsets[b + 1]: FlashAttention's cu_seqlens. The first offset is 0. Positions behind the last one, as in a
/// buffer for a fixed number of tokens, are nobody's: neither read nor written.
template <class T> Ragged<T> packed(const View<T>& view, const detail::Integers& offsets) {
  return {view, {detail::Placement::Kind::packed, offsets}};
}

/// Placement padded behind their end: batch entry b has the positions from 0 up to, and without, lengths[b].
template <class T> Ragged<T> padded(const View<T>& view, const detail::Integers& lengths) {
  return {view, {detail::Placement::Kind::padded, lengths}};
}

/// Placement padded before their beginning: batch entry b has the positions from first[b] on, and first[b] is the
/// sequence's position 0.
template <class T> Ragged<T> padded_left(const View<T>& view, const detail::Integers& first) {
  return {view, {detail::Placement::Kind::padded_left, first}};
}

namespace detail {

/// What a ragged call takes: sequences, or a view whose entries are all as long as it is.
template <class X> struct BatchElement {};
template <class T> struct BatchElement<View<T>> { using type = T; };
template <class T> struct BatchElement<Ragged<T>> { using type = T; };
template <class X>
concept Batch = requires {
  typename BatchElement<X>::type;
};
template <class X> using batch_element_t = typename BatchElement<X>::type;

template <class X> inline constexpr bool is_ragged = false;
template <class T> inline constexpr bool is_ragged<Ragged<T>> = true;
/// The arguments of a call that is one for ragged batches, as at least one of them is.
template <class... X>
concept RaggedBatch = (Batch<X> && ...) && (is_ragged<X> || ...);

template <class T> Ragged<T> as_ragged(const View<T>& view) { return {view}; }
template <class T> const Ragged<T>& as_ragged(const Ragged<T>& ragged) { return ragged; }

/// The view with a batch entry for each sequence: packed ones share its one entry, and differ in where they begin.
template <class T> View<T> by_sequence(const Ragged<T>& r) {
  View<T> view = r.view;
  if (r.placement.is_packed()) view.extent[0] = r.count(), view.stride[0] = 0;
  return view;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
