// The vector vocabulary of a region behind plain pointers: a vector is `lanes` numbers in memory, a mask as many words.
// Included once for each region by vocabulary_test.cpp.
RAPT_REGION_OPEN
namespace vocabulary {

template <class T> RAPT_NOINLINE void do_copy(const T* a, T* r) { store(r, load(a)); }
template <class T> RAPT_NOINLINE void do_broadcast(T x, T* r) { store(r, broadcast(x)); }
template <class T> RAPT_NOINLINE void do_add(const T* a, const T* b, T* r) { store(r, add(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_sub(const T* a, const T* b, T* r) { store(r, sub(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_mul(const T* a, const T* b, T* r) { store(r, mul(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_div(const T* a, const T* b, T* r) { store(r, div(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_max(const T* a, const T* b, T* r) { store(r, max(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_fma(const T* a, const T* b, const T* c, T* r) {
  store(r, fma(load(a), load(b), load(c)));
}
template <class T> RAPT_NOINLINE void do_zip_low(const T* a, const T* b, T* r) { store(r, zip_low(load(a), load(b))); }
template <class T> RAPT_NOINLINE void do_zip_high(const T* a, const T* b, T* r) {
  store(r, zip_high(load(a), load(b)));
}
template <class T> RAPT_NOINLINE void do_unzip_even(const T* a, const T* b, T* r) {
  store(r, unzip_even(load(a), load(b)));
}
template <class T> RAPT_NOINLINE void do_unzip_odd(const T* a, const T* b, T* r) {
  store(r, unzip_odd(load(a), load(b)));
}
/// A comparison comes out as 1 or 0.
template <class T> RAPT_NOINLINE void do_greater(const T* a, const T* b, T* r) {
  store(r, select(greater(load(a), load(b)), broadcast(T(1)), broadcast(T(0))));
}
template <class T> RAPT_NOINLINE void do_is_nan(const T* a, T* r) {
  store(r, select(is_nan(load(a)), broadcast(T(1)), broadcast(T(0))));
}
template <class T> RAPT_NOINLINE void do_is_zero(const T* a, T* r) {
  store(r, select(is_zero(load(a)), broadcast(T(1)), broadcast(T(0))));
}
template <class T> RAPT_NOINLINE bool do_any(const detail::Word<T>* words) { return any(load_mask(words)); }
template <class T> RAPT_NOINLINE void do_select(const detail::Word<T>* words, const T* a, const T* b, T* r) {
  store(r, select(load_mask(words), load(a), load(b)));
}
template <class T> RAPT_NOINLINE void do_low_bits_to_exponent(const T* a, T* r) {
  store(r, low_bits_to_exponent(load(a)));
}
template <class T> RAPT_NOINLINE void do_exp(const T* a, T* r) { store(r, exp(load(a))); }
template <class T> RAPT_NOINLINE void do_transpose(const T* a, T* r) {
  Vec<T> rows[Vec<T>::lanes];
  for (int i = 0; i < Vec<T>::lanes; ++i) rows[i] = load(a + i * Vec<T>::lanes);
  transpose<T>(rows);
  for (int i = 0; i < Vec<T>::lanes; ++i) store(r + i * Vec<T>::lanes, rows[i]);
}

/// By a power of two; by others nothing.
template <int N, class T> RAPT_NOINLINE void rotate_by(int lanes, const T* a, T* r) {
  if (lanes == N) store(r, rotate<N>(load(a)));
  if constexpr (2 * N < Vec<T>::lanes) rotate_by<2 * N>(lanes, a, r);
}

template <class K> RAPT_NOINLINE void do_widen(const K* a, float* r) { store(r, load(a)); }
template <class K> RAPT_NOINLINE void do_narrow(const float* a, K* r) { store(r, load(a)); }

inline rapt_test::vocabulary_test::NarrowVocabulary narrow_words_of_region() {
  return {Vec<float>::lanes, &do_widen<Eigen::half>, &do_widen<Eigen::bfloat16>, &do_narrow<Eigen::half>,
          &do_narrow<Eigen::bfloat16>};
}

template <int Bits, int At, class W> RAPT_NOINLINE void do_fields(const W* a, float* as_it_is, float* centred) {
  store(as_it_is, field<Bits, At>(load(a)));
  store(centred, centred_field<Bits, At>(load(a)));
}
/// (A word is a field of 5 bits and the next ones, moved to where that stands.)
template <int By, class W> RAPT_NOINLINE void do_shift(const W* a, float* left, float* right) {
  store(left, field<5, 27>(shift_left<By>(load(a))));
  store(right, field<5, 0>(shift_right<By>(load(a))));
}
template <class C> RAPT_NOINLINE void do_load_codes(const C* a, float* r) { store(r, load(a)); }
template <class C, class W> RAPT_NOINLINE void do_join(const C* a, const W* b, float* r) {
  store(r, field<5, 3>(either(load_bytes(a), load(b))));
}

inline rapt_test::vocabulary_test::CodeVocabulary code_words_of_region() {
  using Word = std::uint32_t;
  return {Vec<float>::lanes,
          &do_load_codes<std::int8_t>,
          &do_join<std::uint8_t, Word>,
          {{4, 0, &do_fields<4, 0, Word>},
           {4, 12, &do_fields<4, 12, Word>},
           {4, 28, &do_fields<4, 28, Word>},
           {5, 0, &do_fields<5, 0, Word>},
           {5, 15, &do_fields<5, 15, Word>},
           {5, 25, &do_fields<5, 25, Word>}},
          {{2, &do_shift<2, Word>}, {16, &do_shift<16, Word>}, {30, &do_shift<30, Word>}}};
}

template <class T> rapt_test::vocabulary_test::Vocabulary<T> words_of_region() {
  return {region_isa,     Vec<T>::lanes,    &do_copy<T>,       &do_broadcast<T>, &do_add<T>,
          &do_sub<T>,     &do_mul<T>,       &do_div<T>,        &do_max<T>,       &do_fma<T>,
          &do_zip_low<T>, &do_zip_high<T>,  &do_unzip_even<T>, &do_unzip_odd<T>, &do_greater<T>,
          &do_is_nan<T>,  &do_is_zero<T>,   &do_any<T>,        &do_select<T>,    &do_low_bits_to_exponent<T>,
          &do_exp<T>,     &do_transpose<T>, &rotate_by<1, T>};
}

}  // namespace vocabulary
RAPT_REGION_CLOSE
