// Of rapt::compiled: the parts of attention's kernels that no home of keys and values has a part in.
#define RAPT_PART template
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>
#endif

#include "rapt/kernel/kernels.hpp"
