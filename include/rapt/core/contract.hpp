// The numbers of the arithmetic contract (README.md of this folder's parent tells it whole). They are part of the
// results: whoever changes one changes the bits of every output, and raises `contract::version`.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

inline constexpr int version = 1;

/// Keys of a tile: the softmax state moves on once a tile. Tiles begin at multiples of this in the sequence of the
/// keys.
inline constexpr Index tile = 64;

/// Keys of a span: each span starts from the empty state, and the spans' states are merged in ascending order, so that
/// spans may be computed by different threads. Spans begin at multiples of this.
inline constexpr Index span = 512;

/// The reference point m of a row's exponentials moves only when a tile's largest score exceeds it by more than this.
/// So weights are at most e^8, and a row is rescaled once a span or little more, instead of whenever its maximum creeps
/// up.
inline constexpr int headroom = 8;

/// The largest of the integers that stand for a row of numbers where keys or values are integers: two digits of 8 bits
/// with a sign, 256·127 + 127.
inline constexpr int most_digits = 32639;

/// exp(y) for y <= headroom: t = y·log2e + shifter leaves round(y·log2e) in the low bits of t; f = y·log2e −
/// round(y·log2e) in [−½, ½]; 2·2^f by a polynomial in Horner's form; times the power of two that the low bits of t
/// make when they are moved up to the exponent. The polynomial is doubled and the shifter one less than the exponent's
/// bias, so that the first power that is not representable as a normal number comes out as exactly 0, and no result is
/// ever denormal.
template <class T> struct Exp;

template <> struct Exp<float> {
  static constexpr float log2e = 0x1.715476p+0f;
  static constexpr float shifter = 0x1.8p+23f + 126;
  /// y below this is taken for this, whose exponential is 0.
  static constexpr float lowest = -87.3f;
  static constexpr int degree = 5;
  /// Minimax for 2·2^f, relative, with float coefficients and an exact first one (Sollya's fpminimax): 1.6·2^-24.
  static constexpr float coefficient[degree + 1] = {2.0f,           0x1.62e42ap+0f, 0x1.ebf9bap-2f,
                                                    0x1.c6b69ap-4f, 0x1.3ceaf8p-6f, 0x1.5bfd58p-9f};
};

template <> struct Exp<double> {
  static constexpr double log2e = 0x1.71547652b82fep+0;
  static constexpr double shifter = 0x1.8p+52 + 1022;
  static constexpr double lowest = -708.4;
  static constexpr int degree = 11;
  /// As above with double coefficients: 0.06·2^-53.
  // clang-format off
  static constexpr double coefficient[degree + 1] = {
      2.0,                    0x1.62e42fefa39efp+0,  0x1.ebfbdff82c5a6p-2,  0x1.c6b08d704a12cp-4,
      0x1.3b2ab6fb9fda6p-6,   0x1.5d87fe789e96fp-9,  0x1.4309130f6cbdcp-12, 0x1.ffcbfc6685efdp-16,
      0x1.62bfc6596b95ap-19,  0x1.b52522bc19eeep-23, 0x1.e61d4332c8c78p-27, 0x1.e973178f84e2dp-31};
  // clang-format on
};

/// tanh(x) = −e/(e + 2) with e = exp(y) − 1 and y = −2·|x|, by the steps of Exp; but e is put together as
/// 2^n·(2^f − 1) + (2^n − 1), so that it is as exact near 0 as elsewhere, and no case needs a branch. (2^f − 1)/f is a
/// polynomial in Horner's form, which interpolates it at the Chebyshev nodes of [−½, ½].
template <class T> struct Tanh;

template <> struct Tanh<float> {
  static constexpr int degree = 5;
  /// 0.4·2^-24, relative.
  static constexpr float coefficient[degree + 1] = {0x1.62e430p-1f, 0x1.ebfbe0p-3f,  0x1.c6af6cp-5f,
                                                    0x1.3b2a54p-7f, 0x1.5f0890p-10f, 0x1.44138ap-13f};
};

template <> struct Tanh<double> {
  static constexpr int degree = 10;
  /// 0.5·2^-53, relative.
  // clang-format off
  static constexpr double coefficient[degree + 1] = {
      0x1.62e42fefa39efp-1,  0x1.ebfbdff82c598p-3,  0x1.c6b08d704a0c2p-5,  0x1.3b2ab6fba1ddap-7,
      0x1.5d87fe78a5276p-10, 0x1.430913096fd9fp-13, 0x1.ffcbfc670dcd4p-17, 0x1.62bfd47773353p-20,
      0x1.b524fae627834p-24, 0x1.e6063f7217bc6p-28, 0x1.e9d3fe3952179p-32};
  // clang-format on
};

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
