// Loops of aggregation; included once per instruction set with NAME(x) naming the copy.

static void NAME(group_first)(const uint32_t *restrict codes, size_t count, uint32_t last,
                              uint32_t stride, uint32_t start, uint32_t *restrict ids) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t code = codes[i] < last ? codes[i] : last;
    ids[i] = start + code * stride;
  }
}

static void NAME(group_next)(const uint32_t *restrict codes, size_t count, uint32_t last,
                             uint32_t stride, uint32_t *restrict ids) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t code = codes[i] < last ? codes[i] : last;
    ids[i] += code * stride;
  }
}

static void NAME(add32)(uint32_t *values, size_t count, uint32_t addend) {
  for (size_t i = 0; i < count; i++) values[i] += addend;
}

// Sums of absolute differences from zero add eight bytes a step.
static uint64_t NAME(sum_bytes)(const uint8_t *bytes, size_t count) {
  uint64_t total = 0;
  size_t i = 0;
#ifdef HAS_AVX2
  const __m256i zero = _mm256_setzero_si256();
  __m256i sums[4] = {zero, zero, zero, zero};
  for (; i + 128 <= count; i += 128) {
    for (size_t lane = 0; lane < 4; lane++) {
      const __m256i block = _mm256_loadu_si256((const __m256i *)(bytes + i + lane * 32));
      sums[lane] = _mm256_add_epi64(sums[lane], _mm256_sad_epu8(block, zero));
    }
  }
  const __m256i all =
      _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
  uint64_t parts[4];
  _mm256_storeu_si256((__m256i *)parts, all);
  total = parts[0] + parts[1] + parts[2] + parts[3];
#endif
  for (; i < count; i++) total += bytes[i];
  return total;
}

static void NAME(bin_places)(const uint32_t *restrict raws, uint32_t offset, uint32_t scale,
                             const uint32_t *restrict ids, size_t count, tally_bins all,
                             uint32_t *restrict places) {
  const uint32_t last = all.bin_count - 1;
  const uint32_t most = (last - offset) / scale;
  for (size_t i = 0; i < count; i++) {
    const uint32_t bin = raws[i] < most ? offset + raws[i] * scale : offset + most * scale;
    places[i] = ids[i] * all.stride + bin;
  }
}

// Adds rows `first` and on to `lane_count` numbers of each group, `stride` apart.
static void NAME(bank_add_rest)(const tally_lane *lanes, size_t lane_count, size_t stride,
                                const uint32_t *ids, size_t first, size_t count, uint64_t *bank) {
  for (size_t i = first; i < count; i++) {
    uint64_t *numbers = bank + ids[i] * stride;
    for (size_t lane = 0; lane < lane_count; lane++) {
      const uint64_t raw = lanes[lane].raws ? lanes[lane].raws[i] : 0;
      numbers[lane] += lanes[lane].base + lanes[lane].scale * raw;
    }
  }
}

#ifdef HAS_AVX2
// Four rows of a lane; lanes without raws read four zeros again and again.
typedef struct {
  const uint32_t *raws;
  size_t mask;
  __m256i base;
  __m256i scale;
} NAME(bank_lane);

static const uint32_t NAME(bank_zeros)[4] = {0};

static inline NAME(bank_lane) NAME(bank_lane_of)(tally_lane lane) {
  return (NAME(bank_lane)){
      lane.raws ? lane.raws : NAME(bank_zeros), lane.raws ? SIZE_MAX : 0,
      _mm256_set1_epi64x((int64_t)lane.base), _mm256_set1_epi64x((int64_t)lane.scale)};
}

static inline __m256i NAME(bank_values)(const NAME(bank_lane) *lane, size_t row) {
  const __m128i raws = _mm_loadu_si128((const __m128i *)(lane->raws + (row & lane->mask)));
  const __m256i wide = _mm256_cvtepu32_epi64(raws);
  return _mm256_add_epi64(lane->base, _mm256_mul_epu32(wide, lane->scale));
}
#endif

static void NAME(bank_add4)(const tally_lane *lanes, size_t stride, const uint32_t *ids,
                            size_t count, uint64_t *bank, size_t copy) {
  size_t row = 0;
#ifdef HAS_AVX2
  const NAME(bank_lane) a = NAME(bank_lane_of)(lanes[0]), b = NAME(bank_lane_of)(lanes[1]);
  const NAME(bank_lane) c = NAME(bank_lane_of)(lanes[2]), d = NAME(bank_lane_of)(lanes[3]);
  for (; row + 4 <= count; row += 4) {
    const __m256i va = NAME(bank_values)(&a, row), vb = NAME(bank_values)(&b, row);
    const __m256i vc = NAME(bank_values)(&c, row), vd = NAME(bank_values)(&d, row);
    const __m256i even_ab = _mm256_unpacklo_epi64(va, vb), odd_ab = _mm256_unpackhi_epi64(va, vb);
    const __m256i even_cd = _mm256_unpacklo_epi64(vc, vd), odd_cd = _mm256_unpackhi_epi64(vc, vd);
    const __m256i sums[4] = {_mm256_permute2x128_si256(even_ab, even_cd, 0x20),
                             _mm256_permute2x128_si256(odd_ab, odd_cd, 0x20),
                             _mm256_permute2x128_si256(even_ab, even_cd, 0x31),
                             _mm256_permute2x128_si256(odd_ab, odd_cd, 0x31)};
    for (size_t k = 0; k < 4; k++) {
      __m256i *numbers = (__m256i *)(bank + k * copy + ids[row + k] * stride);
      _mm256_storeu_si256(numbers, _mm256_add_epi64(_mm256_loadu_si256(numbers), sums[k]));
    }
  }
#endif
  (void)copy;
  NAME(bank_add_rest)(lanes, 4, stride, ids, row, count, bank);
}

static void NAME(bank_add2)(const tally_lane *lanes, const uint32_t *ids, size_t count,
                            uint64_t *bank, size_t copy) {
  size_t row = 0;
#ifdef HAS_AVX2
  const NAME(bank_lane) a = NAME(bank_lane_of)(lanes[0]), b = NAME(bank_lane_of)(lanes[1]);
  for (; row + 4 <= count; row += 4) {
    const __m256i va = NAME(bank_values)(&a, row), vb = NAME(bank_values)(&b, row);
    const __m256i even = _mm256_unpacklo_epi64(va, vb), odd = _mm256_unpackhi_epi64(va, vb);
    const __m128i sums[4] = {_mm256_castsi256_si128(even), _mm256_castsi256_si128(odd),
                             _mm256_extracti128_si256(even, 1), _mm256_extracti128_si256(odd, 1)};
    for (size_t k = 0; k < 4; k++) {
      __m128i *numbers = (__m128i *)(bank + k * copy + ids[row + k] * (size_t)2);
      _mm_storeu_si128(numbers, _mm_add_epi64(_mm_loadu_si128(numbers), sums[k]));
    }
  }
#endif
  (void)copy;
  NAME(bank_add_rest)(lanes, 2, 2, ids, row, count, bank);
}
