// The tests' keys and values, in pages.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "rapt/ragged.hpp"
#include "support/caches.hpp"
#include "support/random.hpp"

namespace rapt_test {

/// A batch's keys and values in pages that stand in any order, each sequence with a length of its own. Whatever
/// doesn't belong to a sequence is NaN, and the table's entries behind a sequence's pages are no page's number.
template <class K> class Paged {
  using T = Arithmetic<K>;

 public:
  enum class Order { page_head_position, page_position_head, transposed };

  Paged(const Views<T>& in, std::vector<Index> lengths, Index page_size, Order order)
      : lengths_(std::move(lengths)), columns_((in.k.length() + page_size - 1) / page_size + 2) {
    const Shape s = in.shape();
    std::vector<std::int32_t> numbers(at(s.batch * columns_ + 3));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int32_t>(i);
    Random random(5);
    for (std::size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[at(random.below(Index(i)))]);
    const Index pages = static_cast<Index>(numbers.size());
    k_ = view(k_data_, pages, page_size, s.kv_heads, s.head_dim, order);
    v_ = view(v_data_, pages, page_size, s.kv_heads, s.value_dim, order);
    table_.assign(at(s.batch * columns_), -7);
    for (Index b = 0; b < s.batch; ++b)
      for (Index i = 0; i < lengths_[at(b)]; ++i) {
        std::int32_t& page = table_[at(b * columns_ + i / page_size)];
        if (i % page_size == 0) page = numbers.back(), numbers.pop_back();
        for (Index h = 0; h < s.kv_heads; ++h) {
          for (Index d = 0; d < s.head_dim; ++d) k_(page, h, i % page_size, d) = K(in.k(b, h, i, d));
          for (Index d = 0; d < s.value_dim; ++d) v_(page, h, i % page_size, d) = K(in.v(b, h, i, d));
        }
      }
  }

  auto operator()() const { return rapt::paged(k_, v_, table(), lengths_); }
  rapt::MatrixView<const std::int32_t> table() const {
    return rapt::row_major(table_.data(), static_cast<Index>(lengths_.size()), columns_);
  }
  View<K> k() const { return k_; }
  View<K> v() const { return v_; }
  const std::vector<Index>& lengths() const { return lengths_; }
  std::int32_t& entry(Index sequence, Index i) { return table_[at(sequence * columns_ + i)]; }

 private:
  static View<K> view(std::vector<K>& data, Index pages, Index size, Index heads, Index dim, Order order) {
    data.assign(at(pages * size * heads * dim), K(std::numeric_limits<float>::quiet_NaN()));
    switch (order) {
      case Order::page_head_position: return rapt::bhsd(data.data(), pages, heads, size, dim);
      case Order::page_position_head: return rapt::bshd(data.data(), pages, size, heads, dim);
      case Order::transposed: break;
    }
    return rapt::bhds(data.data(), pages, heads, dim, size);
  }

  std::vector<Index> lengths_;
  Index columns_;
  std::vector<K> k_data_, v_data_;
  View<K> k_, v_;
  std::vector<std::int32_t> table_;
};

/// What each sequence has by itself, of its first `lengths` keys and values.
template <class T>
Result<T> attend_alone(const Views<T>& in, const std::vector<Index>& lengths, const Mask& mask, Options<T> options) {
  Shape s = in.shape();
  Result<T> all(s);
  for (Index b = 0; b < s.batch; ++b) {
    const Views<T> one{entry(in.q, b), positions(entry(in.k, b), 0, lengths[at(b)]),
                       positions(entry(in.v, b), 0, lengths[at(b)])};
    options.lse = entry_of(all.lse_view(), b);
    std::visit(
        [&](const auto& score) { rapt::attention(one.q, one.k, one.v, entry(all.out_view(), b), score, options); },
        mask);
  }
  return all;
}

}  // namespace rapt_test
