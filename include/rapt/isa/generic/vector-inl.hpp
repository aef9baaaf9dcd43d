// The vector vocabulary in plain C++, one lane wide: complete, correct on every compiler and machine, and quick to
// compile. Without a fused multiply-add in the baseline (x86-64 has none) std::fma is a call into the C library: right,
// but slow.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

constexpr Isa region_isa = Isa::generic;

/// Registers of queries in a group, and in a register tile.
constexpr int query_registers = 1, tile_registers = 1;
/// Steps of a register tile's loop that are written out.
constexpr int unrolled = 1;
/// Registers of keys, or of dims of values, that few queries go through together.
constexpr int key_registers = 1;

template <class T> struct Vec {
  static constexpr int lanes = 1;
  T raw;
};
template <class T> struct Mask { bool raw; };

template <class T> RAPT_INLINE Vec<T> load(const T* p) { return {*p}; }
template <class T> RAPT_INLINE void store(T* p, Vec<T> a) { *p = a.raw; }
RAPT_INLINE Vec<float> load(const Eigen::half* p) { return {detail::widened(*p)}; }
RAPT_INLINE Vec<float> load(const Eigen::bfloat16* p) { return {detail::widened(*p)}; }
RAPT_INLINE Vec<float> load(const fp8_e4m3* p) { return {detail::widened(*p)}; }
RAPT_INLINE Vec<float> load(const fp8_e5m2* p) { return {detail::widened(*p)}; }
RAPT_INLINE Vec<float> broadcast(float x) { return {x}; }
RAPT_INLINE Vec<double> broadcast(double x) { return {x}; }

template <class T> RAPT_INLINE Vec<T> add(Vec<T> a, Vec<T> b) { return {a.raw + b.raw}; }
template <class T> RAPT_INLINE Vec<T> sub(Vec<T> a, Vec<T> b) { return {a.raw - b.raw}; }
template <class T> RAPT_INLINE Vec<T> mul(Vec<T> a, Vec<T> b) { return {a.raw * b.raw}; }
template <class T> RAPT_INLINE Vec<T> div(Vec<T> a, Vec<T> b) { return {a.raw / b.raw}; }
/// a·b + c, rounded once.
template <class T> RAPT_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return {ieee::fma(a.raw, b.raw, c.raw)}; }
/// a > b ? a : b, so that a NaN in a is ignored and a NaN in b stays.
template <class T> RAPT_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return {ieee::select(a.raw > b.raw, a.raw, b.raw)}; }

template <class T> RAPT_INLINE Mask<T> greater(Vec<T> a, Vec<T> b) { return {a.raw > b.raw}; }
template <class T> RAPT_INLINE Mask<T> is_nan(Vec<T> a) { return {ieee::is_nan(a.raw)}; }
template <class T> RAPT_INLINE Mask<T> is_zero(Vec<T> a) { return {a.raw == T(0)}; }
template <class T> RAPT_INLINE bool any(Mask<T> m) { return m.raw; }
/// A mask from words that are zero or not, one a lane.
RAPT_INLINE Mask<float> load_mask(const std::int32_t* p) { return {*p != 0}; }
RAPT_INLINE Mask<double> load_mask(const std::int64_t* p) { return {*p != 0}; }
/// m ? a : b
template <class T> RAPT_INLINE Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) {
  return {ieee::select(m.raw, a.raw, b.raw)};
}

/// The low bits of the significand, moved up to where the exponent stands.
RAPT_INLINE Vec<float> low_bits_to_exponent(Vec<float> a) {
  return {std::bit_cast<float>(std::bit_cast<std::uint32_t>(a.raw) << 23)};
}
RAPT_INLINE Vec<double> low_bits_to_exponent(Vec<double> a) {
  return {std::bit_cast<double>(std::bit_cast<std::uint64_t>(a.raw) << 52)};
}

/// To 16 bits, rounded to nearest, ties to even. NaN is to be the canonical one.
RAPT_INLINE void store(Eigen::half* p, Vec<float> a) { detail::narrow(a.raw, *p); }
RAPT_INLINE void store(Eigen::bfloat16* p, Vec<float> a) { detail::narrow(a.raw, *p); }

/// Integers of 8 bits, as numbers.
RAPT_INLINE Vec<float> load(const std::int8_t* p) { return {static_cast<float>(*p)}; }
/// Words, and words from bytes.
RAPT_INLINE Vec<std::uint32_t> load_bytes(const std::uint8_t* p) { return {*p}; }
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_left(Vec<std::uint32_t> a) { return {a.raw << N}; }
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_right(Vec<std::uint32_t> a) { return {a.raw >> N}; }
RAPT_INLINE Vec<std::uint32_t> either(Vec<std::uint32_t> a, Vec<std::uint32_t> b) { return {a.raw | b.raw}; }
/// The integers of 4 or 5 bits that begin at bit `At` of the words, as numbers: as they are, and less half their range.
template <int Bits, int At> RAPT_INLINE Vec<float> field(Vec<std::uint32_t> a) {
  return {static_cast<float>(a.raw >> At & ((1 << Bits) - 1))};
}
template <int Bits, int At> RAPT_INLINE Vec<float> centred_field(Vec<std::uint32_t> a) {
  return {field<Bits, At>(a).raw - static_cast<float>(1 << (Bits - 1))};
}

/// Lane i receives lane i + N, around the end.
template <int N, class T> RAPT_INLINE Vec<T> rotate(Vec<T> a) { return a; }

/// a0 b0 a1 b1 … from the lower halves of a and b, and from the upper ones. One lane has no halves: what it is zipped
/// to is itself.
template <class T> RAPT_INLINE Vec<T> zip_low(Vec<T> a, Vec<T>) { return a; }
template <class T> RAPT_INLINE Vec<T> zip_high(Vec<T>, Vec<T> b) { return b; }

/// a0 a2 … b0 b2 …, and a1 a3 … b1 b3 …: what zip_low and zip_high undo. One lane is what it is.
template <class T> RAPT_INLINE Vec<T> unzip_even(Vec<T> a, Vec<T>) { return a; }
template <class T> RAPT_INLINE Vec<T> unzip_odd(Vec<T>, Vec<T> b) { return b; }

/// Asks for the cache line at p to be brought into the second-level cache: here left to the machine.
RAPT_INLINE void prefetch(const void*) {}

/// Stands at the beginning of each function that ordinary code calls: here there is nothing to clear up at its end.
struct Leaving {
  RAPT_INLINE Leaving() {}
  RAPT_INLINE ~Leaving() {}
};

RAPT_REGION_CLOSE

#endif
