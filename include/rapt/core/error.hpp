// What the library throws when a caller's argument can't be right.
#pragma once

#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// A piece of a message: text, or a number.
struct Piece {
  std::string_view text{};
  Index number = 0;

  Piece(const char* t) : text(t) {}
  Piece(std::string_view t) : text(t) {}
  Piece(const std::string& t) : text(t) {}
  template <std::integral N> Piece(N n) : number(static_cast<Index>(n)) {}
};

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
      if (piece.text.data() == nullptr)
        all += std::to_string(piece.number);
      else
        all += piece.text;
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
  throw std::invalid_argument(text);
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
