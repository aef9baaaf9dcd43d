// What scores(), probabilities() and observe() ask of their arguments.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>

#include "rapt/core/error.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/observe/observation.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Something that is written or read, by its name.
struct NamedFootprint {
  const char* name = nullptr;
  Footprint memory{};
};

/// Extents as wanted, strides within reach, and a pointer that can be right. An extent may be 0.
template <class T, std::size_t N>
void check_array(T* data, const std::array<Index, N>& extent, const std::array<Index, N>& stride, const char* name,
                 const std::array<Index, N>& wanted, const std::array<const char*, N>& like) {
  constexpr const char* what[4] = {"batch", "the number of heads", "length", "the last extent"};
  constexpr const char* of[4] = {"the stride of batch", "the stride of heads", "the stride of positions",
                                 "the last stride"};
  bool empty = false;
  for (std::size_t i = 0; i < N; ++i) {
    check_same(name, what[i], extent[i], wanted[i], like[i]);
    require(extent[i] <= 1 || std::abs(stride[i]) <= max_reach / extent[i], name, of[i], stride[i],
            "it has to keep the view within 2^56 elements");
    empty = empty || extent[i] == 0;
  }
  if (!empty) check_pointer(data, name);
}

/// No two of what is written share an element, none shares one with itself, and none with what is read.
inline void check_written(const NamedFootprint* written, Index count, const NamedFootprint* read, Index reads) {
  for (Index i = 0; i < count; ++i) {
    if (overlaps_itself(written[i].memory))
      fail(written[i].name, "two elements may share an address",
           "each needs its own (a stride of 0 broadcasts only what is read)");
    for (Index j = 0; j < i; ++j)
      if (may_overlap(written[i].memory, written[j].memory))
        fail(written[i].name, {"shares memory with ", written[j].name}, "it has to be apart from it");
    for (Index j = 0; j < reads; ++j)
      if (may_overlap(written[i].memory, read[j].memory))
        fail(written[i].name, {"shares memory with ", read[j].name}, "it has to be apart from what is read");
  }
}

/// The arrays of one call.
struct ObservedMemory {
  NamedFootprint written[8]{}, read[3]{};
  Index writes = 0, reads = 0;

  template <class T, std::size_t N>
  void write(T* data, const std::array<Index, N>& extent, const std::array<Index, N>& stride, const char* name) {
    written[writes++] = {name, footprint(data, extent, stride)};
  }
  template <class T, std::size_t N>
  void reads_from(T* data, const std::array<Index, N>& extent, const std::array<Index, N>& stride, const char* name) {
    read[reads++] = {name, footprint(data, extent, stride)};
  }
  void reads_from(const Footprint& memory, const char* name) { read[reads++] = {name, memory}; }
  void check() const { check_written(written, writes, read, reads); }
};

/// Queries and keys fit each other.
inline void check_queries_and_keys(const AnyInput& q, const AnyInput& k) {
  check_view(q, "q", "head_dim");
  check_view(k, "k", "head_dim");
  check_same("k", "batch", k.batch(), q.batch(), "q");
  check_same("k", "head_dim", k.dim(), q.dim(), "q");
  check_groups(q.heads(), k.heads());
}

template <class Kv> void check_queries_and_cache(const AnyInput& q, const Kv& kv) {
  check_view(q, "q", "head_dim");
  check_same("q", "batch", q.batch(), kv.batch(), "the cache's sequences");
  check_same("q", "head_dim", q.dim(), kv.head_dim(), "the cache");
  check_groups(q.heads(), kv.heads());
}

/// A number for each row.
template <class T> void check_rows_of(const T& x, const char* name, const AnyInput& q) {
  if (x.data != nullptr)
    check_array<std::remove_pointer_t<decltype(x.data)>, 3>(x.data, x.extent, x.stride, name,
                                                            {q.batch(), q.heads(), q.length()}, {"q", "q", "q"});
}

/// n numbers for each row.
template <class U> void check_top_of(const View<U>& x, const char* name, const AnyInput& q) {
  if (x.data == nullptr) return;
  require(x.dim() >= 1 && x.dim() < max_length, name, "the number of keys of a row", x.dim(),
          "it has to be from 1 to 2^30 - 1");
  check_array<U, 4>(x.data, x.extent, x.stride, name, {q.batch(), q.heads(), q.length(), x.dim()},
                    {"q", "q", "q", "itself"});
}

template <class T>
void check_observation(const Observation<T>& o, const LogSumExp<T>& lse, const AnyInput& q, Index kv_len) {
  check_rows_of(o.entropy, "entropy", q);
  check_rows_of(o.largest, "largest", q);
  check_rows_of(o.largest_probability, "largest_probability", q);
  check_top_of(o.top_keys, "top_keys", q);
  check_top_of(o.top_probabilities, "top_probabilities", q);
  if (o.top_keys.data != nullptr && o.top_probabilities.data != nullptr)
    check_same("top_probabilities", "the number of keys of a row", o.top_probabilities.dim(), o.top_keys.dim(),
               "top_keys");
  if (o.mass.data != nullptr)
    check_array<T, 3>(o.mass.data, o.mass.extent, o.mass.stride, "mass", {q.batch(), q.heads(), kv_len},
                      {"q", "q", "the keys"});
  check_rows_of(o.known_lse, "known_lse", q);
  if (o.known_lse.wanted() && lse.wanted())
    fail("lse", "is set, and so is known_lse", "it has to be unset where the logsumexps are known");
}

/// All of it, with what they must not share.
template <class T> ObservedMemory memory_of(const Observation<T>& o) {
  ObservedMemory m;
  m.write(o.entropy.data, o.entropy.extent, o.entropy.stride, "entropy");
  m.write(o.largest.data, o.largest.extent, o.largest.stride, "largest");
  m.write(o.largest_probability.data, o.largest_probability.extent, o.largest_probability.stride,
          "largest_probability");
  m.write(o.top_keys.data, o.top_keys.extent, o.top_keys.stride, "top_keys");
  m.write(o.top_probabilities.data, o.top_probabilities.extent, o.top_probabilities.stride, "top_probabilities");
  m.write(o.mass.data, o.mass.extent, o.mass.stride, "mass");
  m.reads_from(o.known_lse.data, o.known_lse.extent, o.known_lse.stride, "known_lse");
  return m;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
