// What can be asked of a call to attention, besides its output: where each answer goes.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/cube.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN

/// Where observe() writes. Any may be left out, and only what is there is computed. p is the softmax's weight of a key
/// in a row: what its value is multiplied with.
template <class T> struct Observation {
  /// Of each row, in nats: the sum over its attended keys of p · (logsumexp − score), which is −p · log p.
  /// [batch, q_heads, q_len]
  Cube<T> entropy{};
  /// Of each row, its largest attended score, −∞ if there is none; and that key's p. [batch, q_heads, q_len]
  Cube<T> largest{};
  Cube<T> largest_probability{};
  /// Of each row, the n keys with the largest scores, in descending order and, where equal, ascending by position:
  /// their positions, −1 where there are fewer; and their p, 0 there. [batch, q_heads, q_len, n]
  View<std::int32_t> top_keys{};
  View<T> top_probabilities{};
  /// Of each key, the sum of its p over the call's queries: H2O's heavy hitters have the largest (Zhang et al. 2023,
  /// arXiv:2306.14048). [batch, q_heads, kv_len], kv_len the longest in a cache
  Cube<T> mass{};

  /// Not written but read: the logsumexp of each row, as attention() with the same arguments has left it in
  /// Options::lse. Saves a pass. [batch, q_heads, q_len]
  LogSumExp<const T> known_lse{};
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
