// The softmax state of a register of rows, and a tile's scores turned into weights.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

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

/// largest[lane] becomes the largest attended score of each row, or the lowest number. (Where all are attended, the
/// scores' loop has found it along the way.) The places after `count` must not be attended.
template <class T, class Keep>
RAPT_NOINLINE void find_largest(int registers, const T* scores, Index count, Keep keep, T* largest) {
  constexpr int chains = 4, width = Vec<T>::lanes, lanes = width * query_registers;  // for the latency of max
  const Vec<T> lowest = broadcast(std::numeric_limits<T>::lowest());
  for (int first = 0; first < registers * width; first += width) {
    Vec<T> found[chains] = {lowest, lowest, lowest, lowest};
    for (Index at = first; at < count * lanes; at += chains * lanes) {
      RAPT_UNROLL  // or else they stand in memory
      for (int i = 0; i < chains; ++i)
        found[i] = max(keep.or_else(at + i * lanes, load(scores + at + i * lanes), lowest), found[i]);
    }
    store(largest + first, max(max(found[0], found[1]), max(found[2], found[3])));
  }
}

/// Sum over the places of a tile by the contract's tree, x[j] += x[j + h] for h = 32, 16, 8, 4, 2, 1, from the sums of
/// every `leaves`-th place on. Written from the root: the sum of every `Step`-th leaf.
constexpr int leaves = 16;
template <int Step, class T> RAPT_INLINE Vec<T> sum_tree(const Vec<T>* leaf) {
  if constexpr (Step == leaves)
    return *leaf;
  else
    return add(sum_tree<2 * Step>(leaf), sum_tree<2 * Step>(leaf + Step));
}

/// The scores of a register of rows become weights, in place; returns their sum. The weights of every `leaves`-th
/// place are computed together, as the tree adds them first. (All are loaded before any is stored: they stand 4096
/// bytes apart, or a multiple, and a processor that compares the last twelve bits of addresses would let one wait for
/// another.)
template <int Together, class T, class Keep>
RAPT_INLINE Vec<T> weigh_leaf(T* scores, Index at, Vec<T> reference, Keep keep) {
  constexpr int step = leaves * Vec<T>::lanes * query_registers;
  Vec<T> weight[Together];
  RAPT_UNROLL
  for (int k = 0; k < Together; ++k) weight[k] = load(scores + at + k * step);
  RAPT_UNROLL
  for (int k = 0; k < Together; ++k)
    weight[k] = keep.or_else(at + k * step, exp(sub(weight[k], reference)), broadcast(T(0)));
  RAPT_UNROLL
  for (int k = 0; k < Together; ++k) store(scores + at + k * step, weight[k]);
  if constexpr (Together == 1)
    return weight[0];  // of the other places none has a key, and 0 changes no weight
  else
    return add(add(weight[0], weight[2]), add(weight[1], weight[3]));
}
template <class T, class Keep>
RAPT_INLINE Vec<T> weigh(T* scores, T*, Index first, Index count, Vec<T> reference, Keep keep) {
  constexpr int lanes = Vec<T>::lanes * query_registers, together = contract::tile / leaves;
  static_assert(together == 4);
  Vec<T> leaf[leaves];
  if (count <= leaves) {
    for (Index i = 0; i < count; ++i) leaf[i] = weigh_leaf<1>(scores, i * lanes + first, reference, keep);
    for (Index i = count; i < leaves; ++i) leaf[i] = broadcast(T(0));
  } else {
    for (Index i = 0; i < leaves; ++i) leaf[i] = weigh_leaf<together>(scores, i * lanes + first, reference, keep);
  }
  return sum_tree<1, T>(leaf);
}

/// The same of pairs: the weights of places i and i + 1, rounded to bfloat16, go to `pairs` [tile / 2][lanes], and the
/// sum takes in the rounded ones, so that what values are multiplied with adds up to 1. Places without a key have
/// weight 0, the last pair's second one among them.
template <int Together, class Keep>
RAPT_INLINE void weigh_pair_of_leaves(const float* scores, detail::Pair* pairs, Index i, Index first,
                                      Vec<float> reference, Keep keep, Vec<float>* leaf) {
  constexpr int lanes = Vec<float>::lanes * query_registers, step = leaves * lanes;
  const Index at = i * lanes + first, to = i / 2 * lanes + first;
  Vec<float> even[Together], odd[Together];
  RAPT_UNROLL
  for (int k = 0; k < Together; ++k) {
    const Index there = at + k * step;
    even[k] = keep.or_else(there, exp(sub(load(scores + there), reference)), broadcast(0.f));
    odd[k] = keep.or_else(there + lanes, exp(sub(load(scores + there + lanes), reference)), broadcast(0.f));
  }
  RAPT_UNROLL
  for (int k = 0; k < Together; ++k) store(pairs + to + k * step / 2, rounded_pair(even[k], odd[k]));
  if constexpr (Together == 1) {
    leaf[i] = even[0];
    leaf[i + 1] = odd[0];
  } else {
    leaf[i] = add(add(even[0], even[2]), add(even[1], even[3]));
    leaf[i + 1] = add(add(odd[0], odd[2]), add(odd[1], odd[3]));
  }
}
template <class Keep>
RAPT_INLINE Vec<float> weigh(const float* scores, detail::Pair* pairs, Index first, Index count, Vec<float> reference,
                             Keep keep) {
  Vec<float> leaf[leaves];
  if (count <= leaves) {
    for (Index i = 0; i < count; i += 2) weigh_pair_of_leaves<1>(scores, pairs, i, first, reference, keep, leaf);
    for (Index i = count + count % 2; i < leaves; ++i) leaf[i] = broadcast(0.f);
  } else {
    for (Index i = 0; i < leaves; i += 2)
      weigh_pair_of_leaves<contract::tile / leaves>(scores, pairs, i, first, reference, keep, leaf);
  }
  return sum_tree<1, float>(leaf);
}

/// Scores of 0.
template <class T> RAPT_NOINLINE void clear_scores(T* scores, Index count) {
  constexpr int width = Vec<T>::lanes, lanes = width * query_registers;
  for (Index at = 0; at < count * lanes; at += width) store(scores + at, broadcast(T(0)));
}

/// The places of a tile that its softmax looks at, of which the first `count` have a key.
RAPT_INLINE Index places_seen(Index count) { return count <= leaves ? leaves : contract::tile; }

/// Scores of −∞, for the places from `count` to `end` of a tile, which have no key: their weight is 0, wherever the
/// reference point is.
template <class T> RAPT_NOINLINE void fill_up(T* scores, Index count, Index end) {
  constexpr int width = Vec<T>::lanes, lanes = width * query_registers;
  for (Index at = count * lanes; at < end * lanes; at += width)
    store(scores + at, broadcast(-std::numeric_limits<T>::infinity()));
}

/// One tile of the online softmax, for the registers of a group: scores [tile][lanes], filled up, become weights, in
/// place or, of pairs, where `weights` points, and (m, l) takes them in. `largest` holds the largest attended score of
/// each row. `factor` receives what the rows' weighted values are to be multiplied with first. Returns whether any of
/// it differs from 1.
template <class E, class T, class Keep>
RAPT_NOINLINE bool soften(int registers, T* scores, E* weights, Index count, Keep keep, const T* largest, T* m, T* l,
                          T* factor) {
  constexpr int width = Vec<T>::lanes;
  bool moved = false;
  for (int first = 0; first < registers * width; first += width) {
    const Vec<T> before = load(m + first);
    Vec<T> reference = before;
    const Vec<T> alpha = advance(reference, load(largest + first));
    moved = moved || any(greater(reference, before));
    store(m + first, reference);
    store(factor + first, alpha);
    store(l + first, fma(load(l + first), alpha, weigh(scores, weights, first, count, reference, keep)));
  }
  return moved;
}

RAPT_REGION_CLOSE

#endif
