// The keys with a row's largest scores, kept in order while the keys go by.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// A register of rows at a time: [place][lane], the largest first. A place without a key has score −∞ and key −1.
template <class T> struct Top {
  Index places;
  T* scores;
  T* keys;  // the bits of a detail::Word<T>, as a register of them moves with one of scores
};

template <class T> RAPT_INLINE Top<T> take_top(Carver& carver, Index places) {
  return {places, carver.take<T>(places * group_lanes<T>), carver.take<T>(places * group_lanes<T>)};
}

template <class T> RAPT_NOINLINE void clear(const Top<T>& top) {
  for (Index i = 0; i < top.places * group_lanes<T>; ++i) {
    top.scores[i] = -std::numeric_limits<T>::infinity();
    top.keys[i] = std::bit_cast<T>(detail::Word<T>(-1));
  }
}

/// What a score is ordered by: NaN counts as ∞, so that it is seen, and −∞ as the lowest number, which is more than
/// none.
template <class T> RAPT_INLINE Vec<T> rank_of(Vec<T> score) {
  const Vec<T> most = broadcast(std::numeric_limits<T>::infinity());
  return max(select(is_nan(score), most, score), broadcast(std::numeric_limits<T>::lowest()));
}

/// The places of the register of rows that begins at lane `first` take in a key that comes after all those that they
/// have seen: from the last place up, each takes what stood above it, or the key, or stays, until no row goes further
/// up.
template <class T> RAPT_INLINE void insert(const Top<T>& top, int first, Vec<T> score, Vec<T> key) {
  constexpr int lanes = group_lanes<T>;
  T *scores = top.scores + (top.places - 1) * lanes + first, *keys = top.keys + (top.places - 1) * lanes + first;
  Vec<T> here = load(scores);
  Mask<T> comes = greater(score, here);
  for (Index place = top.places - 1; any(comes); --place, scores -= lanes, keys -= lanes) {
    const Vec<T> taken = select(comes, score, here), taken_key = select(comes, key, load(keys));
    if (place == 0) {
      store(scores, taken);
      store(keys, taken_key);
      return;
    }
    const Vec<T> above = load(scores - lanes);
    const Mask<T> goes_up = greater(score, above);
    store(scores, select(goes_up, above, taken));
    store(keys, select(goes_up, load(keys - lanes), taken_key));
    here = above;
    comes = goes_up;
  }
}

template <class T, class Keep>
RAPT_NOINLINE void keep_largest(const Top<T>& top, int registers, const T* scores, Index first_key, Index count,
                                Keep keep) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  const Vec<T> none = broadcast(-std::numeric_limits<T>::infinity());
  for (int first = 0; first < registers * width; first += width)
    for (Index j = 0; j < count; ++j) {
      const Index at = j * lanes + first;
      const Vec<T> score = keep.or_else(at, rank_of(load(scores + at)), none);
      insert(top, first, score, broadcast(std::bit_cast<T>(static_cast<detail::Word<T>>(first_key + j))));
    }
}

RAPT_REGION_CLOSE

#endif
