// Of rapt::compiled: attention in double.
#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_HOMES(RAPT_USUAL_CALL, template, double, double)

}  // namespace detail
RAPT_NAMESPACE_END
