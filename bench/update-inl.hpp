// Every element read, multiplied and written back: as much memory traffic as anything that works in place.
namespace bench {
namespace RAPT_REGION {

using namespace rapt::RAPT_REGION;

/// `count` elements, less a rest that doesn't fill the registers.
template <class T> RAPT_NOINLINE void update(T* p, rapt::Index count, T factor) {
  constexpr int width = Vec<T>::lanes, streams = 4;
  const Vec<T> by = broadcast(factor);
  for (rapt::Index at = 0; at + streams * width <= count; at += streams * width) {
    RAPT_UNROLL
    for (int i = 0; i < streams; ++i) store(p + at + i * width, mul(load(p + at + i * width), by));
  }
}

template <class T> constexpr void (*updater())(T*, rapt::Index, T) { return &update<T>; }

}  // namespace RAPT_REGION
}  // namespace bench
