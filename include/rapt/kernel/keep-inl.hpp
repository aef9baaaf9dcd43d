// Which scores of a tile are attended: [key][lane], one word a score.
//
// A mask is asked score by score, in a loop that the compiler vectorises. That is slow where each answer needs a look
// into memory, or a division: such masks have a form of their own here, which looks once a lane, or once a row.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Whether a mask has a form of its own here, or a part of it has.
template <class S> constexpr bool keeps_by_form = detail::MasksRows<S>;
template <> inline constexpr bool keeps_by_form<Document> = true;
template <class A, class B> constexpr bool keeps_by_form<Then<A, B>> = keeps_by_form<A> || keeps_by_form<B>;
template <class A, class B> constexpr bool keeps_by_form<And<A, B>> = keeps_by_form<A> || keeps_by_form<B>;
template <class S> constexpr bool keeps_by_form<When<S>> = detail::Masks<S>;

/// The scores [count][lanes] of a tile that a mask lets through stay as they are, and the others become 0. `box` is
/// that of the tile.
template <class T, class S>
  requires(!keeps_by_form<S>)
RAPT_NOINLINE void narrow_lanes(const S& mask, const LaneCoords& at, const Box&, Index count,
                                detail::Word<T>* RAPT_RESTRICT keep) {
  constexpr int lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j, keep += lanes) {
    const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
    for (int i = 0; i < lanes; ++i) keep[i] &= detail::Word<T>(mask.attends(coord_of(at, i, key)));
  }
}

/// The queries' ids are looked up once.
template <class T>
RAPT_NOINLINE void narrow_lanes(const Document& mask, const LaneCoords& at, const Box&, Index count,
                                detail::Word<T>* RAPT_RESTRICT keep) {
  constexpr int lanes = group_lanes<T>;
  detail::Word<T> id[lanes], known[lanes];
  for (int i = 0; i < lanes; ++i) {
    const Coord c = coord_of(at, i, at.first_key);
    known[i] = mask.known(c);
    id[i] = known[i] ? mask.query_id(c) : 0;
  }
  for (Index j = 0; j < count; ++j, keep += lanes) {
    const detail::Word<T> wanted = mask.key_id({at.batch, 0, 0, at.first_key + static_cast<std::int32_t>(j)});
    for (int i = 0; i < lanes; ++i) keep[i] &= id[i] == wanted ? known[i] : detail::Word<T>(0);
  }
}

/// Masks that have a row's keys at hand: a bit for each of the first `count`.
template <class T, class S>
  requires(detail::MasksRows<S>)
RAPT_NOINLINE void narrow_lanes(const S& mask, const LaneCoords& at, const Box&, Index count,
                                detail::Word<T>* RAPT_RESTRICT keep) {
  constexpr int lanes = group_lanes<T>;
  std::uint32_t bits[2][lanes];  // of the first 32 keys, and of the others: as wide as a float, to fill the same lanes
  for (int i = 0; i < lanes; ++i) {
    const std::uint64_t row = mask.row_bits(coord_of(at, i, at.first_key), count);
    bits[0][i] = static_cast<std::uint32_t>(row);
    bits[1][i] = static_cast<std::uint32_t>(row >> 32);
  }
  for (Index j = 0; j < count; ++j, keep += lanes)
    for (int i = 0; i < lanes; ++i) keep[i] &= detail::Word<T>(bits[j / 32][i] >> j % 32 & 1);
}

/// Of a composition, only those are asked that mask any of the tile: on a diagonal, documents seldom do.
template <class T, class S>
RAPT_INLINE void narrow_part(const S& part, const LaneCoords& at, const Box& box, Index count, detail::Word<T>* keep) {
  if constexpr (detail::Masks<S>)
    if (detail::covers(part, box) != Coverage::all) narrow_lanes<T>(part, at, box, count, keep);
}
template <class T, class A, class B>
  requires(keeps_by_form<A> || keeps_by_form<B>)
RAPT_INLINE void narrow_lanes(const Then<A, B>& both, const LaneCoords& at, const Box& box, Index count,
                              detail::Word<T>* keep) {
  narrow_part<T>(both.first, at, box, count, keep);
  narrow_part<T>(both.second, at, box, count, keep);
}
template <class T, class A, class B>
  requires(keeps_by_form<A> || keeps_by_form<B>)
RAPT_INLINE void narrow_lanes(const And<A, B>& both, const LaneCoords& at, const Box& box, Index count,
                              detail::Word<T>* keep) {
  narrow_part<T>(both.first, at, box, count, keep);
  narrow_part<T>(both.second, at, box, count, keep);
}

template <class T, class S>
  requires(detail::Masks<S>)
RAPT_INLINE void narrow_lanes(const When<S>& mask, const LaneCoords& at, const Box& box, Index count,
                              detail::Word<T>* keep) {
  if (mask.on) narrow_lanes<T>(mask.stage, at, box, count, keep);
}

/// Whether any of so many words are 1, and whether all are.
template <class T> RAPT_NOINLINE Coverage count_kept(const detail::Word<T>* keep, Index count) {
  constexpr int lanes = group_lanes<T>;
  detail::Word<T> any[lanes] = {}, all[lanes];
  for (int i = 0; i < lanes; ++i) all[i] = 1;
  for (Index j = 0; j < count; ++j, keep += lanes)
    for (int i = 0; i < lanes; ++i) {
      any[i] |= keep[i];
      all[i] &= keep[i];
    }
  detail::Word<T> one = 0, each = 1;
  for (int i = 0; i < lanes; ++i) {
    one |= any[i];
    each &= all[i];
  }
  return one == 0 ? Coverage::none : each != 0 ? Coverage::all : Coverage::some;
}

/// Each score is asked for. (Functions of their own, or else the compiler forgets that nothing else points to `keep`,
/// and does not vectorise them; and with nothing else in the loop, as a sum over a key's lanes takes longer than its
/// masks.)
template <class T, class S>
RAPT_NOINLINE void keep_lanes(const S& mask, const LaneCoords& at, Index count, detail::Word<T>* RAPT_RESTRICT keep) {
  constexpr int lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j, keep += lanes) {
    const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
    for (int i = 0; i < lanes; ++i) keep[i] = detail::attends(mask, coord_of(at, i, key));
  }
}
template <class S, class Word>
RAPT_NOINLINE void keep_row(const S& mask, const RowCoords& at, Word* RAPT_RESTRICT keep) {
  const std::int32_t row = at.position - at.first_query;
  for (int j = 0; j < contract::tile; ++j)
    keep[j] = detail::attends(mask, Coord{at.batch, at.head, at.position, at.first_key + j, row});
}

/// Which scores [count][lanes] of a tile are attended; and whether any or all are.
template <class T, class S>
RAPT_INLINE Coverage find_kept(const S& mask, const LaneCoords& at, const Box& box, Index count,
                               detail::Word<T>* keep) {
  if constexpr (keeps_by_form<S>) {
    for (Index i = 0; i < count * group_lanes<T>; ++i) keep[i] = 1;
    narrow_lanes<T>(mask, at, box, count, keep);
  } else {
    keep_lanes<T>(mask, at, count, keep);
  }
  return count_kept<T>(keep, count);
}

/// Which scores [tile] of a row are attended, of which `count` have a key; and whether any is. A mask is asked of keys
/// that are there, and no others: it may look them up.
template <class S, class Word>
RAPT_INLINE bool find_kept_of_row(const S& mask, const RowCoords& at, Index count, Word* keep) {
  const std::int32_t row = at.position - at.first_query;
  if (count == contract::tile) {
    keep_row(mask, at, keep);
  } else {
    for (Index j = 0; j < count; ++j) {
      const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
      keep[j] = detail::attends(mask, Coord{at.batch, at.head, at.position, key, row});
    }
    for (Index j = count; j < contract::tile; ++j) keep[j] = 0;
  }
  Word any = 0;
  for (int j = 0; j < contract::tile; ++j) any |= keep[j];
  return any != 0;
}

RAPT_REGION_CLOSE

#endif
