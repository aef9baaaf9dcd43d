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
# BATCH    prompts, a list: with all of them, each after -i, the standard output is what it is with each alone, one
#          after the other; STDERR is about all of them, STDOUT and SHA256 are about the first alone
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

if(BATCH)
  set(command ${COMMAND})
  list(POP_FRONT BATCH prompt)
  list(APPEND COMMAND -i ${prompt})
  set(stderr_of_all "${STDERR}")
  set(STDERR "")
endif()
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
if(BATCH)
  set(alone "${text}")
  set(batch ${COMMAND})
  foreach(prompt IN LISTS BATCH)
    run(story ${command} -i ${prompt})
    string(APPEND alone "\n\n* * *\n\n${story}")
    list(APPEND batch -i ${prompt})
  endforeach()
  set(STDERR "${stderr_of_all}")
  run(together ${batch})
  if(NOT together STREQUAL alone)
    message(FATAL_ERROR "the standard output has to be that of each prompt alone:\n${alone}")
  endif()
endif()
