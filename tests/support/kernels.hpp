// The kernels that the tests use, compiled once.
//
// rapt::compiled holds the kernels; the declarations below keep each test file from compiling the references again. The
// front door itself (attention(), plan()) stays a template that each file instantiates.
#pragma once

#include <Eigen/Core>

#include "rapt/attention.hpp"
#include "rapt/reference/attention.hpp"
#include "rapt/reference/contract.hpp"

#define RAPT_TEST_KERNELS(prefix, T, S)                                                                             \
  prefix template void rapt::contract::attention<T, S>(const rapt::View<const T>&, const rapt::View<const T>&,      \
                                                       const rapt::View<const T>&, const rapt::View<T>&, const S&,  \
                                                       const rapt::Options<T>&);                                    \
  prefix template void rapt::reference::attention<T, S>(const rapt::View<const T>&, const rapt::View<const T>&,     \
                                                        const rapt::View<const T>&, const rapt::View<T>&, const S&, \
                                                        const rapt::Options<T>&);

RAPT_TEST_KERNELS(extern, float, rapt::Plain)
RAPT_TEST_KERNELS(extern, float, rapt::Band)
RAPT_TEST_KERNELS(extern, double, rapt::Plain)
RAPT_TEST_KERNELS(extern, double, rapt::Band)
