// Views of Eigen's types.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <type_traits>
#include <utility>

#include "rapt/core/error.hpp"
#include "rapt/core/view.hpp"

// Whoever has a matrix has included Eigen; to name its types, their declarations are enough.
namespace Eigen {
template <class Derived> struct EigenBase;
template <class M, int Alignment, class Stride> class Map;
template <class M, int Rows, int Cols, bool InnerPanel> class Block;
template <class M, int Alignment, class Stride> class Ref;
}  // namespace Eigen

RAPT_NAMESPACE_BEGIN
namespace detail {

/// An expression with memory of its own, read-only if it is const or its type says so (Map<const M>, Ref<const M>).
template <class M> using eigen_element_t = std::remove_pointer_t<decltype(std::declval<M&>().data())>;

/// What can be copied without copying the elements: it outlives a temporary of its own kind.
template <class M> inline constexpr bool borrows = false;
template <class M, int A, class S> inline constexpr bool borrows<Eigen::Map<M, A, S>> = true;
template <class M, int R, int C, bool P> inline constexpr bool borrows<Eigen::Block<M, R, C, P>> = true;
template <class M, int A, class S>
inline constexpr bool borrows<Eigen::Ref<M, A, S>> = !std::is_const_v<M>;  // Ref<const M> may hold a copy

}  // namespace detail

/// A matrix with a position a row as a view [1, heads, rows, cols / heads]: the heads side by side in each row, as a
/// projection leaves them. With one head, a row is a position and a column a dim.
///
/// Takes whatever has memory of its own and not a product or a sum: Matrix, Map, Ref, blocks of them; in either storage
/// order and with any strides. A vector is one position, a column as well as a row. The view holds only a pointer, so
/// the matrix has to stay; a temporary that owns its memory does not compile.
template <class M>
  requires std::is_base_of_v<Eigen::EigenBase<std::remove_cvref_t<M>>, std::remove_cvref_t<M>>
auto view(M&& m, Index heads = 1) {
  static_assert(std::is_lvalue_reference_v<M> || detail::borrows<std::remove_cvref_t<M>>,
                "rapt: a view of a temporary matrix would outlive it: name the matrix first");
  constexpr bool vector = std::remove_cvref_t<M>::IsVectorAtCompileTime;
  const Index positions = vector ? 1 : m.rows(), numbers = vector ? m.size() : m.cols();
  const Index step = vector ? m.innerStride() : m.colStride();
  detail::require(heads >= 1, "view", "the number of heads", heads, "it has to be 1 or more");
  if (numbers % heads != 0)
    detail::fail("view", {"the number of ", vector ? "elements" : "columns", " is ", numbers},
                 {"it has to be a multiple of the ", heads, " heads"});
  const Index dim = numbers / heads, row_step = vector ? numbers * step : m.rowStride();
  using Elements = View<detail::eigen_element_t<std::remove_reference_t<M>>>;
  return Elements{m.data(), {1, heads, positions, dim}, {0, dim * step, row_step, step}};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
