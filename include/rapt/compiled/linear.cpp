// Of rapt::compiled: the projections' kernels.
#define RAPT_PART template
#include "rapt/linear/kernels.hpp"
