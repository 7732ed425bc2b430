#include "include/TallyKernels.h"

#if defined(__SSE2__)
#include <emmintrin.h>

/// Whether one of 16 suffixes is `suffix`.
static inline int has_suffix16(const uint16_t *suffixes, uint16_t suffix) {
  const __m128i pattern = _mm_set1_epi16((short)suffix);
  const __m128i low = _mm_loadu_si128((const __m128i *)suffixes);
  const __m128i high = _mm_loadu_si128((const __m128i *)(suffixes + 8));
  const __m128i equal =
      _mm_or_si128(_mm_cmpeq_epi16(low, pattern), _mm_cmpeq_epi16(high, pattern));
  return _mm_movemask_epi8(equal) != 0;
}

#else

static inline int has_suffix16(const uint16_t *suffixes, uint16_t suffix) {
  int found = 0;
  for (int lane = 0; lane < 16; lane++) found |= suffixes[lane] == suffix;
  return found;
}

#endif

// Lookups wait for memory. Each passes three stations, a group at a time, so that the lines of a
// whole group are on their way before the first is looked at.
enum { group_size = 64 };

size_t tally_probe_suffixes(const uint64_t *fingerprints, size_t count, const uint32_t *offsets,
                            const uint16_t *suffixes, uint32_t bucket_bits, uint32_t *hits) {
  uint32_t starts[group_size];
  uint32_t ends[group_size];
  size_t hit_count = 0;
  for (size_t first = 0; first < count; first += group_size) {
    const size_t size = count - first < group_size ? count - first : group_size;
    const uint64_t *group = fingerprints + first;
    for (size_t index = 0; index < size; index++) {
      const uint64_t bucket = bucket_bits == 0 ? 0 : group[index] >> (64 - bucket_bits);
      __builtin_prefetch(offsets + bucket);
    }
    for (size_t index = 0; index < size; index++) {
      const uint64_t bucket = bucket_bits == 0 ? 0 : group[index] >> (64 - bucket_bits);
      starts[index] = offsets[bucket];
      ends[index] = offsets[bucket + 1];
      __builtin_prefetch(suffixes + starts[index]);
      __builtin_prefetch(suffixes + starts[index] + 15);
    }
    for (size_t index = 0; index < size; index++) {
      const uint16_t suffix = (uint16_t)(group[index] >> (48 - bucket_bits));
      const int found = has_suffix16(suffixes + starts[index], suffix) |
                        (ends[index] - starts[index] > 16);
      hits[hit_count] = (uint32_t)(first + index);
      hit_count += found != 0;
    }
  }
  return hit_count;
}
