// What the library throws when a caller's argument can't be right; and what it does instead in a program that is built
// without exceptions.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>

#include "rapt/core/types.hpp"

#if RAPT_EXCEPTIONS
#include <stdexcept>
#else
#include <atomic>
#include <cstdlib>
#endif

RAPT_NAMESPACE_BEGIN

#if !RAPT_EXCEPTIONS
/// What a program built with -fno-exceptions does with an error: it is given the sentence that would have been thrown,
/// and must not return (the program is aborted if it does). It may end the program, or leave by longjmp.
using ErrorHandler = void (*)(const char* sentence);

namespace detail {
inline void print_error(const char* sentence) { std::fprintf(stderr, "%s\n", sentence); }
inline std::atomic<ErrorHandler> error_handler{print_error};
}  // namespace detail

/// Sets the handler, for all threads, and returns the one before. The default prints the sentence to stderr; then the
/// program is aborted. Exists only where there are no exceptions.
inline ErrorHandler set_error_handler(ErrorHandler handler) {
  return detail::error_handler.exchange(handler != nullptr ? handler : detail::print_error);
}
#endif

namespace detail {

/// Throws an E that says so, or calls the error handler. Nothing else in the library throws.
#if RAPT_EXCEPTIONS
template <class E> [[noreturn]] void raise(const std::string& sentence) { throw E(sentence); }
using InvalidArgument = std::invalid_argument;
using LogicError = std::logic_error;
#else
struct InvalidArgument;
struct LogicError;
template <class E> [[noreturn]] void raise(const std::string& sentence) {
  error_handler.load()(sentence.c_str());
  std::abort();
}
#endif

/// What std::logic_error is for: not one argument is wrong, but what was done.
[[noreturn]] RAPT_NOINLINE inline void misused(const char* sentence) { raise<LogicError>(sentence); }

/// A piece of a message: text, or a number.
struct Piece {
  std::string_view text{};
  Index number = 0;
  double real = 0;
  bool is_real = false;

  Piece(const char* t) : text(t) {}
  Piece(std::string_view t) : text(t) {}
  Piece(const std::string& t) : text(t) {}
  template <std::integral N> Piece(N n) : number(static_cast<Index>(n)) {}
  template <std::floating_point X> Piece(X x) : real(static_cast<double>(x)), is_real(true) {}
};

/// A number as one writes it: 0, and not 0.000000; 1e-09, and not 0.000000.
inline std::string in_words(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

/// A message: "is a null pointer", or pieces in braces, {"is ", n, " bytes"}. Put together only where it is thrown: a
/// sum of strings wherever an argument is checked took a compiler a tenth of its time.
class Message {
 public:
  Message(const char* text) : text_(text) {}
  Message(const std::string& text) : text_(text) {}
  Message(std::initializer_list<Piece> pieces) : pieces_(pieces) {}

  RAPT_NOINLINE std::string text() const {
    std::string all(text_);
    for (const Piece& piece : pieces_) {
      if (piece.text.data() != nullptr)
        all += piece.text;
      else
        all += piece.is_real ? in_words(piece.real) : std::to_string(piece.number);
    }
    return all;
  }

 private:
  std::string_view text_{};
  std::initializer_list<Piece> pieces_{};  // of the call that this is an argument of
};

/// Throws std::invalid_argument. The text names the argument, what it was, and what it had to be:
/// "rapt: k: head_dim is 64; it has to be 128, as in q".
[[noreturn]] RAPT_NOINLINE inline void fail(const Message& argument, const Message& was, const Message& had_to_be) {
  std::string text = "rapt: ";
  text += argument.text();
  text += ": ";
  text += was.text();
  text += "; ";
  text += had_to_be.text();
  raise<InvalidArgument>(text);
}

/// The same where a number is the matter. Out of line, as nothing of it is wanted in the caller's way.
[[noreturn]] RAPT_NOINLINE inline void fail_number(const char* argument, const char* what, Index was,
                                                   const char* had_to_be) {
  fail(argument, {what, " is ", was}, had_to_be);
}

inline void require(bool holds, const char* argument, const char* what, Index was, const char* had_to_be) {
  if (!holds) fail_number(argument, what, was, had_to_be);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
