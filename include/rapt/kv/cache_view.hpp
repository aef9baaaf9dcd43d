// What attention() is given of a cache, or of pages.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kv/blocked.hpp"
#include "rapt/kv/shape.hpp"

RAPT_NAMESPACE_BEGIN

/// The keys and values of some sequences of a cache, or of pages, for attention() to attend to. Owns nothing.
template <CacheStorage K, class Kv = detail::BlockedKv<detail::stored_t<K>>> struct CacheView { Kv kv; };

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
