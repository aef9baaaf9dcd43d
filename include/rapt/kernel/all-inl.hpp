// All kernels, in the order in which they build on each other.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
// clang-format off
#include "rapt/kernel/pack-inl.hpp"
#include "rapt/kernel/scores-inl.hpp"
#include "rapt/kernel/exp-inl.hpp"
#include "rapt/kernel/softmax-inl.hpp"
#include "rapt/kernel/values-inl.hpp"
#include "rapt/kernel/state-inl.hpp"
#include "rapt/kernel/change_forms-inl.hpp"
#include "rapt/kernel/change-inl.hpp"
#include "rapt/kernel/keep-inl.hpp"
#include "rapt/kernel/scoring-inl.hpp"
#include "rapt/kernel/tile-inl.hpp"
#include "rapt/kernel/forward-inl.hpp"
#include "rapt/kernel/decode_scores-inl.hpp"
#include "rapt/kernel/decode_softmax-inl.hpp"
#include "rapt/kernel/decode_values-inl.hpp"
#include "rapt/kernel/decode_tile-inl.hpp"
#include "rapt/kernel/decode-inl.hpp"
#include "rapt/kernel/item-inl.hpp"
#include "rapt/kernel/parts-inl.hpp"
// clang-format on

#endif
