// Scores and weighted values over codes, exactly in integers, four products at a time: keys, or dims of values, in the
// lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
#include RAPT_QUADS

RAPT_REGION_OPEN

/// Registers of keys, or of dims of values, that rows go through together.
constexpr int code_registers = Vec<float>::lanes == 16 ? 2 : 1;

/// The bytes of row r's digits.
RAPT_INLINE std::byte* digits_of(const detail::IntegerRows& rows, Index r) { return rows.digits + r * 2 * rows.count; }

/// Row r of `rows` becomes x [count]: the largest magnitude is 127·257, the nearest whole numbers of that unit the
/// rest. Numbers all of which are below 2^-100 become 0; if one is not finite, so do all, and the row's unit is NaN.
RAPT_NOINLINE inline void quantise_row(const float* x, Index block, Index r, const detail::IntegerRows& rows) {
  constexpr int width = Vec<float>::lanes;
  const Vec<float> zero = broadcast(0.0f), shifter = broadcast(0x1.8p23f);
  Vec<float> largest = zero, finite = zero;
  for (Index i = 0; i < rows.count; i += width) {
    const Vec<float> number = load(x + i);
    largest = max(max(number, sub(zero, number)), largest);
    finite = fma(number, zero, finite);
  }
  const float most = lane_0(largest_lane<width / 2>(largest));
  const bool nan = any(is_nan(finite)), none = nan || most < 0x1p-100f;
  rows.units[r] = nan ? std::numeric_limits<float>::quiet_NaN() : none ? 0.0f : most / contract::most_digits;
  const Vec<float> steps = broadcast(none ? 0.0f : contract::most_digits / most);
  const Digits digits = digits_in(digits_of(rows, r), rows.count);
  for (Index i = 0; i < rows.count; i += width)
    store_digits(digits, i, none ? shifter : fma(load(x + i), steps, shifter));
  for (Index b = 0, i = 0; b < rows.blocks; ++b, i += block)
    rows.sums[r * rows.blocks + b] = sum_digits(digits, i, rows.count - i < block ? rows.count - i : block);
}

/// Whose codes stand two quads in one: those of fewer than 8 bits.
template <class F> constexpr int quads_together = F::bits == 8 ? 1 : 2;

/// The quads from `quad` on, as many as stand together, of lanes whose codes are [quad][lanes][4] from `codes` on; the
/// first lane's is `lane`.
template <class F>
RAPT_INLINE void load_quads(const std::uint8_t* codes, Index quad, Index lane, Index lanes, Index code_bytes,
                            Codes (&to)[quads_together<F>]) {
  const Codes both = load_codes(codes + (quad / quads_together<F> * lanes + lane) * 4);
  if constexpr (F::bits == 8) {
    to[0] = both;
  } else {
    to[0] = low_halves(both), to[1] = high_halves(both);
    if constexpr (F::bits == 5) {
      to[0] = with_fifth_bits(to[0], codes + code_bytes, (quad * lanes + lane) * 4);
      to[1] = with_fifth_bits(to[1], codes + code_bytes, ((quad + 1) * lanes + lane) * 4);
    }
  }
}

/// The numbers of a format that stand at `first` of a block, in bytes, for group b of dims and position p on.
template <class F> RAPT_INLINE Vec<float> scales_at(const std::uint8_t* block, Index first, Index b, Index p) {
  using Scale = typename F::Scale;
  return load_scales(reinterpret_cast<const Scale*>(block + first) + b * detail::key_block + p);
}

/// The sums of row r begin as codes that count from `lowest` want it.
template <int Rows, int Registers>
RAPT_INLINE void begin_sums(QuadSum (&sum)[digit_planes][Rows][Registers], int r, detail::DigitSum start, int lowest) {
  RAPT_UNROLL
  for (int plane = 0; plane < digit_planes; ++plane) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) sum[plane][r][i] = quad_sum(start, lowest, plane);
  }
}
/// They take in quad t of the codes.
template <int Rows, int Registers, int Together>
RAPT_INLINE void take(QuadSum (&sum)[digit_planes][Rows][Registers], int r, const Codes (&codes)[Registers][Together],
                      int t, Digits digits) {
  RAPT_UNROLL
  for (int plane = 0; plane < digit_planes; ++plane) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) sum[plane][r][i] = step(sum[plane][r][i], codes[i][t], digits, plane);
  }
}

/// The scores of a tile for `Rows` queries: s = fma(the integers' sum, scale, s), and fma(minimum, the digits' sum, s),
/// for each group of dims that shares them; then the row's unit. Meanwhile as much as these keys take is fetched.
template <int Rows, class F> RAPT_NOINLINE void score_codes(const detail::CodeScores& c) {
  constexpr int width = Vec<float>::lanes, block = detail::key_block, together = quads_together<F>;
  const detail::BlockLayout<F> layout = detail::BlockLayout<F>::of_keys(c.head_dim);
  const Index quads = layout.dims / 4, code_bytes = layout.code_bytes();
  for (int first = 0; first < contract::tile; first += width * code_registers) {
    Vec<float> score[Rows][code_registers];
    RAPT_UNROLL
    for (int r = 0; r < Rows; ++r) {
      RAPT_UNROLL
      for (int i = 0; i < code_registers; ++i) score[r][i] = broadcast(0.0f);
    }
    for (Index b = 0, quad = 0; quad < quads; ++b) {
      QuadSum sum[digit_planes][Rows][code_registers];
      RAPT_UNROLL
      for (int r = 0; r < Rows; ++r) begin_sums(sum, r, c.queries.sums[r * c.queries.blocks + b], F::lowest);
      const Index end = quad + detail::summed<F> / 4 < quads ? quad + detail::summed<F> / 4 : quads;
      for (; quad < end; quad += together) {
        Codes codes[code_registers][together];
        RAPT_UNROLL
        for (int i = 0; i < code_registers; ++i) {
          const int key = first + i * width;
          load_quads<F>(c.keys[key / block], quad, key % block, block, code_bytes, codes[i]);
          if (key % block == 0) fetch(c.ahead[key / block], quad / together * 64);
        }
        RAPT_UNROLL
        for (int r = 0; r < Rows; ++r) {
          const Digits digits = digits_in(digits_of(c.queries, r), c.queries.count);
          RAPT_UNROLL
          for (int t = 0; t < together; ++t) {
            take(sum, r, codes, t, digits.quad(quad + t));
          }
        }
      }
      const Index group = F::block == 0 ? 0 : b;
      RAPT_UNROLL
      for (int i = 0; i < code_registers; ++i) {
        const int key = first + i * width;
        const std::uint8_t* const keys = c.keys[key / block];
        Vec<float> scale = broadcast(1.0f);
        if constexpr (F::scaled) scale = scales_at<F>(keys, layout.first_scale(), group, key % block);
        RAPT_UNROLL
        for (int r = 0; r < Rows; ++r)
          score[r][i] = fma(number(sum[0][r][i], sum[digit_planes - 1][r][i]), scale, score[r][i]);
        if constexpr (F::minimum) {
          const Vec<float> minimum = scales_at<F>(keys, layout.first_minimum(), group, key % block);
          RAPT_UNROLL
          for (int r = 0; r < Rows; ++r) {
            const float all = static_cast<float>(c.queries.sums[r * c.queries.blocks + b].all);
            score[r][i] = fma(minimum, broadcast(all), score[r][i]);
          }
        }
      }
    }
    RAPT_UNROLL
    for (int r = 0; r < Rows; ++r) {
      RAPT_UNROLL
      for (int i = 0; i < code_registers; ++i)
        store(c.scores + r * contract::tile + first + i * width, mul(score[r][i], broadcast(c.queries.units[r])));
    }
  }
  for (int i = 0; i < contract::tile / block; ++i)
    for (Index at = code_bytes; at < layout.bytes(); at += 64) fetch(c.ahead[i], at);
}

/// A row's weights of a tile times the scales, or the minima, of one group of dims: 0 where the weight is, whatever the
/// scale.
template <class F>
RAPT_INLINE void weigh_scales(const detail::CodeValues& c, Index r, Index first, Index group, float* to) {
  constexpr int width = Vec<float>::lanes, block = detail::key_block;
  for (int j = 0; j < contract::tile; j += width) {
    const Vec<float> weight = load(c.weights + r * contract::tile + j), zero = broadcast(0.0f);
    const Vec<float> scale = scales_at<F>(c.values[j / block], first, group, j % block);
    store(to + j, select(is_zero(weight), zero, mul(weight, scale)));
  }
}

/// The sum of a tile's numbers, by the contract's tree.
RAPT_INLINE float tile_sum(float* x) {
  constexpr int width = Vec<float>::lanes;
  for (int h = contract::tile / 2; h >= width; h /= 2)
    for (int j = 0; j < h; j += width) store(x + j, add(load(x + j), load(x + j + h)));
  return lane_0(sum_lanes<width / 2>(load(x)));
}

/// Dims [column, column + Registers registers) of the values: o = fma(the integers' sum, the row's unit, o), and o +
/// the minima's sum.
template <int Rows, int Registers, class F>
RAPT_INLINE void value_columns_of_codes(const detail::CodeValues& c, const float* minima, Index column) {
  constexpr int width = Vec<float>::lanes, block = detail::key_block, together = quads_together<F>;
  const detail::BlockLayout<F> layout = detail::BlockLayout<F>::of_values(c.value_dim);
  QuadSum sum[digit_planes][Rows][Registers];
  RAPT_UNROLL
  for (int r = 0; r < Rows; ++r) begin_sums(sum, r, c.digits.sums[r], F::lowest);
  for (Index k = 0; k * block < c.count; ++k) {
    for (Index quad = 0; quad < block / 4; quad += together) {
      Codes codes[Registers][together];
      RAPT_UNROLL
      for (int i = 0; i < Registers; ++i) {
        load_quads<F>(c.values[k], quad, column + i * width, layout.dims, layout.code_bytes(), codes[i]);
        if ((column + i * width) % block == 0)
          fetch(c.ahead[k], (quad / together * layout.dims + column + i * width) * 4);
      }
      RAPT_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Digits digits = digits_in(digits_of(c.digits, r), contract::tile);
        RAPT_UNROLL
        for (int t = 0; t < together; ++t) {
          take(sum, r, codes, t, digits.quad(k * (block / 4) + quad + t));
        }
      }
    }
  }
  RAPT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) {
      float* const at = c.output + r * c.dim + column + i * width;
      Vec<float> o = fma(number(sum[0][r][i], sum[digit_planes - 1][r][i]), broadcast(c.digits.units[r]), load(at));
      if constexpr (F::minimum) o = add(o, broadcast(minima[r]));
      store(at, o);
    }
  }
}

/// Weighted values of a tile for `Rows` rows, which are added to their outputs.
template <int Rows, class F> RAPT_NOINLINE void add_codes(const detail::CodeValues& c) {
  constexpr int width = Vec<float>::lanes, block = detail::key_block;
  const detail::BlockLayout<F> layout = detail::BlockLayout<F>::of_values(c.value_dim);
  for (Index group = 0; group < layout.scales; ++group) {
    float scaled[contract::tile], minima[Rows] = {};
    for (Index r = 0; r < Rows; ++r) {
      weigh_scales<F>(c, r < c.rows ? r : 0, layout.first_scale(), group, scaled);
      quantise_row(scaled, contract::tile, r, c.digits);
      if constexpr (F::minimum) {
        weigh_scales<F>(c, r < c.rows ? r : 0, layout.first_minimum(), group, scaled);
        minima[r] = tile_sum(scaled);
      }
    }
    Index column = group * F::block;
    const Index most = F::block == 0 || column + F::block > c.dim ? c.dim : column + F::block;
    for (; column + code_registers * width <= most; column += code_registers * width)
      value_columns_of_codes<Rows, code_registers, F>(c, minima, column);
    for (; column < most; column += width) value_columns_of_codes<Rows, 1, F>(c, minima, column);
  }
  for (Index k = 0; k * block < c.count; ++k)
    for (Index at = layout.code_bytes(); at < layout.bytes(); at += 64) fetch(c.ahead[k], at);
}

template <int Rows, class K> constexpr void (*scores_of())(const detail::CodeScores&) {
  if constexpr (detail::is_packed<K>)
    return &score_codes<Rows, typename K::Format>;
  else
    return nullptr;
}
template <int Rows, class V> constexpr void (*values_of())(const detail::CodeValues&) {
  if constexpr (detail::is_packed<V>)
    return &add_codes<Rows, typename V::Format>;
  else
    return nullptr;
}

/// Queries that are worked on together: each code that is loaded serves them all.
constexpr int rows_of_codes = 4;

template <class K, class V> constexpr detail::IntegerLoops integer_loops() {
  return {
      quads_isa,        &quantise_row, scores_of<rows_of_codes, K>(), scores_of<1, K>(), values_of<rows_of_codes, V>(),
      values_of<1, V>()};
}

RAPT_REGION_CLOSE

#endif
