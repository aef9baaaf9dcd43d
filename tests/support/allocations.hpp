// Who allocates: replaces the operator new of the program whose one file includes this.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace rapt_test {

inline std::atomic<int> allocations{0};
inline std::atomic<bool> no_memory{false};  // every allocation fails
inline std::atomic<int> filling{0};         // the byte that fresh memory is filled with

inline void* allocate(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1);
  if (no_memory) throw std::bad_alloc();
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, filling, bytes);
  return memory;
}

/// The allocations of f().
template <class F> int allocations_of(F f) {
  const int before = allocations;
  f();
  return allocations - before;
}

}  // namespace rapt_test

void* operator new(std::size_t bytes) { return rapt_test::allocate(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return rapt_test::allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return rapt_test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return rapt_test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
