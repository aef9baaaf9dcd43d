# Compiles SOURCE, and compares the first error with the one that its first line announces: "// error: some words", or "// no error".
file(STRINGS ${SOURCE} announced LIMIT_COUNT 1)
set(ENV{LC_ALL} C)
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} -isystem ${EIGEN} ${SOURCE}
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(announced STREQUAL "// no error")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "does not compile:\n${output}")
  endif()
  return()
endif()

string(REGEX REPLACE "^// error: " "" wanted "${announced}")
string(REGEX MATCH "error: [^\n]*" found "${output}")
message("${found}")
if(result EQUAL 0)
  message(FATAL_ERROR "compiles, but shouldn't")
endif()
string(FIND "${found}" "${wanted}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "the first error doesn't say '${wanted}':\n${output}")
endif()
