// Of rapt::compiled: the usual kernels in double.
#include "rapt/compiled/usual.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_KERNELS(template, double, double, Plain)
RAPT_USUAL_KERNELS(template, double, double, Band)

}  // namespace detail
RAPT_NAMESPACE_END
