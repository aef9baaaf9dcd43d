// The softmax state of a register of rows, and a tile's scores turned into weights.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Sum over the keys of a tile, one lane a row, by the contract's tree: x[j] += x[j + h] for h = 32, 16, 8, 4, 2, 1.
/// Written from the root: the sum of every `step`-th key from `weights` on.
template <int Step, class T> RAPT_INLINE Vec<T> sum_tree(const T* weights) {
  constexpr int lanes = Vec<T>::lanes * query_registers;
  if constexpr (Step == contract::tile)
    return load(weights);
  else
    return add(sum_tree<2 * Step>(weights), sum_tree<2 * Step>(weights + Step * lanes));
}

/// Moves the reference point m of a register of rows to `largest` where that exceeds it by more than the headroom.
/// Returns what the row's sums are to be multiplied with: exp(m − m'), which is exactly 1 where m stayed.
template <class T> RAPT_INLINE Vec<T> advance(Vec<T>& m, Vec<T> largest) {
  const Mask<T> moves = greater(largest, add(m, broadcast(T(contract::headroom))));
  const Vec<T> next = select(moves, largest, m);
  const Vec<T> alpha = exp(sub(m, next));
  m = next;
  return alpha;
}

/// What the keep words of a tile say: every key attends to every row of a full tile.
template <class T> struct KeepAll {
  RAPT_INLINE Vec<T> or_else(Index, Vec<T> score, Vec<T>) const { return score; }
};
template <class T> struct KeepSome {
  const detail::Word<T>* words;
  RAPT_INLINE Vec<T> or_else(Index at, Vec<T> score, Vec<T> otherwise) const {
    return select(load_mask(words + at), score, otherwise);
  }
};

/// The largest attended score of each row of a register over a tile, or the lowest number. Four chains, for the latency
/// of max.
template <class T, class Keep> RAPT_INLINE Vec<T> largest_score(const T* scores, Index first, Index count, Keep keep) {
  constexpr int chains = 4, lanes = Vec<T>::lanes * query_registers;
  const Vec<T> lowest = broadcast(std::numeric_limits<T>::lowest());
  Vec<T> largest[chains];
  RAPT_UNROLL
  for (int i = 0; i < chains; ++i) largest[i] = lowest;
  Index j = 0, at = first;
  for (; j + chains <= count; j += chains) {
    RAPT_UNROLL
    for (int i = 0; i < chains; ++i, at += lanes)
      largest[i] = max(keep.or_else(at, load(scores + at), lowest), largest[i]);
  }
  for (; j < count; ++j, at += lanes) largest[0] = max(keep.or_else(at, load(scores + at), lowest), largest[0]);
  return max(max(largest[0], largest[1]), max(largest[2], largest[3]));
}

/// One tile of the online softmax, for the registers of a group: scores [tile][lanes] become weights in place, and (m,
/// l) takes them in. `factor` receives what the rows' weighted values are to be multiplied with first. Returns whether
/// any of it differs from 1.
template <class T, class Keep>
RAPT_NOINLINE bool soften(int registers, T* scores, Index count, Keep keep, T* m, T* l, T* factor) {
  constexpr int width = Vec<T>::lanes, lanes = width * query_registers;
  bool moved = false;
  for (int first = 0; first < registers * width; first += width) {
    const Vec<T> before = load(m + first);
    Vec<T> reference = before;
    const Vec<T> alpha = advance(reference, largest_score(scores, first, count, keep));
    moved = moved || any(greater(reference, before));
    store(m + first, reference);
    store(factor + first, alpha);

    Index at = first;
    for (Index j = 0; j < count; j += 4) {  // over the end of a short tile, too: what is there is cleared next
      RAPT_UNROLL
      for (int i = 0; i < 4; ++i, at += lanes)
        store(scores + at, keep.or_else(at, exp(sub(load(scores + at), reference)), broadcast(T(0))));
    }
    for (Index j = count; j < contract::tile; ++j)  // the tree has a place for each key of a tile
      store(scores + j * lanes + first, broadcast(T(0)));
    store(l + first, fma(load(l + first), alpha, sum_tree<1>(scores + first)));
  }
  return moved;
}

RAPT_REGION_CLOSE

#endif
