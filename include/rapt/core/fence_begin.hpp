// Opens the fence around a header of the library: what the files before it have done to the language stays outside.
//
// Directly after `#pragma once` stands an include of this file, and the last line of the header includes
// fence_end.hpp. Headers include each other, but only the outermost pair of a file does anything: RAPT_FENCE is pushed
// undefined by the first one, and is undefined again once that one's end has popped it.
//
// 1. Macros. Other people's headers define common words: windows.h min, max and small, Qt slots, X11 None, Arduino
//    abs, curses move. Each of the names below is put away, and means what C++ says until the fence ends, also in the
//    standard headers that are read inside. A name that is missing is a line in macros_away.hpp, one in
//    macros_back.hpp, and one in the test that defines them all.
// 2. Floating point. The results are the same in every bit only if a compiler evaluates what is written. GCC and Clang
//    say in macros that -ffast-math is on, and core/config.hpp refuses it; but Clang says nothing of its parts, such as
//    -fno-honor-nans or -freciprocal-math. Here they are turned off, for all functions inside.
//
// No include guard: it is included again by every header.

// Before anything else is read, so that this is all that a compiler says: it stops at a file that it can't find.
#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#include "rapt needs C++20: compile with -std=c++20 or later"
#endif

// Outside the fence, as they ask what the file was compiled with: -fno-honor-nans and -fno-honor-infinities, which it
// can't keep out since Clang 17, as they become a promise about every function's arguments and results. The compiler
// has a warning for such a use, unless the header is a system's (-isystem): those find out when they run.
#if defined(__clang__) && !defined(RAPT_HONOURS)
#define RAPT_HONOURS
// clang-format off
#pragma clang diagnostic push
#if defined(__has_warning)
#if __has_warning("-Wnan-infinity-disabled")
#pragma clang diagnostic error "-Wnan-infinity-disabled"
#endif
#endif
inline bool rapt_honours_nan(volatile float& zero) { return __builtin_isnan(zero / zero); }  // rapt needs IEEE arithmetic: compile without -fno-honor-nans
inline bool rapt_honours_infinity(volatile float& zero) { return __builtin_isinf(1 / zero); }  // rapt needs IEEE arithmetic: compile without -fno-honor-infinities
#pragma clang diagnostic pop
// clang-format on
#endif

#pragma push_macro("RAPT_FENCE")
#ifndef RAPT_FENCE
#define RAPT_FENCE

#if defined(__clang__)
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__)
#pragma float_control(precise, on, push)  // of other targets, Clang says that it ignores it
#endif
#pragma clang fp reassociate(off) contract(off)
#endif
#include "rapt/core/macros_away.hpp"

#endif
