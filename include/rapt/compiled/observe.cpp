// Of rapt::compiled: observing.
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>
#endif

#include "rapt/compiled/usual_observe.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_OBSERVERS(template, float, float)
RAPT_USUAL_OBSERVERS(template, double, double)
#if RAPT_COMPILED_NARROW
RAPT_USUAL_OBSERVERS(template, float, Eigen::half)
RAPT_USUAL_OBSERVERS(template, float, Eigen::bfloat16)
#endif

}  // namespace detail
RAPT_NAMESPACE_END
