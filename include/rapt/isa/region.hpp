// Regions: stretches of source that are compiled for one instruction set, whatever the flags of the file.
//
// The instruction set is the one axis that a template can't express (a target attribute can't depend on a template
// parameter), so files called *-inl.hpp hold no include guard and are included once for each region (see
// each_region.hpp), inside marks that set the compiler's target, with RAPT_REGION the name of the region's namespace.
//
// Inside a region: no other header, no lambda (it does not inherit the target on every compiler), no namespace-scope
// vector constant, no #ifdef on the compiler's own instruction set.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/config.hpp"

// clang-format off
#define RAPT_REGION_OPEN namespace rapt { inline namespace RAPT_ABI { namespace RAPT_REGION {
#define RAPT_REGION_CLOSE } } }

#if defined(__clang__)
#define RAPT_REGION_BEGIN_AVX2 \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
#define RAPT_REGION_BEGIN_AVX512 \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl\"))), apply_to = function)")
#define RAPT_REGION_BEGIN_AVX512BF16 \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16\"))), apply_to = function)")
#define RAPT_REGION_BEGIN_AVX512VNNI \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni\"))), apply_to = function)")
#define RAPT_REGION_END _Pragma("clang attribute pop")
#elif defined(__GNUC__)
#define RAPT_REGION_BEGIN_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c\")")
#define RAPT_REGION_BEGIN_AVX512 \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512\")")
#define RAPT_REGION_BEGIN_AVX512BF16 \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512\")")
#define RAPT_REGION_BEGIN_AVX512VNNI \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512\")")
#define RAPT_REGION_END _Pragma("GCC pop_options")
#endif
// clang-format on

#include "rapt/core/fence_end.hpp"
