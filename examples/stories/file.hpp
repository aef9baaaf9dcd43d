// A file of numbers, read from front to back, that fails in words.
#pragma once

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace stories {

static_assert(std::endian::native == std::endian::little,
              "checkpoints and tokenizers are little-endian, and read as they are");

class File {
 public:
  explicit File(const std::string& path) : path_(path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) fail("is a directory", "it has to be a file");
    stream_.open(path, std::ios::binary);
    if (!stream_) fail(std::string("can't be opened: ") + std::strerror(errno), "it has to be a file that can be read");
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) fail("has no size: " + error.message(), "it has to be a regular file");
    size_ = size;
  }

  std::uint64_t size() const { return size_; }
  std::uint64_t remaining() const { return size_ - position_; }

  /// Reads `bytes` bytes to `to`, which are `what`.
  void read(void* to, std::uint64_t bytes, const std::string& what) {
    if (bytes > remaining()) {
      const std::string wanted = std::to_string(position_ + bytes) + " or more";
      fail("is truncated: it has " + std::to_string(size_) + " bytes and ends inside " + what,
           "it has to have " + wanted);
    }
    if (!stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes)))
      fail("can't be read past byte " + std::to_string(position_), what + " has to stand there");
    position_ += bytes;
  }
  template <class T> T read(const std::string& what) {
    T value;
    read(&value, sizeof value, what);
    return value;
  }
  void skip(std::uint64_t bytes) {
    stream_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur);
    position_ += bytes;
  }

  /// Throws: the file's name, what was found, and what had to be there.
  [[noreturn]] void fail(const std::string& found, const std::string& expected) const {
    throw std::runtime_error(path_ + ": " + found + "; " + expected);
  }

 private:
  std::string path_;
  std::ifstream stream_;
  std::uint64_t size_ = 0, position_ = 0;
};

}  // namespace stories
