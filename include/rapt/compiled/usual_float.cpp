// Of rapt::compiled: the usual kernels in float.
#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_KERNELS(template, float, float, Plain)
RAPT_USUAL_KERNELS(template, float, float, Band)

}  // namespace detail
RAPT_NAMESPACE_END
