// A register tile: some rows times some registers of outputs, over a slice of the inputs.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Every NaN becomes the one quiet NaN with nothing in its payload: which of several an instruction passes on differs.
template <class T> RAPT_INLINE Vec<T> canonical_nan(Vec<T> a) {
  return select(is_nan(a), broadcast(std::numeric_limits<T>::quiet_NaN()), a);
}

/// The last steps are taken row by row, so that each row's sums are stored while those of the next are still computed:
/// in a burst the stores hold up the multiply-adds behind them.
constexpr Index last_steps = 4;

/// Weights that are wanted next, and are fetched into the second-level cache along the way: so many lines for each
/// `prefetch_steps` inputs. The hardware by itself reads no memory while a slice that is in the cache meets many rows.
struct Ahead {
  const char* at;
  const char* end;
  Index lines;

  RAPT_INLINE void fetch() {
    const char* const stop = end - at < lines * 64 ? end : at + lines * 64;
    for (; at < stop; at += 64) prefetch(at);
  }
};
constexpr Index prefetch_steps = 16;

/// Fewer rows are through with a slice before the next one could be here: then the hardware's own prefetchers, which
/// follow the loads, are at work all the time, and others only get in their way (on Zen 4: 27 GB/s without, 17 with).
constexpr Index least_rows_ahead = 6;

/// The next `count` weights, from `next` on but not beyond `end`, while `rows` rows meet a slice: spread evenly over
/// `turns` calls of fetch().
template <class W> RAPT_INLINE Ahead ahead_of(const W* next, const W* end, Index count, Index rows, Index turns) {
  if (rows < least_rows_ahead) return {nullptr, nullptr, 0};
  const W* const stop = end - next < count ? end : next + count;
  return {reinterpret_cast<const char*>(next), reinterpret_cast<const char*>(stop),
          count * Index(sizeof(W)) / 64 / (turns > 0 ? turns : 1) + 1};
}

/// Where the sums of a tile's rows come from and go to.
template <class T> struct Sums {
  const T* from;
  Index from_stride;
  T* to;
  Index to_stride;
  bool done;  // after this slice
};

template <int Rows, int Registers, class T, class W>
RAPT_INLINE void tile_step(const T* x, const W* weights, Vec<T> (&sum)[Rows][Registers]) {
  Vec<T> weight[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) weight[r] = load(weights + r * Vec<T>::lanes);
  RAPT_UNROLL
  for (int k = 0; k < Rows; ++k) {
    const Vec<T> input = broadcast(x[k]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[k][r] = fma(weight[r], input, sum[k][r]);
  }
}

/// Each lane of each row continues its chain of fused multiply-adds over `count` inputs.
///   x [count][Rows], weights [count][panel_lanes]
template <int Rows, int Registers, class T, class W>
RAPT_NOINLINE void tile(const T* x, const W* weights, Index count, const Sums<T>& sums, Ahead& ahead) {
  constexpr int width = Vec<T>::lanes;
  constexpr Index lanes = detail::panel_lanes<T>;
  Vec<T> sum[Rows][Registers];
  RAPT_UNROLL
  for (int k = 0; k < Rows; ++k) {
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[k][r] = load(sums.from + k * sums.from_stride + r * width);
  }

  const Index bulk = count - last_steps;
  Index i = 0;
  while (i < bulk) {
    ahead.fetch();
    const Index end = i + prefetch_steps < bulk ? i + prefetch_steps : bulk;
    for (; i + unrolled <= end; i += unrolled, x += unrolled * Rows, weights += unrolled * lanes) {
      RAPT_UNROLL
      for (int u = 0; u < unrolled; ++u) tile_step<Rows, Registers>(x + u * Rows, weights + u * lanes, sum);
    }
    for (; i < end; ++i, x += Rows, weights += lanes) tile_step<Rows, Registers>(x, weights, sum);
  }

  RAPT_UNROLL
  for (int k = 0; k < Rows; ++k) {
    const W* weight = weights;
    for (Index last = 0; last < count - i; ++last, weight += lanes) {
      const Vec<T> input = broadcast(x[last * Rows + k]);
      RAPT_UNROLL
      for (int r = 0; r < Registers; ++r) sum[k][r] = fma(load(weight + r * width), input, sum[k][r]);
    }
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r)
      store(sums.to + k * sums.to_stride + r * width, sums.done ? canonical_nan(sum[k][r]) : sum[k][r]);
  }
}

/// Tiles are 6, 4 or 1 rows high. Each height is machine code of its own, to be compiled in every program; a single
/// lane, which has nothing to gain, makes do with 1.
constexpr bool has_tall_tiles = tile_registers > 1;

/// How many of the `left` rows to take next: 6, unless that would leave a remainder of 2 or 3 that 4 could have had.
RAPT_INLINE int next_height(Index left) {
  if (!has_tall_tiles) return 1;
  return left >= 6 && left != 8 && left != 9 ? 6 : left >= 4 ? 4 : 1;
}

/// Registers of a tile that is one row high: enough chains to hide the latency of an addition.
template <class T>
constexpr int single_registers = detail::panel_lanes<T> / Vec<T>::lanes < 8
                                     ? static_cast<int>(detail::panel_lanes<T> / Vec<T>::lanes)
                                     : 8;

/// `height` rows times a whole panel's slice.
template <class T, class W>
RAPT_INLINE void tiles(int height, const T* x, const W* weights, Index count, Sums<T> sums, Ahead& ahead) {
  const int registers = height == 1 ? single_registers<T> : tile_registers;
  const Index step = registers * Vec<T>::lanes;
  for (Index lane = 0; lane < detail::panel_lanes<T>; lane += step) {
    if constexpr (has_tall_tiles) {
      if (height == 6) tile<6, tile_registers>(x, weights + lane, count, sums, ahead);
      if (height == 4) tile<4, tile_registers>(x, weights + lane, count, sums, ahead);
    }
    if (height == 1) tile<1, single_registers<T>>(x, weights + lane, count, sums, ahead);
    sums.from += step;
    sums.to += step;
  }
}

/// How many register tiles a panel's slice makes with `rows` rows.
template <class T> RAPT_INLINE Index count_tiles(Index rows) {
  const Index width = Vec<T>::lanes;
  Index count = 0;
  for (int height; rows > 0; rows -= height) {
    height = next_height(rows);
    count += detail::panel_lanes<T> / (width * (height == 1 ? single_registers<T> : tile_registers));
  }
  return count;
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
