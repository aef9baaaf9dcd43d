// Of rapt::compiled: the kernels of what stands around attention in a layer, rotation, norms and the filling of caches.
#define RAPT_PART template
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>
#endif

#include "rapt/kv/append.hpp"
#include "rapt/layer/rms_norm.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/turn.hpp"
