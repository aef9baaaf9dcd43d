# rapt::compiled: the kernels of the usual types as a library, made by whoever links it, with their own compiler and flags. The
# headers then declare those kernels instead of compiling them again in each file, and they are optimised in a debug build, too.
# rapt_headers_dir is where rapt/ stands.
if(TARGET rapt::compiled)
  return()
endif()
file(GLOB rapt_compiled_sources ${rapt_headers_dir}/rapt/compiled/*.cpp)
add_library(rapt_compiled STATIC EXCLUDE_FROM_ALL ${rapt_compiled_sources})
add_library(rapt::compiled ALIAS rapt_compiled)
target_link_libraries(rapt_compiled PUBLIC rapt::rapt)
target_compile_definitions(rapt_compiled PUBLIC RAPT_COMPILED=1)
target_compile_options(rapt_compiled PRIVATE $<$<OR:$<CONFIG:>,$<CONFIG:Debug>>:-O2>)
set_target_properties(rapt_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
if(TARGET Eigen3::Eigen)
  target_compile_definitions(rapt_compiled PUBLIC RAPT_COMPILED_NARROW=1)
endif()
