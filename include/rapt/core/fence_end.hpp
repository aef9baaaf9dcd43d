// Closes the fence that fence_begin.hpp opens: the macros and the floating-point flags of whoever included the header
// are back.
#pragma pop_macro("RAPT_FENCE")
#ifndef RAPT_FENCE

#include "rapt/core/macros_back.hpp"
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__))
#pragma float_control(pop)
#endif

#endif
