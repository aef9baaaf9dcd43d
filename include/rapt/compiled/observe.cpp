// Of rapt::compiled: observing.
#if RAPT_COMPILED_NARROW
#include <Eigen/Core>
#endif

#include "rapt/compiled/usual_observe.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_ALL_USUAL_HOMES(RAPT_USUAL_OBSERVER, template)

}  // namespace detail
RAPT_NAMESPACE_END
