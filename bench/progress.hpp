// Says on stderr what is being done: in one line that is written over if it is a terminal, in plain lines if not.
#pragma once

#include <cstdio>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace bench {

class Progress {
 public:
  ~Progress() { clear(); }

  void say(const std::string& what) {
    if (terminal_)
      std::fprintf(stderr, "\r\033[K… %.96s", what.c_str());
    else
      std::fprintf(stderr, "… %s\n", what.c_str());
    std::fflush(stderr);
    shown_ = true;
  }

  /// Makes room for what goes to stdout, which may be the same terminal.
  void clear() {
    if (terminal_ && shown_) std::fprintf(stderr, "\r\033[K");
    shown_ = false;
  }

 private:
  static bool is_terminal() {
#if defined(__unix__) || defined(__APPLE__)
    return isatty(STDERR_FILENO) == 1;
#else
    return false;
#endif
  }

  bool terminal_ = is_terminal(), shown_ = false;
};

}  // namespace bench
