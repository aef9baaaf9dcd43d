// The front of the oracle and of the contract's transcription, which take what attention() takes: included by either,
// in its namespace, behind its solve(problem, score).
#ifdef RAPT_REFERENCE_FRONT

template <class T, class S = Plain>
void attention(const View<const T>& q, const View<const T>& k, const View<const T>& v, const View<T>& out,
               const S& score = {}, const Options<T>& options = {}) {
  const auto& stage = detail::staged(score);
  solve(detail::validated<T, T, T>(q, k, v, out, options.lse, options.scale,
                                   detail::align_of(stage).value_or(align::bottom_right)),
        stage);
}

/// The same, of a ragged batch.
template <class T, class S = Plain>
void attention(const Ragged<const T>& q, const Ragged<const T>& k, const Ragged<const T>& v, const Ragged<T>& out,
               const S& score = {}, const Options<T>& options = {}) {
  const auto& stage = detail::staged(score);
  solve(detail::validated_ragged<T, T, T>(q, k, v, out, options.lse, options.scale,
                                          detail::align_of(stage).value_or(align::bottom_right)),
        stage);
}

/// The same, for views of what may be written.
template <class Q, class K, class V, class O, class S = Plain>
void attention(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score = {},
               const Options<O>& options = {}) {
  attention<O, S>(View<const O>(q), View<const O>(k), View<const O>(v), out, score, options);
}

/// The same without a mask.
template <class Q, class K, class V, class O>
void attention(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const Options<O>& options) {
  attention<O, Plain>(View<const O>(q), View<const O>(k), View<const O>(v), out, Plain{}, options);
}

#undef RAPT_REFERENCE_FRONT
#endif
