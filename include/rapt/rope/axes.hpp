// Positions of several components: a place in a picture or a film instead of a line of text.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "rapt/rope/spec.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

inline void check_sections(const rope::Spec& spec, const std::vector<Index>& sections) {
  require(!sections.empty() && sections.size() <= 16, "sections", "their number", static_cast<Index>(sections.size()),
          "it has to be from 1 to 16");
  for (const Index section : sections)
    require(section >= 0 && section <= spec.pairs(), "sections", "one of them", section,
            "it has to be from 0 to the number of pairs");
  const Index sum = std::accumulate(sections.begin(), sections.end(), Index(0));
  if (sum != spec.pairs())
    fail("sections", "their sum is " + std::to_string(sum),
         "it has to be " + std::to_string(spec.pairs()) + ", the number of pairs");
}

}  // namespace detail

namespace rope {

/// M-RoPE: the first sections[0] pairs turn by a position's component 0, the next sections[1] by component 1, and so
/// on. Qwen2-VL's components are time, row and column: mrope(standard(128, 1e6), {16, 24, 24}) (Wang et al. 2024,
/// arXiv:2409.12191). A position of text has the same number in each.
///
/// Throws std::invalid_argument unless the sections add up to the number of pairs.
inline Spec mrope(Spec spec, const std::vector<Index>& sections) {
  detail::check_sections(spec, sections);
  spec.components.clear();
  for (std::size_t c = 0; c < sections.size(); ++c)
    spec.components.insert(spec.components.end(), static_cast<std::size_t>(sections[c]), static_cast<int>(c));
  return spec;
}

/// M-RoPE with the components dealt in turn, so that each gets fast and slow pairs: pair p turns by component p mod n
/// until that one has had its section, and by component 0 from then on. Qwen3-VL's: {24, 20, 20}, t h w t h w … t t
/// (as in Hugging Face Transformers).
///
/// Throws std::invalid_argument unless the sections add up to the number of pairs, and have room there when dealt so.
inline Spec mrope_interleaved(Spec spec, const std::vector<Index>& sections) {
  detail::check_sections(spec, sections);
  const Index n = static_cast<Index>(sections.size());
  spec.components.assign(spec.inverse_frequencies.size(), 0);
  for (Index c = 1; c < n; ++c)
    for (Index i = 0; i < sections[static_cast<std::size_t>(c)]; ++i) {
      const Index pair = c + n * i;
      if (pair >= spec.pairs())
        detail::fail("sections",
                     "section " + std::to_string(c) + " is " + std::to_string(sections[static_cast<std::size_t>(c)]),
                     "only " + std::to_string(i) + " pairs have that turn");
      spec.components[static_cast<std::size_t>(pair)] = static_cast<int>(c);
    }
  return spec;
}

/// How an image's two axes share the frequencies.
enum class Axes {
  same,   ///< rows and columns turn at the same ones, those of rotary_dim / 2: Qwen2-VL's vision tower
  dealt,  ///< of the frequencies of rotary_dim, rows have those at even places and columns the others: Pixtral
};

/// Two-dimensional positions, (row, column): the first half of the pairs turns by the row, the second by the column
/// (Wang et al. 2024, arXiv:2409.12191; Agrawal et al. 2024, arXiv:2410.07073).
///
/// Throws std::invalid_argument unless rotary_dim is a multiple of 4.
inline Spec vision(Index rotary_dim, double base = 10000, Axes axes = Axes::same) {
  detail::require(rotary_dim >= 4 && rotary_dim % 4 == 0, "rope", "rotary_dim", rotary_dim,
                  "it has to be a multiple of 4: pairs for two axes");
  const std::vector<double> all = standard(axes == Axes::same ? rotary_dim / 2 : rotary_dim, base).inverse_frequencies;
  Spec spec;
  for (const int axis : {0, 1})
    for (std::size_t i = 0; i < static_cast<std::size_t>(rotary_dim / 4); ++i) {
      spec.inverse_frequencies.push_back(axes == Axes::same ? all[i] : all[2 * i + static_cast<std::size_t>(axis)]);
      spec.components.push_back(axis);
    }
  return spec;
}

/// The positions of an image's patches, row by row: [rows · columns, 2].
inline std::vector<Index> grid(Index rows, Index columns) {
  detail::require(rows >= 0, "grid", "rows", rows, "it has to be 0 or more");
  detail::require(columns >= 0, "grid", "columns", columns, "it has to be 0 or more");
  std::vector<Index> positions;
  for (Index row = 0; row < rows; ++row)
    for (Index column = 0; column < columns; ++column) positions.insert(positions.end(), {row, column});
  return positions;
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
