// rapt: attention for CPUs. Includes everything.
#pragma once

#include "rapt/attention.hpp"
#include "rapt/eigen.hpp"
#include "rapt/linear/linear.hpp"
#include "rapt/parallel/eigen.hpp"
#include "rapt/parallel/executor.hpp"
#include "rapt/parallel/openmp.hpp"
#include "rapt/reference/attention.hpp"
#include "rapt/reference/contract.hpp"
#include "rapt/reference/linear.hpp"
#include "rapt/reference/rope.hpp"
#include "rapt/rope/axes.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/scaling.hpp"
#include "rapt/rope/spec.hpp"
#include "rapt/rope/table.hpp"
#include "rapt/rope/xpos.hpp"
