// The loops over rows; included once per instruction set with NAME(x) naming the copy.

// `count` is the number of terms: a constant at every call, so that the inner loop unrolls.
__attribute__((always_inline)) static inline void NAME(sums)(
    const uint32_t *const *terms, const uint32_t count, const uint64_t *prices, uint32_t last,
    const uint32_t *rows, size_t row_count, uint64_t *sums) {
  const uint32_t *columns[8];
  for (uint32_t term = 0; term < count; term++) columns[term] = terms[term];
  for (size_t i = 0; i < row_count; i++) {
    const uint32_t row = rows[i];
    const uint64_t *price = prices + (size_t)(row < last ? row : last) * (count + 1);
    uint64_t sum = price[0];
    for (uint32_t term = 0; term < count; term++) sum += columns[term][i] * price[term + 1];
    sums[i] = sum;
  }
}

#define SUMS_CASE(n) \
  case n: NAME(sums)(terms, n, prices, last, rows, row_count, sums); break;

static void NAME(linear_sums)(const uint32_t *const *terms, uint32_t count, const uint64_t *prices,
                              uint32_t last, const uint32_t *rows, size_t row_count,
                              uint64_t *sums) {
  if (last == 0) {
    for (size_t i = 0; i < row_count; i++) sums[i] = prices[0];
    for (uint32_t term = 0; term < count; term++) {
      const uint64_t price = prices[term + 1];
      const uint32_t *column = terms[term];
      for (size_t i = 0; i < row_count; i++) sums[i] += column[i] * price;
    }
    return;
  }
  switch (count) {
    SUMS_CASE(1) SUMS_CASE(2) SUMS_CASE(3) SUMS_CASE(4)
    SUMS_CASE(5) SUMS_CASE(6) SUMS_CASE(7) SUMS_CASE(8)
    default: break;
  }
}
#undef SUMS_CASE

static int64_t NAME(least64)(const uint64_t *values, size_t count) {
  int64_t least[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t lane = 0; lane < 4; lane++) {
      const int64_t value = (int64_t)values[i + lane];
      least[lane] = value < least[lane] ? value : least[lane];
    }
  }
  for (; i < count; i++) least[0] = (int64_t)values[i] < least[0] ? (int64_t)values[i] : least[0];
  for (size_t lane = 1; lane < 4; lane++) {
    if (least[lane] < least[0]) least[0] = least[lane];
  }
  return least[0];
}

// Exact division: shift out the power of two, multiply by the inverse of the odd part. Quotients
// are below 2^32, so 32 bits of both factors decide them; multiplying back tells whether they are
// whole and that small.
static int NAME(quotients32)(const uint64_t *values, size_t count, uint64_t base,
                             uint64_t divisor, uint32_t *out) {
  uint64_t rest = 0;
  if (divisor == 1) {
    for (size_t i = 0; i < count; i++) {
      const uint64_t difference = values[i] - base;
      out[i] = (uint32_t)difference;
      rest |= difference;
    }
    return rest <= UINT32_MAX;
  }
  if (divisor > UINT32_MAX) return 0;
  const uint32_t shift = (uint32_t)__builtin_ctzll(divisor);
  const uint32_t odd = (uint32_t)(divisor >> shift);
  const uint32_t factor = (uint32_t)divisor;
  uint32_t inverse = odd;
  for (int step = 0; step < 5; step++) inverse *= 2 - odd * inverse;
  for (size_t i = 0; i < count; i++) {
    const uint64_t difference = values[i] - base;
    const uint32_t quotient = (uint32_t)(difference >> shift) * inverse;
    out[i] = quotient;
    rest |= (uint64_t)quotient * factor ^ difference;
  }
  return rest == 0;
}

__attribute__((always_inline)) static inline void NAME(pack32_width)(
    const uint32_t *values, const uint32_t width, uint8_t *packed) {
  const uint32_t mask = width == 32 ? UINT32_MAX : (1u << (width & 31)) - 1;
  for (uint32_t group = 0; group < 4; group++) {
    const NAME(lanes) *in = (const NAME(lanes) *)values + group;
    NAME(lanes) *words = (NAME(lanes) *)packed + group;
    NAME(lanes) word = {0};
#pragma clang loop unroll(full)
    for (uint32_t step = 0; step < 32; step++) {
      const uint32_t shift = step * width % 32;
      const NAME(lanes) value = in[step * 4] & mask;
      word = shift == 0 ? value : word | value << shift;
      if (shift + width >= 32) {
        words[step * width / 32 * 4] = word;
        if (shift + width > 32) word = value >> ((32 - shift) & 31);
      }
    }
  }
}

#define PACK_CASE(w) \
  case w: NAME(pack32_width)(values, w, packed); break;

static void NAME(pack32)(const uint32_t *values, uint32_t width, uint8_t *packed) {
  switch (width) {
    PACK_CASE(1) PACK_CASE(2) PACK_CASE(3) PACK_CASE(4) PACK_CASE(5) PACK_CASE(6) PACK_CASE(7)
    PACK_CASE(8) PACK_CASE(9) PACK_CASE(10) PACK_CASE(11) PACK_CASE(12) PACK_CASE(13)
    PACK_CASE(14) PACK_CASE(15) PACK_CASE(16) PACK_CASE(17) PACK_CASE(18) PACK_CASE(19)
    PACK_CASE(20) PACK_CASE(21) PACK_CASE(22) PACK_CASE(23) PACK_CASE(24) PACK_CASE(25)
    PACK_CASE(26) PACK_CASE(27) PACK_CASE(28) PACK_CASE(29) PACK_CASE(30) PACK_CASE(31)
    PACK_CASE(32)
    default: break;
  }
}
#undef PACK_CASE

// Rows of a block with bits above `width`.
static size_t NAME(find_above)(const uint32_t *values, uint32_t width, uint16_t *rows) {
  size_t found = 0;
#ifdef HAS_AVX2
  const __m256i zero = _mm256_setzero_si256();
  const __m128i shift = _mm_cvtsi32_si128((int)width);
  for (size_t i = 0; i < 1024; i += 32) {
    uint32_t small = 0;
    for (size_t part = 0; part < 4; part++) {
      const __m256i group = _mm256_loadu_si256((const __m256i *)(values + i + part * 8));
      const __m256i is_small = _mm256_cmpeq_epi32(_mm256_srl_epi32(group, shift), zero);
      small |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_small)) << (part * 8);
    }
    for (uint32_t above = ~small; above != 0; above &= above - 1) {
      rows[found++] = (uint16_t)(i + (size_t)__builtin_ctz(above));
    }
  }
#else
  for (size_t i = 0; i < 1024; i++) {
    rows[found] = (uint16_t)i;
    found += values[i] >> width != 0;
  }
#endif
  return found;
}
