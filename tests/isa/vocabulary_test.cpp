// Every word of the vector vocabulary, on every instruction set, against one line of scalar code.
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/narrow_cases.hpp"
#include "support/tensors.hpp"

namespace rapt_test::vocabulary_test {

/// What a region makes of its vocabulary: see vocabulary-inl.hpp.
template <class T> struct Vocabulary {
  using Word = rapt::detail::Word<T>;
  Isa isa;
  int lanes;
  void (*copy)(const T* a, T* r);
  void (*broadcast)(T x, T* r);
  void (*add)(const T* a, const T* b, T* r);
  void (*sub)(const T* a, const T* b, T* r);
  void (*mul)(const T* a, const T* b, T* r);
  void (*div)(const T* a, const T* b, T* r);
  void (*max)(const T* a, const T* b, T* r);
  void (*fma)(const T* a, const T* b, const T* c, T* r);
  void (*zip_low)(const T* a, const T* b, T* r);
  void (*zip_high)(const T* a, const T* b, T* r);
  void (*unzip_even)(const T* a, const T* b, T* r);
  void (*unzip_odd)(const T* a, const T* b, T* r);
  void (*greater)(const T* a, const T* b, T* r);
  void (*is_nan)(const T* a, T* r);
  void (*is_zero)(const T* a, T* r);
  bool (*any)(const Word* words);
  void (*select)(const Word* words, const T* a, const T* b, T* r);
  void (*low_bits_to_exponent)(const T* a, T* r);
  void (*exp)(const T* a, T* r);
  void (*transpose)(const T* a, T* r);
  void (*rotate)(int lanes, const T* a, T* r);
};

/// The words that read and write 16-bit numbers, `lanes` at once.
struct NarrowVocabulary {
  int lanes;
  void (*load_half)(const Eigen::half* a, float* r);
  void (*load_bfloat16)(const Eigen::bfloat16* a, float* r);
  void (*store_half)(const float* a, Eigen::half* r);
  void (*store_bfloat16)(const float* a, Eigen::bfloat16* r);
};

/// The words that make numbers of codes, `lanes` at once.
struct CodeVocabulary {
  struct Field {
    int bits, at;
    void (*take)(const std::uint32_t* a, float* as_it_is, float* centred);
  };
  struct Shift {
    int by;
    void (*move)(const std::uint32_t* a, float* left, float* right);  // the upper 5 bits, and the lower ones
  };
  int lanes;
  void (*load_codes)(const std::int8_t* a, float* r);
  void (*join)(const std::uint8_t* a, const std::uint32_t* b, float* r);  // bits 3 to 7 of either
  Field fields[6];
  Shift shifts[3];
};

}  // namespace rapt_test::vocabulary_test

#define RAPT_EACH_REGION "isa/vocabulary-inl.hpp"
#include "rapt/isa/each_region.hpp"

namespace rapt_test::vocabulary_test {
namespace {

template <class T> Vocabulary<T> vocabulary(Isa isa) {
  using namespace rapt;
  return RAPT_OF_REGION(isa, vocabulary::words_of_region<T>());
}

NarrowVocabulary narrow_vocabulary(Isa isa) {
  using namespace rapt;
  return RAPT_OF_REGION(isa, vocabulary::narrow_words_of_region());
}

CodeVocabulary code_vocabulary(Isa isa) {
  using namespace rapt;
  return RAPT_OF_REGION(isa, vocabulary::code_words_of_region());
}

/// Numbers of every kind: ordinary, tiny, huge, zeros of both signs, infinities and NaN.
template <class T> std::vector<T> numbers() {
  using L = std::numeric_limits<T>;
  std::vector<T> found = {T(0),
                          T(-0.0),
                          T(1),
                          T(-1),
                          T(1.5),
                          L::max(),
                          L::lowest(),
                          L::min(),
                          L::denorm_min(),
                          -L::denorm_min(),
                          L::infinity(),
                          -L::infinity(),
                          L::quiet_NaN(),
                          from_bits<T>(~BitsOf<T>(0)),
                          L::epsilon()};
  Random random(1);
  for (int i = 0; i < 40; ++i)
    found.push_back(static_cast<T>(std::ldexp(random.normal(), static_cast<int>(random.below(60)) - 30)));
  return found;
}

/// The same bits, or both NaN: which NaN an operation gives is the machine's own affair.
template <class T> bool alike(T a, T b) { return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b)); }

template <class T> class Checker {
 public:
  explicit Checker(Isa isa) : words(vocabulary<T>(isa)), numbers_(numbers<T>()) {
    EXPECT_EQ(words.isa, isa);
    EXPECT_GE(words.lanes, 1);
  }
  const Vocabulary<T> words;

  /// op in each lane is scalar(a, b), for all pairs of numbers; each lane has a pair of its own.
  template <class F> void binary(const char* name, void (*op)(const T*, const T*, T*), F scalar) {
    std::vector<T> a(lanes()), b(lanes()), r(lanes());
    const std::size_t n = numbers_.size();
    for (std::size_t pair = 0; pair < n * n; ++pair) {
      for (std::size_t i = 0; i < lanes(); ++i)
        a[i] = numbers_[(pair + i) % (n * n) / n], b[i] = numbers_[(pair + i) % n];
      op(a.data(), b.data(), r.data());
      for (std::size_t i = 0; i < lanes(); ++i)
        ASSERT_TRUE(alike(r[i], scalar(a[i], b[i]))) << name << " of " << a[i] << " and " << b[i] << " gave " << r[i];
    }
  }
  template <class F> void unary(const char* name, void (*op)(const T*, T*), F scalar) {
    std::vector<T> a(lanes()), r(lanes());
    for (std::size_t first = 0; first < numbers_.size(); ++first) {
      for (std::size_t i = 0; i < lanes(); ++i) a[i] = numbers_[(first + i) % numbers_.size()];
      op(a.data(), r.data());
      for (std::size_t i = 0; i < lanes(); ++i)
        ASSERT_TRUE(alike(r[i], scalar(a[i]))) << name << " of " << a[i] << " gave " << r[i];
    }
  }
  std::size_t lanes() const { return static_cast<std::size_t>(words.lanes); }
  /// 0.5, 1.5, 2.5, …
  std::vector<T> counting(std::size_t count, T from = T(0.5)) const {
    std::vector<T> x(count);
    for (std::size_t i = 0; i < count; ++i) x[i] = from + static_cast<T>(i);
    return x;
  }

 private:
  std::vector<T> numbers_;
};

class VectorVocabulary : public OnEveryIsa {
 protected:
  /// test(checker) with floats, then with doubles.
  template <class F> void in_both_types(F test) {
    Checker<float> floats(GetParam());
    test(floats, float());
    Checker<double> doubles(GetParam());
    test(doubles, double());
  }
};

TEST_P(VectorVocabulary, LoadsStoresAndBroadcastsAnyBitsAtAnyAddress) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    check.unary("copy", check.words.copy, [](T a) { return a; });
    std::vector<T> memory = check.counting(check.lanes() + 2), r(check.lanes() + 2, T(-7));
    check.words.copy(memory.data() + 1, r.data() + 1);
    EXPECT_TRUE(same_bits(memory.data() + 1, r.data() + 1, static_cast<Index>(check.lanes())));
    EXPECT_EQ(r.front(), T(-7));
    EXPECT_EQ(r.back(), T(-7));
    check.words.broadcast(T(3.25), r.data() + 1);
    for (std::size_t i = 1; i <= check.lanes(); ++i) EXPECT_EQ(r[i], T(3.25));
  });
}

TEST_P(VectorVocabulary, AddsSubtractsMultipliesAndDividesAsIeeeDoes) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    check.binary("add", check.words.add, [](T a, T b) { return a + b; });
    check.binary("sub", check.words.sub, [](T a, T b) { return a - b; });
    check.binary("mul", check.words.mul, [](T a, T b) { return a * b; });
    check.binary("div", check.words.div, [](T a, T b) { return a / b; });
  });
}

TEST_P(VectorVocabulary, FusesMultiplicationAndAdditionInOneRounding) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    std::vector<T> a(check.lanes()), b(a), c(a), r(a);
    Random random(3);
    for (int turn = 0; turn < 2000; ++turn) {
      for (std::size_t i = 0; i < check.lanes(); ++i) {
        a[i] = static_cast<T>(random.normal()), b[i] = static_cast<T>(random.normal());
        c[i] =
            turn % 2 == 0 ? -a[i] * b[i] : static_cast<T>(random.normal());  // only the rounding of the product is left
      }
      check.words.fma(a.data(), b.data(), c.data(), r.data());
      for (std::size_t i = 0; i < check.lanes(); ++i) ASSERT_EQ(bits(r[i]), bits(std::fma(a[i], b[i], c[i])));
    }
  });
}

TEST_P(VectorVocabulary, MaximumIgnoresANaNInTheFirstArgumentAndKeepsOneInTheSecond) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    check.binary("max", check.words.max, [](T a, T b) { return a > b ? a : b; });
  });
}

TEST_P(VectorVocabulary, ComparesAndClassifies) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    check.binary("greater", check.words.greater, [](T a, T b) { return a > b ? T(1) : T(0); });
    check.unary("is_nan", check.words.is_nan, [](T a) { return std::isnan(a) ? T(1) : T(0); });
    check.unary("is_zero", check.words.is_zero, [](T a) { return a == 0 ? T(1) : T(0); });
  });
}

TEST_P(VectorVocabulary, SelectsByWordsThatAreZeroOrNot) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    using Word = rapt::detail::Word<T>;
    const Word kinds[] = {0,   1, -1, 0, std::numeric_limits<Word>::min(), 2, 0, std::numeric_limits<Word>::max(),
                          256, 0, 0};
    const std::vector<T> a = check.counting(check.lanes()), b(check.lanes(), std::numeric_limits<T>::quiet_NaN());
    std::vector<T> r(check.lanes());
    std::vector<Word> words(check.lanes());
    for (std::size_t turn = 0; turn < std::size(kinds); ++turn) {
      bool some = false;
      for (std::size_t i = 0; i < check.lanes(); ++i)
        words[i] = kinds[(turn + i) % std::size(kinds)], some = some || words[i] != 0;
      check.words.select(words.data(), a.data(), b.data(), r.data());
      for (std::size_t i = 0; i < check.lanes(); ++i) EXPECT_TRUE(alike(r[i], words[i] != 0 ? a[i] : b[i]));
      EXPECT_EQ(check.words.any(words.data()), some);
    }
  });
}

TEST_P(VectorVocabulary, FindsAnySingleLaneThatIsTrueAndNoneWhenNoneIs) {
  in_both_types([](auto& check, auto x) {
    using Word = rapt::detail::Word<decltype(x)>;
    std::vector<Word> words(check.lanes());
    EXPECT_FALSE(check.words.any(words.data()));
    for (Word& word : words) {
      word = 4;
      EXPECT_TRUE(check.words.any(words.data()));
      word = 0;
    }
  });
}

TEST_P(VectorVocabulary, MovesTheLowBitsOfASignificandToTheExponent) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    constexpr int digits = std::numeric_limits<T>::digits - 1;
    check.unary("low bits", check.words.low_bits_to_exponent,
                [](T a) { return from_bits<T>(static_cast<BitsOf<T>>(bits(a) << digits)); });
    const T shifter = std::ldexp(T(1.5), digits);  // holds an integer in its low bits
    std::vector<T> a(check.lanes()), r(check.lanes());
    for (int e : {1, 2, 100, std::numeric_limits<T>::max_exponent - 1}) {
      a.assign(a.size(), shifter + static_cast<T>(e));
      check.words.low_bits_to_exponent(a.data(), r.data());
      for (const T power : r) EXPECT_EQ(power, std::ldexp(T(1), e - std::numeric_limits<T>::max_exponent + 1));
    }
  });
}

TEST_P(VectorVocabulary, ZipsTwoVectorsToTheLowerAndTheUpperHalfOfTheirShuffle) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    const std::size_t n = check.lanes();
    const std::vector<T> a = check.counting(n), b = check.counting(n, T(100));
    std::vector<T> found(2 * n), shuffled(2 * n);
    for (std::size_t i = 0; i < n; ++i) shuffled[2 * i] = a[i], shuffled[2 * i + 1] = b[i];
    check.words.zip_low(a.data(), b.data(), found.data());
    check.words.zip_high(a.data(), b.data(), found.data() + n);
    EXPECT_TRUE(same_bits(found, shuffled));
  });
}

TEST_P(VectorVocabulary, UnzipsWhatItZipped) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    const std::size_t n = check.lanes();
    const std::vector<T> shuffled = check.counting(2 * n);
    std::vector<T> found(2 * n), apart(2 * n);
    for (std::size_t i = 0; i < n; ++i) apart[i] = shuffled[2 * i], apart[n + i] = shuffled[2 * i + 1];
    check.words.unzip_even(shuffled.data(), shuffled.data() + n, found.data());
    check.words.unzip_odd(shuffled.data(), shuffled.data() + n, found.data() + n);
    EXPECT_TRUE(same_bits(found, apart));
  });
}

TEST_P(VectorVocabulary, TransposesASquare) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    const std::size_t n = check.lanes();
    const std::vector<T> a = check.counting(n * n);
    std::vector<T> found(n * n);
    check.words.transpose(a.data(), found.data());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(found[i * n + j], a[j * n + i]);
  });
}

TEST_P(VectorVocabulary, RotatesAroundTheEnd) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    const std::size_t n = check.lanes();
    const std::vector<T> a = check.counting(n);
    for (std::size_t by = 1; by < std::max<std::size_t>(n, 2); by *= 2) {
      std::vector<T> found(n);
      check.words.rotate(static_cast<int>(by), a.data(), found.data());
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(found[i], a[(i + by) % n]);
    }
  });
}

/// Every number of K, in every lane, between two that are left alone.
template <class K> void expect_every_one_loaded(int lanes, void (*load)(const K*, float*)) {
  const std::uint32_t n = static_cast<std::uint32_t>(lanes);
  std::vector<K> a(n + 1);  // one element off
  std::vector<float> found(n + 2, sentinel<float>);
  for (std::uint32_t first = 0; first <= 0xffff; ++first) {
    for (std::uint32_t i = 0; i < n; ++i) a[i + 1] = from_pattern<K>((first + i) & 0xffff);
    load(a.data() + 1, found.data() + 1);
    for (std::uint32_t i = 1; i <= n; ++i)
      ASSERT_TRUE(alike(found[i], static_cast<float>(a[i]))) << std::hex << pattern_of(a[i]);
    ASSERT_EQ(found.front(), sentinel<float>);
    ASSERT_EQ(found.back(), sentinel<float>);
  }
}
TEST_P(VectorVocabulary, LoadsEvery16BitNumber) {
  const NarrowVocabulary words = narrow_vocabulary(GetParam());
  expect_every_one_loaded(words.lanes, words.load_half);
  expect_every_one_loaded(words.lanes, words.load_bfloat16);
}

/// Numbers of all kinds and the edges of K. (Who stores sees to NaN first: it is to be the canonical one.)
template <class K> void expect_stored_to_nearest(int lanes, void (*store)(const float*, K*)) {
  constexpr std::uint32_t guard = 0x1234, step = 4093;
  std::vector<float> numbers = edges_of<K>();
  for (std::uint32_t pattern = 0; pattern < 0xffffffff - step; pattern += step)
    numbers.push_back(from_bits<float>(pattern));
  for (float& x : numbers)
    if (std::isnan(x)) x = std::numeric_limits<float>::quiet_NaN();
  const std::size_t n = static_cast<std::size_t>(lanes);
  numbers.resize(numbers.size() / n * n + n);
  std::vector<K> found(n + 2, from_pattern<K>(guard));
  for (std::size_t first = 0; first < numbers.size(); first += n) {
    store(numbers.data() + first, found.data() + 1);
    for (std::size_t i = 0; i < n; ++i)
      ASSERT_EQ(pattern_of(found[i + 1]), expected_pattern<K>(numbers[first + i])) << numbers[first + i];
    ASSERT_EQ(pattern_of(found.front()), guard);
    ASSERT_EQ(pattern_of(found.back()), guard);
  }
}
TEST_P(VectorVocabulary, StoresToTheNearest16BitNumber) {
  const NarrowVocabulary words = narrow_vocabulary(GetParam());
  expect_stored_to_nearest(words.lanes, words.store_half);
  expect_stored_to_nearest(words.lanes, words.store_bfloat16);
}

TEST_P(VectorVocabulary, LoadsEveryIntegerOf8Bits) {
  const CodeVocabulary words = code_vocabulary(GetParam());
  const std::size_t n = static_cast<std::size_t>(words.lanes);
  std::vector<std::int8_t> a(n + 1);  // one element off
  std::vector<float> found(n + 2, sentinel<float>);
  for (int first = 0; first < 256; ++first) {
    for (std::size_t i = 0; i < n; ++i) a[i + 1] = static_cast<std::int8_t>((first + static_cast<int>(i)) % 256 - 128);
    words.load_codes(a.data() + 1, found.data() + 1);
    for (std::size_t i = 1; i <= n; ++i) ASSERT_EQ(found[i], static_cast<float>(a[i]));
    ASSERT_EQ(found.front(), sentinel<float>);
    ASSERT_EQ(found.back(), sentinel<float>);
  }
}

/// Bits `at` to `at + bits` of a word.
std::uint32_t field_of(std::uint32_t word, int bits, int at) { return word >> at & ((1u << bits) - 1); }

TEST_P(VectorVocabulary, TakesFieldsOutOfWordsAndJoinsThem) {
  const CodeVocabulary words = code_vocabulary(GetParam());
  const std::size_t n = static_cast<std::size_t>(words.lanes);
  std::vector<std::uint32_t> a(n);
  std::vector<std::uint8_t> bytes(n);
  std::vector<float> found(n), other(n);
  Random random(7);
  for (int turn = 0; turn < 500; ++turn) {
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = static_cast<std::uint32_t>(random.next());
      bytes[i] = static_cast<std::uint8_t>(random.next());
    }
    for (const auto& field : words.fields) {
      field.take(a.data(), found.data(), other.data());
      for (std::size_t i = 0; i < n; ++i) {
        const int code = static_cast<int>(field_of(a[i], field.bits, field.at));
        ASSERT_EQ(found[i], static_cast<float>(code));
        ASSERT_EQ(other[i], static_cast<float>(code - (1 << (field.bits - 1))));
      }
    }
    for (const auto& shift : words.shifts) {
      shift.move(a.data(), found.data(), other.data());
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_EQ(found[i], static_cast<float>(field_of(a[i] << shift.by, 5, 27)));
        ASSERT_EQ(other[i], static_cast<float>(field_of(a[i] >> shift.by, 5, 0)));
      }
    }
    words.join(bytes.data(), a.data(), found.data());
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(found[i], static_cast<float>(field_of(bytes[i] | a[i], 5, 3)));
  }
}

/// exp of `a` in every lane has the bits of the contract's.
template <class T> void expect_contracts_exp(const Checker<T>& check, const std::vector<T>& a) {
  std::vector<T> r(check.lanes());
  check.words.exp(a.data(), r.data());
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_TRUE(alike(r[i], rapt::contract::exp(a[i]))) << a[i] << " gave " << r[i];
}

TEST_P(VectorVocabulary, ExpHasTheBitsOfTheContract) {
  in_both_types([](auto& check, auto x) {
    using T = decltype(x);
    Random random(4);
    std::vector<T> a(check.lanes());
    for (int turn = 0; turn < 40000; ++turn) {
      const double reach = turn % 2 == 0 ? -double(rapt::contract::Exp<T>::lowest) * 1.02 : 8.0;
      for (T& y : a) y = static_cast<T>(8 - (random.uniform() + 1) / 2 * (reach + 8));
      expect_contracts_exp<T>(check, a);
    }
    using L = std::numeric_limits<T>;
    for (const T y :
         {T(0), T(-0.0), -L::denorm_min(), L::denorm_min(), L::lowest(), -L::infinity(), L::quiet_NaN(),
          -L::quiet_NaN(), from_bits<T>(~BitsOf<T>(0)), rapt::contract::Exp<T>::lowest, T(rapt::contract::headroom)})
      expect_contracts_exp<T>(check, std::vector<T>(check.lanes(), y));
  });
}

RAPT_ON_EVERY_ISA(VectorVocabulary);

}  // namespace
}  // namespace rapt_test::vocabulary_test
