// What a call that refuses its arguments says.
#pragma once

#include <stdexcept>
#include <string>

namespace rapt_test {

/// The text of the std::invalid_argument that f() throws; nothing if it throws none.
template <class F> std::string refusal(F f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

}  // namespace rapt_test
