// What one instruction set can do at most: loops of nothing but fused multiply-adds, and of nothing but loads.
namespace bench {
namespace RAPT_REGION {

using namespace rapt::RAPT_REGION;

/// Independent chains: more than any CPU's latency times its number of multipliers (4 x 2 on x86-64, 4 x 4 on the
/// widest AArch64), and few enough to stay in registers next to the two factors.
constexpr int chains = tile_registers >= 4 ? 24 : 12;

/// Numbers that multiply_add() reads and writes: the chains' sums, and the two factors.
template <class T> constexpr int numbers = (chains + 2) * Vec<T>::lanes;

/// Each chain takes in a · b `steps` times, by steps of elements E, which the factors' bits are taken for. All the
/// numbers come from memory that the compiler knows nothing about, and go back there: no chain can be found to be equal
/// to another, or to stand still, or to be of no use.
template <class E, class T> RAPT_NOINLINE void go_steps(rapt::Index steps, T* memory) {
  constexpr int width = Vec<T>::lanes;
  E factors[2 * width];
  std::memcpy(factors, memory + chains * width, sizeof factors);
  const Vec<E> a = load(factors), b = load(factors + width);
  Vec<T> sum[chains];
  RAPT_UNROLL
  for (int i = 0; i < chains; ++i) sum[i] = load(memory + i * width);
  for (rapt::Index at = 0; at < steps; ++at) {
    RAPT_UNROLL
    for (int i = 0; i < chains; ++i) sum[i] = step(a, b, sum[i]);
  }
  RAPT_UNROLL
  for (int i = 0; i < chains; ++i) store(memory + i * width, sum[i]);
}
template <class E, class T> RAPT_NOINLINE void multiply_add(rapt::Index steps, T* memory) {
  const Flushing<E> flushing;
  go_steps<E>(steps, memory);
}

/// Reads `count` elements, less a rest that doesn't fill the registers, and leaves their sum in the lanes of `sums`.
template <class T> RAPT_NOINLINE void read_all(const T* p, rapt::Index count, T* sums) {
  constexpr int width = Vec<T>::lanes, streams = 8;
  Vec<T> sum[streams];
  RAPT_UNROLL
  for (int i = 0; i < streams; ++i) sum[i] = broadcast(T(0));
  for (rapt::Index at = 0; at + streams * width <= count; at += streams * width) {
    RAPT_UNROLL
    for (int i = 0; i < streams; ++i) sum[i] = add(sum[i], load(p + at + i * width));
  }
  RAPT_UNROLL
  for (int i = 1; i < streams; ++i) sum[0] = add(sum[0], sum[i]);
  store(sums, sum[0]);
}

template <class T> constexpr Loops<T> loops() {
  return {numbers<T>, 2.0 * chains * Vec<T>::lanes, &multiply_add<T, T>, &read_all<T>};
}

inline Loops<float> pair_loops() {
  return {numbers<float>, 4.0 * chains * Vec<float>::lanes, &multiply_add<rapt::detail::Pair, float>, &read_all<float>};
}

}  // namespace RAPT_REGION
}  // namespace bench
