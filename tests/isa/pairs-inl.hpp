// Multiply-adds of pairs of a region behind plain pointers. Included once for each region by pairs_test.cpp.
RAPT_REGION_OPEN
namespace pairs {

RAPT_NOINLINE void do_steps(const detail::Pair* a, const detail::Pair* b, float* c, Index count) {
  for (Index i = 0; i < count; i += Vec<float>::lanes) store(c + i, step(load(a + i), load(b + i), load(c + i)));
}
RAPT_NOINLINE void steps(const detail::Pair* a, const detail::Pair* b, float* c, Index count) {
  const Flushing<detail::Pair> flushing;
  do_steps(a, b, c, count);
}
RAPT_NOINLINE void round(const float* a, float* r, Index count) {
  for (Index i = 0; i < count; i += Vec<float>::lanes) store(r + i, round_to_bfloat16(load(a + i)));
}
RAPT_NOINLINE void join(const float* even, const float* odd, detail::Pair* r, Index count) {
  for (Index i = 0; i < count; i += Vec<float>::lanes) store(r + i, pair(load(even + i), load(odd + i)));
}

constexpr rapt_test::pairs_test::Pairs words() { return {region_isa, &steps, &round, &join}; }

}  // namespace pairs
RAPT_REGION_CLOSE
