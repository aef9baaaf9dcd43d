// Text to tokens and back: byte-pair encoding with a score for each piece, from a tokenizer file of llama2.c.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stories {

class Tokenizer {
 public:
  /// The token before all others. A model that writes it has come to the end of its text.
  static constexpr int begin = 1;

  /// Throws std::runtime_error, which names the file, what was found and what had to be there, unless the file holds
  /// `vocab_size` pieces and no more.
  Tokenizer(const std::string& path, int vocab_size);

  /// `begin`, then the text's tokens. Any text has some: a character that is no piece goes byte by byte.
  std::vector<int> encode(std::string_view text) const;

  /// What `token` adds to a text whose last token is `previous`.
  std::string decode(int previous, int token) const;

 private:
  int find(const std::string& piece) const;  // -1 if there is none

  std::vector<std::string> pieces_;
  std::vector<float> scores_;
  std::unordered_map<std::string, int> ids_;
};

}  // namespace stories
