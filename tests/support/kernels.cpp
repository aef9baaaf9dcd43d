#include "support/kernels.hpp"

RAPT_TEST_KERNELS(, float, rapt::Plain)
RAPT_TEST_KERNELS(, float, rapt::Band)
RAPT_TEST_KERNELS(, double, rapt::Plain)
RAPT_TEST_KERNELS(, double, rapt::Band)
