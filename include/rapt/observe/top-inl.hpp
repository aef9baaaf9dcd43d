// The keys with a row's largest scores, kept in order while the keys go by.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// In the lanes: [place][lane], the largest first.
template <class T> struct Top {
  Index places;
  T* scores;
  std::int32_t* keys;
  std::int32_t* filled;  // [lanes]: places that are taken
  T* least;              // [lanes]: the score at the last place, once all are taken
};

template <class T> RAPT_INLINE Top<T> take_top(Carver& carver, Index places) {
  constexpr int lanes = group_lanes<T>;
  Top<T> top{};
  top.places = places;
  if (places == 0) return top;
  top.scores = carver.take<T>(places * lanes);
  top.keys = carver.take<std::int32_t>(places * lanes);
  top.filled = carver.take<std::int32_t>(lanes);
  top.least = carver.take<T>(lanes);
  return top;
}

template <class T> RAPT_NOINLINE void clear(const Top<T>& top) {
  if (top.places == 0) return;
  for (int i = 0; i < group_lanes<T>; ++i) {
    top.filled[i] = 0;
    top.least[i] = std::numeric_limits<T>::infinity();
  }
}

/// NaN comes before all numbers, so that it is seen.
template <class T> RAPT_INLINE bool outranks(T a, T b) { return a > b || (a != a && b == b); }

/// A lane's places take in a key that comes after all those that they have seen.
template <class T> RAPT_INLINE void insert(const Top<T>& top, int lane, T score, std::int32_t key) {
  constexpr int lanes = group_lanes<T>;
  Index place = top.filled[lane];
  if (place == top.places) {
    if (!outranks(score, top.least[lane])) return;
    --place;
  } else {
    ++top.filled[lane];
  }
  for (; place > 0 && outranks(score, top.scores[(place - 1) * lanes + lane]); --place) {
    top.scores[place * lanes + lane] = top.scores[(place - 1) * lanes + lane];
    top.keys[place * lanes + lane] = top.keys[(place - 1) * lanes + lane];
  }
  top.scores[place * lanes + lane] = score;
  top.keys[place * lanes + lane] = key;
  if (top.filled[lane] == top.places) top.least[lane] = top.scores[(top.places - 1) * lanes + lane];
}

/// A tile's scores, of which words that are 0 shut out some, if there are any. Once its places are taken, a register of
/// rows is looked at singly only for a key that one of them wants.
template <class T, class Keep>
RAPT_NOINLINE void keep_largest(const Top<T>& top, int rows, const T* scores, Index first_key, Index count,
                                const detail::Word<T>* words, Keep keep) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  const Vec<T> lowest = broadcast(-std::numeric_limits<T>::infinity());
  for (int first = 0; first < rows; first += width) {
    const int last = rows < first + width ? rows : first + width;
    bool open = false;
    for (int lane = first; lane < last; ++lane) open = open || top.filled[lane] < top.places;
    for (Index j = 0; j < count; ++j) {
      const Index at = j * lanes + first;
      const Vec<T> score = keep.or_else(at, load(scores + at), lowest);
      if (!open && !any(greater(score, load(top.least + first))) && !any(is_nan(score))) continue;
      for (int lane = first; lane < last; ++lane)
        if (words == nullptr || words[j * lanes + lane] != 0)
          insert(top, lane, scores[j * lanes + lane], static_cast<std::int32_t>(first_key + j));
    }
  }
}

RAPT_REGION_CLOSE

#endif
