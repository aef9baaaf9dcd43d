include(CMakeFindDependencyMacro)
find_dependency(Eigen3 3.4)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/rapt-targets.cmake)
