// A pointer that shares what it points to.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <atomic>
#include <utility>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// Points to an object that lives as long as any of the pointers to it, or to none: std::shared_ptr, without <memory>,
/// which would cost every program that includes rapt a fifth of a second of compile time. Copies may be made and
/// destroyed on any thread.
template <class T> class Shared {
  struct Box {
    template <class... Args> explicit Box(Args&&... args) : object(std::forward<Args>(args)...) {}
    T object;
    std::atomic<Index> owners{1};
  };

 public:
  Shared() = default;
  Shared(const Shared& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) box_->owners.fetch_add(1);
  }
  Shared(Shared&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Shared() {
    if (box_ != nullptr && box_->owners.fetch_sub(1) == 1) delete box_;
  }

  /// A new object, made of the arguments.
  template <class... Args> static Shared make(Args&&... args) {
    Shared made;
    made.box_ = new Box(std::forward<Args>(args)...);
    return made;
  }

  T* get() const noexcept { return box_ == nullptr ? nullptr : &box_->object; }
  T& operator*() const noexcept { return box_->object; }
  T* operator->() const noexcept { return &box_->object; }
  explicit operator bool() const noexcept { return box_ != nullptr; }
  friend bool operator==(const Shared&, const Shared&) = default;

 private:
  Box* box_ = nullptr;
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
