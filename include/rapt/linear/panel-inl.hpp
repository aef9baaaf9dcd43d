// A panel's weights, as the numbers that are computed with. A format joins by overloads of the two functions here: for
// many rows, numbers_of() widens a slice once; for a single row, row_of_panel() does it in registers.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Where a panel stands.
template <class T, class W> struct Panel {
  using Unit = typename detail::PanelFormat<T, W>::Unit;
  const Unit* units;
  Index in;

  RAPT_INLINE const Unit* from(Index input) const { return units + detail::PanelFormat<T, W>::units_before(input); }
};

template <class T, class W> RAPT_INLINE Panel<T, W> panel_of(const detail::LinearWork<T, W>& work, Index panel) {
  const Index in = work.schedule.in;
  return {work.panels + panel * detail::PanelFormat<T, W>::units(in), in};
}

/// A slice of `count` inputs, [count][panel_lanes]. Of numbers that are what is computed with: where they stand.
template <class T> RAPT_INLINE const T* numbers_of(const Panel<T, T>& panel, Index begin, Index, bool, T*) {
  return panel.from(begin);
}
/// Of others in `room`, which is a schedule's slice long; `fetches` unless others see to it that the next ones come.
/// Here of 16 bits.
template <class T, class K>
RAPT_NOINLINE const T* numbers_of(const Panel<T, K>& panel, Index begin, Index count, bool fetches, T* room) {
  constexpr Index lanes = detail::panel_lanes<T>;
  const K* from = panel.from(begin);
  T* to = room;
  for (Index i = 0; i < count; ++i, from += lanes, to += lanes) {
    if (fetches) fetch_ahead(from, lanes * Index(sizeof(K)));
    for (Index lane = 0; lane < lanes; lane += Vec<T>::lanes) store(to + lane, load(from + lane));
  }
  return room;
}

/// A row times a panel.
///   x [in], bias and sums [panel_lanes]
template <class T, class K>
RAPT_INLINE void row_of_panel(const Panel<T, K>& panel, const T* x, const T* bias, T* sums) {
  row_tiles(x, panel.units, panel.in, bias, sums);
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
