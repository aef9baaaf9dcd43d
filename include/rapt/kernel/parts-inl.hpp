// The parts of the kernels that no home of keys and values has a part in, which are most of their machine code: in a
// program that links rapt::compiled they are declared here, and made there.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#elif RAPT_COMPILED
RAPT_REGION_OPEN

/// Only wide register tiles have narrow ones to fall back on; elsewhere this is a number that nobody uses.
constexpr int fewer_registers = tile_registers == 1 ? 2 : 1;

// Of one number of registers, of the ways to leave keys out, of one number of rows, of one element type.
#define RAPT_REGISTER_PARTS(T, registers)                                                             \
  RAPT_PART void score_keys<registers, T, T>(int, const T*, Keys<T>, Ahead, Index, Index, T, T*, T*); \
  RAPT_PART void add_values<registers, T, T>(int, const T*, const T* const*, Index, Index, bool, T*);
#define RAPT_KEEP_PARTS(T, Keep)                                                     \
  RAPT_PART void find_largest<T, Keep>(int, const T*, Index, Keep, T*);              \
  RAPT_PART bool soften<T, T, Keep>(int, T*, T*, Index, Keep, const T*, T*, T*, T*); \
  RAPT_PART void soften_rows<T, Keep>(T*, Index, Keep, T*, T*, T*);
#define RAPT_ROW_PARTS(T, K, rows)                                                            \
  RAPT_PART void score_rows<rows, T, K>(const T*, Index, const K* const*, const Wanted*, T*); \
  RAPT_PART void add_row_values<rows, T, K>(const T*, const ValueRows<K>&, const Wanted*, Index, Index, bool, T*);
#define RAPT_STORED_PARTS(T, K)                                                                                  \
  RAPT_ROW_PARTS(T, K, 1)                                                                                        \
  RAPT_ROW_PARTS(T, K, rows_together)                                                                            \
  RAPT_PART void block_keys<T, K>(const K* const*, const Wanted*, Index, Index, Index, T*);                      \
  RAPT_PART void add_kept_values<T, K>(const T*, const detail::Word<T>*, const ValueRows<K>&, Index, Index, T*); \
  RAPT_PART void convert<T, K>(const K*, Index, T*);
#define RAPT_ELEMENT_PARTS(T)                                                                                       \
  RAPT_REGISTER_PARTS(T, tile_registers)                                                                            \
  RAPT_REGISTER_PARTS(T, fewer_registers)                                                                           \
  RAPT_KEEP_PARTS(T, KeepAll<T>)                                                                                    \
  RAPT_KEEP_PARTS(T, KeepSome<T>)                                                                                   \
  RAPT_STORED_PARTS(T, T)                                                                                           \
  RAPT_PART void pack_queries<T>(const T* const*, Index, Index, T, int, int, T*);                                   \
  RAPT_PART void clear_scores<T>(T*, Index);                                                                        \
  RAPT_PART void fill_up<T>(T*, Index, Index);                                                                      \
  RAPT_PART void clear<T>(const State<T>&, int, Index);                                                             \
  RAPT_PART void rescale_by<T, T>(const State<T>&, const T*, int, Index);                                           \
  RAPT_PART void merge<T>(const State<T>&, const State<T>&, int, Index);                                            \
  RAPT_PART void copy<T>(const State<T>&, const State<T>&, int, Index);                                             \
  RAPT_PART void write_output<T>(const State<T>&, int, Index, std::byte* const*, Index);                            \
  RAPT_PART bool all_finite<T>(const T* const*, Index, Index);                                                      \
  RAPT_PART void add_values_selected<T>(const T*, const detail::Word<T>*, int, const T* const*, Index, Index, T*);  \
  RAPT_PART Coverage count_kept<T>(const detail::Word<T>*, Index);                                                  \
  RAPT_PART void attend_full<T, T>(const detail::Scoring<T>&, Group<T>&, const Tile<T>&, const AheadRows&,          \
                                   const Scratch<T>&, Index, Index, T);                                             \
  RAPT_PART void attend_some<T, T>(const detail::Scoring<T>&, Group<T>&, const Tile<T>&, const AheadRows&,          \
                                   const Scratch<T>&, Index, Index, T);                                             \
  RAPT_PART void take_sinks<T, T>(const detail::Scoring<T>&, Group<T>&, Index);                                     \
  RAPT_PART void take_row_sinks<T>(const detail::Scoring<T>&, const Rows&, const RowStates<T>&, Index);             \
  RAPT_PART void close_span<T, T>(Group<T>&, Index);                                                                \
  RAPT_PART void take_carried<T, T>(Group<T>&, const View<const T>&, Index, Index, Index);                          \
  RAPT_PART void leave_carried<T, T>(const Group<T>&, const View<T>&, Index, Index, Index);                         \
  RAPT_PART void take_carried_rows<T>(const RowStates<T>&, const View<const T>&, const Rows&, Index, Index, Index); \
  RAPT_PART void leave_carried_rows<T>(const RowStates<T>&, const View<T>&, const Rows&, Index, Index, Index);      \
  RAPT_PART void clear_rows<T>(const RowStates<T>&, Index, Index);                                                  \
  RAPT_PART void merge_rows<T>(const RowStates<T>&, const RowStates<T>&, Index, Index);                             \
  RAPT_PART void rescale_row<T>(T*, T, Index);                                                                      \
  RAPT_PART void clear_row<T>(T*, Index);                                                                           \
  RAPT_PART Index scratch_bytes<T, T>(const detail::Extents&, const detail::Schedule&);                             \
  RAPT_PART Index kept_state_size<T>(const detail::Extents&, const detail::Schedule&);

RAPT_ELEMENT_PARTS(float)
RAPT_ELEMENT_PARTS(double)
#if RAPT_COMPILED_NARROW
RAPT_STORED_PARTS(float, Eigen::half)
RAPT_STORED_PARTS(float, Eigen::bfloat16)
#endif

#undef RAPT_ELEMENT_PARTS
#undef RAPT_STORED_PARTS
#undef RAPT_ROW_PARTS
#undef RAPT_KEEP_PARTS
#undef RAPT_REGISTER_PARTS

RAPT_REGION_CLOSE

#endif
