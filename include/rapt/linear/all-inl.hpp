// The projections' kernels, in the order in which they build on each other.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
// clang-format off
#include "rapt/linear/outputs-inl.hpp"
#include "rapt/linear/tile-inl.hpp"
#include "rapt/linear/rows-inl.hpp"
#include "rapt/linear/row-inl.hpp"
#include "rapt/linear/panel-inl.hpp"
#include "rapt/linear/int8-inl.hpp"
#include "rapt/linear/blocks-inl.hpp"
#include "rapt/linear/item-inl.hpp"
// clang-format on

#endif
