// Of rapt::compiled: the usual kernels of keys and values in half.
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>

#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_KERNELS(template, float, Eigen::half, Plain)
RAPT_USUAL_KERNELS(template, float, Eigen::half, Band)

}  // namespace detail
RAPT_NAMESPACE_END
#endif
