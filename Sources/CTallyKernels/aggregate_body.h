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
