// The loops themselves; included once per instruction set with NAME(x) naming the copy.
//
// Transposed layout: a block of 1,024 values is cut into lanes; row i is value i / lanes of lane
// i % lanes, and word j of all lanes lies side by side. One step of unpacking therefore reads
// neighbouring words, shifts all of them by the same amount and writes neighbouring rows.

typedef uint32_t NAME(vector32) __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint64_t NAME(vector64) __attribute__((vector_size(32), aligned(1), may_alias));

// `width` is a constant at every call, so all shifts and branches fold away.
__attribute__((always_inline)) static inline void NAME(unpack32_width)(
    const uint8_t *packed, const uint32_t width, uint32_t *values) {
  const uint32_t mask = width == 32 ? UINT32_MAX : (1u << (width & 31)) - 1;
  for (uint32_t group = 0; group < 4; group++) {
    const NAME(vector32) *words = (const NAME(vector32) *)packed + group;
    NAME(vector32) *out = (NAME(vector32) *)values + group;
#pragma clang loop unroll(full)
    for (uint32_t step = 0; step < 32; step++) {
      const uint32_t word = step * width / 32;
      const uint32_t shift = step * width % 32;
      NAME(vector32) value = words[word * 4] >> shift;
      if (shift + width > 32) value |= words[(word + 1) * 4] << ((32 - shift) & 31);
      out[step * 4] = width == 32 ? value : value & mask;
    }
  }
}

#define UNPACK_CASE(w) \
  case w: NAME(unpack32_width)(packed, w, values); break;

static void NAME(unpack32)(const uint8_t *packed, uint32_t width, uint32_t *values) {
  switch (width) {
    UNPACK_CASE(1) UNPACK_CASE(2) UNPACK_CASE(3) UNPACK_CASE(4) UNPACK_CASE(5) UNPACK_CASE(6)
    UNPACK_CASE(7) UNPACK_CASE(8) UNPACK_CASE(9) UNPACK_CASE(10) UNPACK_CASE(11) UNPACK_CASE(12)
    UNPACK_CASE(13) UNPACK_CASE(14) UNPACK_CASE(15) UNPACK_CASE(16) UNPACK_CASE(17)
    UNPACK_CASE(18) UNPACK_CASE(19) UNPACK_CASE(20) UNPACK_CASE(21) UNPACK_CASE(22)
    UNPACK_CASE(23) UNPACK_CASE(24) UNPACK_CASE(25) UNPACK_CASE(26) UNPACK_CASE(27)
    UNPACK_CASE(28) UNPACK_CASE(29) UNPACK_CASE(30) UNPACK_CASE(31) UNPACK_CASE(32)
    default: memset(values, 0, 4096); break;
  }
}
#undef UNPACK_CASE

// As unpack32_width, but values are added up where they are: up to 27 bits, 32 of them fit a lane.
__attribute__((always_inline)) static inline uint64_t NAME(sum_packed32_width)(
    const uint8_t *packed, const uint32_t width) {
  const uint32_t mask = (1u << (width & 31)) - 1;
  uint64_t total = 0;
  for (uint32_t group = 0; group < 4; group++) {
    const NAME(vector32) *words = (const NAME(vector32) *)packed + group;
    NAME(vector32) sums = {0};
#pragma clang loop unroll(full)
    for (uint32_t step = 0; step < 32; step++) {
      const uint32_t word = step * width / 32;
      const uint32_t shift = step * width % 32;
      NAME(vector32) value = words[word * 4] >> shift;
      if (shift + width > 32) value |= words[(word + 1) * 4] << ((32 - shift) & 31);
      sums += value & mask;
    }
    for (uint32_t lane = 0; lane < 8; lane++) total += sums[lane];
  }
  return total;
}

static uint64_t NAME(sum32)(const uint32_t *values, size_t count) {
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) total += values[i];
  return total;
}

#define SUM_CASE(w) \
  case w: return NAME(sum_packed32_width)(packed, w);

static uint64_t NAME(sum_packed32)(const uint8_t *packed, uint32_t width) {
  switch (width) {
    case 0: return 0;
    SUM_CASE(1) SUM_CASE(2) SUM_CASE(3) SUM_CASE(4) SUM_CASE(5) SUM_CASE(6) SUM_CASE(7)
    SUM_CASE(8) SUM_CASE(9) SUM_CASE(10) SUM_CASE(11) SUM_CASE(12) SUM_CASE(13) SUM_CASE(14)
    SUM_CASE(15) SUM_CASE(16) SUM_CASE(17) SUM_CASE(18) SUM_CASE(19) SUM_CASE(20) SUM_CASE(21)
    SUM_CASE(22) SUM_CASE(23) SUM_CASE(24) SUM_CASE(25) SUM_CASE(26) SUM_CASE(27)
    default: break;
  }
  uint32_t values[1024];
  NAME(unpack32)(packed, width, values);
  return NAME(sum32)(values, 1024);
}
#undef SUM_CASE

// Wide values are rare: one loop for all widths, vectors across the lanes.
static void NAME(unpack64)(const uint8_t *packed, uint32_t width, uint64_t *values) {
  if (width == 0 || width > 64) {
    memset(values, 0, 8192);
    return;
  }
  const uint64_t mask = UINT64_MAX >> (64 - width);
  for (uint32_t step = 0; step < 64; step++) {
    const uint32_t word = step * width / 64;
    const uint32_t shift = step * width % 64;
    const NAME(vector64) *words = (const NAME(vector64) *)packed + word * 4;
    NAME(vector64) *out = (NAME(vector64) *)values + step * 4;
    if (shift + width > 64) {
      for (uint32_t group = 0; group < 4; group++) {
        out[group] = (words[group] >> shift | words[group + 4] << (64 - shift)) & mask;
      }
    } else {
      for (uint32_t group = 0; group < 4; group++) out[group] = words[group] >> shift & mask;
    }
  }
}

static void NAME(widen)(const uint32_t *raw, size_t count, uint64_t base, uint64_t scale,
                        uint64_t *values) {
  if (scale == 1) {
    for (size_t i = 0; i < count; i++) values[i] = base + raw[i];
  } else if (scale <= UINT32_MAX) {
    const uint32_t narrow = (uint32_t)scale;
    for (size_t i = 0; i < count; i++) values[i] = base + (uint64_t)raw[i] * narrow;
  } else {
    for (size_t i = 0; i < count; i++) values[i] = base + raw[i] * scale;
  }
}

static void NAME(affine64)(uint64_t *values, size_t count, uint64_t base, uint64_t scale) {
  if (scale == 1) {
    if (base == 0) return;
    for (size_t i = 0; i < count; i++) values[i] += base;
  } else {
    for (size_t i = 0; i < count; i++) values[i] = base + values[i] * scale;
  }
}

static void NAME(affine32)(uint32_t *values, size_t count, uint32_t base, uint32_t scale) {
  if (scale == 1) {
    if (base == 0) return;
    for (size_t i = 0; i < count; i++) values[i] += base;
  } else {
    for (size_t i = 0; i < count; i++) values[i] = base + values[i] * scale;
  }
}

static void NAME(join_planes32)(const uint8_t *planes, size_t stride, uint32_t plane_count,
                                size_t count, uint32_t *values) {
  const uint8_t *a = planes, *b = a + stride, *c = b + stride, *d = c + stride;
  switch (plane_count) {
    case 0: memset(values, 0, count * 4); break;
    case 1:
      for (size_t i = 0; i < count; i++) values[i] = a[i];
      break;
    case 2:
      for (size_t i = 0; i < count; i++) values[i] = a[i] | (uint32_t)b[i] << 8;
      break;
    case 3:
      for (size_t i = 0; i < count; i++)
        values[i] = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16;
      break;
    default:
      for (size_t i = 0; i < count; i++)
        values[i] = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 | (uint32_t)d[i] << 24;
      break;
  }
}

static void NAME(join_planes64)(const uint8_t *planes, size_t stride, uint32_t plane_count,
                                size_t count, uint64_t *values) {
  memset(values, 0, count * 8);
  for (uint32_t plane = 0; plane < plane_count; plane++) {
    const uint8_t *bytes = planes + plane * stride;
    const uint32_t shift = plane * 8;
    for (size_t i = 0; i < count; i++) values[i] |= (uint64_t)bytes[i] << shift;
  }
}

// A running sum in steps of four: two shifted additions make the sums inside a vector. What
// carries over is a vector too, so that only one addition depends on the step before.
static void NAME(prefix32)(uint32_t *values, size_t count, uint32_t start, uint32_t step,
                           uint32_t mask) {
  typedef uint32_t vector4 __attribute__((vector_size(16), aligned(4), may_alias));
  const vector4 zero = {0, 0, 0, 0};
  vector4 carry = zero + start;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    vector4 sums = *(const vector4 *)(values + i) + step;
    sums += __builtin_shufflevector(zero, sums, 0, 4, 5, 6);
    sums += __builtin_shufflevector(zero, sums, 0, 1, 4, 5);
    *(vector4 *)(values + i) = (sums + carry) & mask;
    carry += __builtin_shufflevector(sums, sums, 3, 3, 3, 3);
  }
  uint32_t state = carry[0];
  for (; i < count; i++) {
    state += values[i] + step;
    values[i] = state & mask;
  }
}

// A table of at most eight entries is one register: looking up is a permutation.
static void NAME(gather32)(const uint32_t *table, uint32_t last, uint32_t *values, size_t count) {
  size_t i = 0;
#ifdef HAS_AVX2
  if (last < 8) {
    uint32_t entries[8];
    for (uint32_t entry = 0; entry < 8; entry++) {
      entries[entry] = table[entry < last ? entry : last];
    }
    const __m256i lookup = _mm256_loadu_si256((const __m256i *)entries);
    const __m256i limit = _mm256_set1_epi32(7);
    for (; i + 8 <= count; i += 8) {
      __m256i *place = (__m256i *)(values + i);
      const __m256i index = _mm256_min_epu32(_mm256_loadu_si256(place), limit);
      _mm256_storeu_si256(place, _mm256_permutevar8x32_epi32(lookup, index));
    }
  }
#endif
  for (; i < count; i++) values[i] = table[values[i] < last ? values[i] : last];
}
