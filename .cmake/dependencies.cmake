# What rapt builds on: the installed package if there is one, else a pinned release.
include(FetchContent)

# GLOBAL: a project that adds this one as a subdirectory links rapt::rapt from outside, and has to see these targets too.
find_package(Threads REQUIRED GLOBAL)

# Any Eigen from 3.4 on, 5 too. (Asked for by a version, a later major one would be refused, as its package has it.)
find_package(Eigen3 CONFIG QUIET GLOBAL)
if(Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "rapt: Eigen ${Eigen3_VERSION} was found in ${Eigen3_DIR}; rapt works with 3.4 or later")
endif()
if(NOT TARGET Eigen3::Eigen AND (RAPT_BUILD_TESTS OR RAPT_BUILD_BENCHMARKS OR RAPT_BUILD_EXAMPLES))
  FetchContent_Declare(
    Eigen3
    URL https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz
    URL_HASH SHA256=8586084f71f9bde545ee7fa6d00288b264a2b7ac3607b974e54d13e7162c1c72
    DOWNLOAD_EXTRACT_TIMESTAMP ON
    SOURCE_SUBDIR none)  # only unpacked: Eigen's own build brings its tests, BLAS and install rules
  FetchContent_MakeAvailable(Eigen3)
  # Imported, so that its headers are a system's, and so that rapt can be exported without exporting Eigen.
  add_library(Eigen3::Eigen INTERFACE IMPORTED GLOBAL)
  target_include_directories(Eigen3::Eigen INTERFACE ${eigen3_SOURCE_DIR})
endif()
if(NOT TARGET Eigen3::Eigen)
  message(STATUS "rapt: there is no Eigen here: none is needed, but for its matrices, 16-bit types and thread pool")
endif()

if(RAPT_BUILD_TESTS)
  set(BUILD_GMOCK OFF CACHE BOOL "")
  set(INSTALL_GTEST OFF CACHE BOOL "")
  FetchContent_Declare(
    googletest
    URL https://github.com/google/googletest/archive/refs/tags/v1.14.0.tar.gz
    URL_HASH SHA256=8ad598c73ad796e0d8280b082cebd82a630d73e73cd3c70057938a6501bba5d7
    DOWNLOAD_EXTRACT_TIMESTAMP ON
    SYSTEM
    FIND_PACKAGE_ARGS NAMES GTest)
  FetchContent_MakeAvailable(googletest)
endif()

if(RAPT_BUILD_BENCHMARKS)
  set(BENCHMARK_ENABLE_TESTING OFF CACHE BOOL "")
  set(BENCHMARK_ENABLE_INSTALL OFF CACHE BOOL "")
  FetchContent_Declare(
    benchmark
    URL https://github.com/google/benchmark/archive/refs/tags/v1.8.3.tar.gz
    URL_HASH SHA256=6bc180a57d23d4d9515519f92b0c83d61b05b5bab188961f36ac7b06b0d9e9ce
    DOWNLOAD_EXTRACT_TIMESTAMP ON
    SYSTEM
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(benchmark)
endif()
