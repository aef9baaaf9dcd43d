// Of rapt::compiled: attention to keys and values in bfloat16.
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>

#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_HOMES(RAPT_USUAL_CALL, template, float, Eigen::bfloat16)

}  // namespace detail
RAPT_NAMESPACE_END
#endif
