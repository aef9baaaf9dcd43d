// A reference to something callable: two pointers, no allocation.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <type_traits>

#include "rapt/core/config.hpp"

RAPT_NAMESPACE_BEGIN

template <class Signature> class FunctionRef;

/// Refers to a callable that outlives it, typically an argument of the call that it is passed to.
template <class R, class... Args> class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(std::is_object_v<F> && !std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
             std::is_invocable_r_v<R, F&, Args...>)
  FunctionRef(F& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, Args... args) -> R { return (*static_cast<F*>(object))(args...); }) {}

  R operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
