#include "tokenizer.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "file.hpp"

namespace stories {
namespace {

/// Bytes have tokens of their own: byte b is token first_byte + b, and its piece is written like <0x0A>.
constexpr int first_byte = 3, bytes = 256;

std::string byte_piece(int byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
  return text;
}

/// The length of the UTF-8 character at the front: its first byte, and up to three that continue it.
std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < 4 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  return length;
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, int vocab_size) {
  File file(path);
  if (vocab_size < first_byte + bytes)
    file.fail("can't serve a model of " + std::to_string(vocab_size) + " tokens",
              "it has to have 259 or more, as each byte is one");
  const auto longest = file.read<std::int32_t>("the length of the longest piece");
  if (longest < 1 || longest > 1 << 16)
    file.fail("is no tokenizer: its longest piece has " + std::to_string(longest) + " bytes",
              "it has to have from 1 to 65536");

  for (int id = 0; id < vocab_size; ++id) {
    const std::string name = "piece " + std::to_string(id) + " of " + std::to_string(vocab_size);
    const float score = file.read<float>("the score of " + name);
    const auto length = file.read<std::int32_t>("the length of " + name);
    if (!std::isfinite(score))
      file.fail("is corrupt: the score of " + name + " is infinite or NaN", "it has to be finite");
    if (length < 1 || length > longest)
      file.fail("is corrupt: " + name + " has " + std::to_string(length) + " bytes",
                "it has to have from 1 to " + std::to_string(longest) + ", the longest by the file's first number");
    std::string piece(static_cast<std::size_t>(length), '\0');
    file.read(piece.data(), piece.size(), name);
    if (id >= first_byte && id < first_byte + bytes && piece != byte_piece(id - first_byte))
      file.fail("is no tokenizer: " + name + " is '" + piece + "'",
                "it has to be '" + byte_piece(id - first_byte) + "'");
    ids_.emplace(piece, id);
    pieces_.push_back(std::move(piece));
    scores_.push_back(score);
  }
  if (file.remaining() != 0)
    file.fail("has " + std::to_string(file.remaining()) + " bytes after piece " + std::to_string(vocab_size - 1),
              "it has to end there, as the checkpoint has " + std::to_string(vocab_size) + " tokens");
}

int Tokenizer::find(const std::string& piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

std::vector<int> Tokenizer::encode(std::string_view text) const {
  std::vector<int> tokens{begin};
  const auto take = [&](std::string_view character) {
    if (const int id = find(std::string(character)); id >= 0) return tokens.push_back(id);
    for (const char byte : character) tokens.push_back(first_byte + static_cast<unsigned char>(byte));
  };
  if (!text.empty()) take(" ");  // a text begins as its words do
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    take(text.substr(0, length));
    text.remove_prefix(length);
  }

  // Join the two neighbours whose joint piece has the best score, the first of equals, until no two have one.
  for (;;) {
    float best = -std::numeric_limits<float>::infinity();
    std::size_t where = 0;
    int joint = -1;
    for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
      const int id =
          find(pieces_[static_cast<std::size_t>(tokens[i])] + pieces_[static_cast<std::size_t>(tokens[i + 1])]);
      if (id < 0 || scores_[static_cast<std::size_t>(id)] <= best) continue;
      best = scores_[static_cast<std::size_t>(id)];
      where = i;
      joint = id;
    }
    if (joint < 0) return tokens;
    tokens[where] = joint;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

std::string Tokenizer::decode(int previous, int token) const {
  if (token >= first_byte && token < first_byte + bytes) return std::string(1, static_cast<char>(token - first_byte));
  const std::string& piece = pieces_.at(static_cast<std::size_t>(token));
  return previous == begin && piece.front() == ' ' ? piece.substr(1) : piece;
}

}  // namespace stories
