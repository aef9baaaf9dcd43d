// Which two dims turn together.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/config.hpp"

RAPT_NAMESPACE_BEGIN
namespace rope {

/// The dims of pair p, of n pairs, counted from the first rotary dim.
enum class Pairing {
  half,         ///< p and n + p: GPT-NeoX, Llama as Hugging Face stores it, and nearly every model since
  interleaved,  ///< 2p and 2p + 1: the paper's own (Su et al. 2021, arXiv:2104.09864), GPT-J, Llama as Meta stores it
};

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
