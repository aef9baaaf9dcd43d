// Of rapt::compiled: the usual kernels of keys and values in bfloat16.
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>

#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_KERNELS(template, float, Eigen::bfloat16, Plain)
RAPT_USUAL_KERNELS(template, float, Eigen::bfloat16, Band)

}  // namespace detail
RAPT_NAMESPACE_END
#endif
