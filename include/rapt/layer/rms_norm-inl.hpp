// The normalisation of rows. The contract that it keeps is in rms_norm.hpp.
#ifndef RAPT_REGION
#include "rapt/layer/rms_norm.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The sum of a row's squares, of elements side by side.
template <class T> RAPT_INLINE T sum_of_squares(const T* x, Index n) {
  constexpr int width = Vec<T>::lanes, registers = static_cast<int>(detail::square_sums) / width;
  Vec<T> sums[registers];
  RAPT_UNROLL
  for (int r = 0; r < registers; ++r) sums[r] = broadcast(T(0));
  Index i = 0;
  for (; i + detail::square_sums <= n; i += detail::square_sums) {
    RAPT_UNROLL
    for (int r = 0; r < registers; ++r) {
      const Vec<T> a = load(x + i + r * width);
      sums[r] = fma(a, a, sums[r]);
    }
  }
  T s[detail::square_sums];
  RAPT_UNROLL
  for (int r = 0; r < registers; ++r) store(s + r * width, sums[r]);
  for (Index j = 0; i + j < n; ++j) s[j] = ieee::fma(x[i + j], x[i + j], s[j]);
  for (Index h = detail::square_sums / 2; h >= width; h /= 2)
    for (Index j = 0; j < h; j += width) store(s + j, add(load(s + j), load(s + j + h)));
  for (Index h = width / 2; h >= 1; h /= 2)
    for (Index j = 0; j < h; ++j) s[j] += s[j + h];
  return s[0];
}

/// The same of elements `stride` apart.
template <class T> RAPT_INLINE T sum_of_strided_squares(const T* x, Index stride, Index n) {
  T s[detail::square_sums] = {};
  for (Index i = 0; i < n; ++i) {
    T& sum = s[i % detail::square_sums];
    sum = ieee::fma(x[i * stride], x[i * stride], sum);
  }
  for (Index h = detail::square_sums / 2; h >= 1; h /= 2)
    for (Index j = 0; j < h; ++j) s[j] += s[j + h];
  return s[0];
}

template <class T> RAPT_INLINE T inverse_root_mean(T sum, Index n, T eps) {
  const T mean = sum / static_cast<T>(n);
  return T(1) / ieee::sqrt(mean + eps);
}

template <class T> RAPT_INLINE void norm_row(const T* x, const T* weight, T eps, Index n, T* y) {
  constexpr int width = Vec<T>::lanes;
  const T inverse = inverse_root_mean(sum_of_squares(x, n), n, eps);
  const Vec<T> factor = broadcast(inverse);
  Index i = 0;
  for (; i + width <= n; i += width) store(y + i, quiet_nan(mul(mul(load(x + i), factor), load(weight + i))));
  for (; i < n; ++i) y[i] = quiet_nan(x[i] * inverse * weight[i]);
}

template <class T>
RAPT_INLINE void norm_strided_row(const T* x, Index x_stride, const T* weight, T eps, Index n, T* y, Index y_stride) {
  const T inverse = inverse_root_mean(sum_of_strided_squares(x, x_stride, n), n, eps);
  for (Index i = 0; i < n; ++i) y[i * y_stride] = quiet_nan(x[i * x_stride] * inverse * weight[i]);
}

/// Item i: a block of positions of one batch entry, with all their heads.
template <class T> RAPT_NOINLINE void rms_norm_item(const detail::RmsNormWork<T>& work, Index item) {
  const Leaving leaving;
  const Index b = item / work.blocks(), begin = item % work.blocks() * work.block;
  const Index end = begin + work.block < work.y.length() ? begin + work.block : work.y.length();
  const bool side_by_side = work.x.stride[3] == 1 && work.y.stride[3] == 1;
  for (Index s = begin; s < end; ++s)
    for (Index h = 0; h < work.y.heads(); ++h) {
      const T* const x = work.x.row(b, h, s);
      T* const y = work.y.row(b, h, s);
      if (side_by_side)
        norm_row(x, work.weight, work.eps, work.y.dim(), y);
      else
        norm_strided_row(x, work.x.stride[3], work.weight, work.eps, work.y.dim(), y, work.y.stride[3]);
    }
}

template <class T> detail::RmsNormKernel<T> rms_norm_kernel() { return &rms_norm_item<T>; }

RAPT_REGION_CLOSE

#endif
