// The observing kernels, in the order in which they build on each other.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
// clang-format off
#include "rapt/observe/tile-inl.hpp"
#include "rapt/observe/top-inl.hpp"
#include "rapt/observe/rows-inl.hpp"
#include "rapt/observe/keys-inl.hpp"
#include "rapt/observe/item-inl.hpp"
// clang-format on

#endif
