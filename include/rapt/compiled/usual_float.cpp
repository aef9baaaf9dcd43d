// Of rapt::compiled: attention in float.
#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_HOMES(RAPT_USUAL_CALL, template, float, float)

}  // namespace detail
RAPT_NAMESPACE_END
