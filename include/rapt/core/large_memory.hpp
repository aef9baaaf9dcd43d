// Memory that is large, stays, and is read from end to end: caches, packed weights.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Owns uninitialised memory, aligned to a cache line; to a huge page where it is as large as one, and then in huge
/// pages if the system has them. Throws std::bad_alloc.
class LargeMemory {
 public:
  static constexpr std::size_t line = 64, huge_page = std::size_t(2) << 20;

  LargeMemory() = default;
  explicit LargeMemory(Index bytes)
      : alignment_(static_cast<std::size_t>(bytes) >= huge_page ? huge_page : line),
        memory_(
            static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), std::align_val_t(alignment_)))) {
#ifdef MADV_HUGEPAGE
    // Before the first touch. With 4 KiB pages the hardware's prefetchers stop at the end of each, and a good part of
    // the bandwidth is lost. Only a wish: without it, the same memory is read more slowly.
    if (alignment_ == huge_page) static_cast<void>(::madvise(memory_, static_cast<std::size_t>(bytes), MADV_HUGEPAGE));
#endif
  }
  LargeMemory(LargeMemory&& other) noexcept
      : alignment_(other.alignment_), memory_(std::exchange(other.memory_, nullptr)) {}
  LargeMemory& operator=(LargeMemory&& other) noexcept {
    std::swap(alignment_, other.alignment_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~LargeMemory() {
    if (memory_ != nullptr) ::operator delete(memory_, std::align_val_t(alignment_));
  }

  std::byte* data() const noexcept { return memory_; }

 private:
  std::size_t alignment_ = line;
  std::byte* memory_ = nullptr;
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
