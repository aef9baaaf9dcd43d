# Runs a program and looks at what it does:
#
#     cmake "-DCOMMAND=program;argument;..." [-DNEEDS=file] [-DEXIT=code] ... -P run.cmake
#
# COMMAND  the program and its arguments, a list
# NEEDS    skip the test if this file doesn't exist
# EXIT     the exit code; 0 by default
# STDOUT   the standard output is this file's content, byte for byte
# SHA256   or has this sum
# STDERR   the standard error matches
# AGAIN    with these arguments (a list) added, the standard output is the same
cmake_minimum_required(VERSION 3.25)

if(NEEDS AND NOT EXISTS "${NEEDS}")
  message("SKIPPED: there is no ${NEEDS}")
  return()
endif()
if(NOT DEFINED EXIT)
  set(EXIT 0)
endif()

function(run result)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
  message("${out}\n${err}")
  if(NOT code STREQUAL EXIT)
    message(FATAL_ERROR "the exit code is ${code}; it has to be ${EXIT}")
  endif()
  if(STDERR AND NOT err MATCHES "${STDERR}")
    message(FATAL_ERROR "the standard error has to match: ${STDERR}")
  endif()
  set(${result} "${out}" PARENT_SCOPE)
endfunction()

run(text ${COMMAND})
if(STDOUT)
  file(READ "${STDOUT}" expected)
  if(NOT text STREQUAL expected)
    message(FATAL_ERROR "the standard output has to be:\n${expected}")
  endif()
endif()
if(SHA256)
  string(SHA256 sum "${text}")
  if(NOT sum STREQUAL SHA256)
    message(FATAL_ERROR "the standard output's SHA-256 is ${sum}; it has to be ${SHA256}")
  endif()
endif()
if(AGAIN)
  run(again ${COMMAND} ${AGAIN})
  if(NOT again STREQUAL text)
    message(FATAL_ERROR "with ${AGAIN}, the standard output has to be the same")
  endif()
endif()
