// The turning of one row: what every kernel rotates with.
//
// The contract of the rotation. A pair (a, b) with cosine c and sine s, all in the element type, becomes
//
//     a' = fma(a, c, b · (0 − s))        b' = fma(b, c, a · s)
//
// the products rounded, then the fma. Turned back, a and b change places: b' = fma(b, c, a · (0 − s)) and a' = fma(a,
// c, b · s). A NaN becomes the one quiet NaN with nothing in its payload. Elements outside the rotary dims are copied,
// every bit of them. reference/rope.hpp says the same in scalar code.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/types.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/rope/pairing.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// How one row is turned: by the angles of one position.
template <class T> struct Turn {
  const T* cosine;  // [pairs], and readable up to the next multiple of a register
  const T* sine;    // the same
  Index pairs;      // rotary_dim / 2
  Index offset;     // of the first rotary dim
  Index head_dim;   // elements of the row
  rope::Pairing pairing;
  bool back;  // by the opposite angles
};

/// Turns one row of elements `in_stride` apart to elements `out_stride` apart: the same row, or one that shares no
/// element with it.
template <class T>
using TurnRow = void (*)(const Turn<T>& turn, const T* in, Index in_stride, T* out, Index out_stride);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/rope/turn-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T> TurnRow<T> turn_row(Isa isa) { return RAPT_OF_REGION(isa, turn_row_kernel<T>()); }
#if RAPT_COMPILED
RAPT_PART TurnRow<float> turn_row<float>(Isa);
RAPT_PART TurnRow<double> turn_row<double>(Isa);
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
