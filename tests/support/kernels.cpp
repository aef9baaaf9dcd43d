#include "support/kernels.hpp"

RAPT_TEST_KERNELS(, float, rapt::Plain)
RAPT_TEST_KERNELS(, float, rapt::Band)
RAPT_TEST_KERNELS(, double, rapt::Plain)
RAPT_TEST_KERNELS(, double, rapt::Band)

RAPT_TEST_CACHE_KERNELS(, float, rapt::Plain)
RAPT_TEST_CACHE_KERNELS(, float, rapt::Band)
RAPT_TEST_CACHE_KERNELS(, double, rapt::Plain)
RAPT_TEST_CACHE_KERNELS(, double, rapt::Band)
RAPT_TEST_CACHE_KERNELS(, Eigen::half, rapt::Plain)
RAPT_TEST_CACHE_KERNELS(, Eigen::half, rapt::Band)
RAPT_TEST_CACHE_KERNELS(, Eigen::bfloat16, rapt::Plain)
RAPT_TEST_CACHE_KERNELS(, Eigen::bfloat16, rapt::Band)
