// Memory that a computation works in.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

#include "rapt/core/error.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// Memory for attention to work in. Pass one with Options::workspace and keep it: it grows to the largest call and then
/// allocates no more. One call at a time may use it; a second one at once throws std::invalid_argument.
class Workspace {
 public:
  /// A cache line, and an AVX-512 register.
  static constexpr std::size_t alignment = 64;

  Workspace() = default;
  explicit Workspace(Index bytes) { reserve(bytes); }
  /// Memory of the caller's, aligned to 64 bytes, which is never freed and can't grow: a call that needs more throws
  /// std::invalid_argument.
  Workspace(void* memory, Index bytes) : memory_(static_cast<std::byte*>(memory)), bytes_(bytes), borrowed_(true) {
    detail::require(bytes >= 0, "workspace", "its size in bytes", bytes, "it has to be 0 or more");
    if (memory == nullptr && bytes > 0)
      detail::fail("workspace", "the memory is a null pointer", "it has to point to memory");
    if (reinterpret_cast<std::uintptr_t>(memory) % alignment != 0)
      detail::fail("workspace", "the memory is not aligned", "it has to be a multiple of 64 bytes");
  }
  Workspace(Workspace&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        borrowed_(std::exchange(other.borrowed_, false)) {}
  Workspace& operator=(Workspace&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    std::swap(borrowed_, other.borrowed_);
    return *this;
  }
  ~Workspace() { release(); }

  Index bytes() const noexcept { return bytes_; }
  std::byte* data() const noexcept { return memory_; }

  /// Makes it at least this large. If that throws (std::bad_alloc), the workspace is as it was. Not while a call uses
  /// it.
  void reserve(Index bytes) {
    if (bytes <= bytes_) return;
    if (borrowed_) detail::fail("workspace", {"has ", bytes_, " bytes"}, {"it has to have ", bytes});
    void* larger = ::operator new(static_cast<std::size_t>(bytes), std::align_val_t(alignment));
    release();
    memory_ = static_cast<std::byte*>(larger);
    bytes_ = bytes;
  }

  /// Holds a workspace for the length of a call.
  class Use {
   public:
    explicit Use(Workspace& workspace) : workspace_(&workspace) {
      if (workspace.in_use_.exchange(true))
        detail::fail("workspace", "is being used by another call", "it has to be free: one call at a time");
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { workspace_->in_use_ = false; }

   private:
    Workspace* workspace_;
  };

 private:
  void release() noexcept {
    if (!borrowed_ && memory_ != nullptr) ::operator delete(memory_, std::align_val_t(alignment));
  }

  std::byte* memory_ = nullptr;
  Index bytes_ = 0;
  bool borrowed_ = false;
  std::atomic<bool> in_use_{false};
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
