// What the library throws when a caller's argument can't be right.
#pragma once

#include <stdexcept>
#include <string>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Throws std::invalid_argument. The text names the argument, what it was, and what it had to be:
/// "rapt: k: head_dim is 64; it has to be 128, as in q".
[[noreturn]] RAPT_NOINLINE inline void fail(const std::string& argument, const std::string& was,
                                            const std::string& had_to_be) {
  throw std::invalid_argument("rapt: " + argument + ": " + was + "; " + had_to_be);
}

/// The same where a number is the matter. Out of line, as nothing of it is wanted in the caller's way.
[[noreturn]] RAPT_NOINLINE inline void fail_number(const char* argument, const char* what, Index was,
                                                   const char* had_to_be) {
  std::string text = what;
  text += " is ";
  text += std::to_string(was);
  fail(argument, text, had_to_be);
}

inline void require(bool holds, const char* argument, const char* what, Index was, const char* had_to_be) {
  if (!holds) fail_number(argument, what, was, had_to_be);
}

}  // namespace detail
RAPT_NAMESPACE_END
