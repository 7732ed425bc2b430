#include "include/TallyLinear.h"

#include <string.h>

typedef uint32_t lanes_portable __attribute__((vector_size(32), aligned(1), may_alias));
#define NAME(x) x##_portable
#include "linear_body.h"
#undef NAME

typedef struct {
  void (*linear_sums)(const uint32_t *const *, uint32_t, const uint64_t *, uint32_t,
                      const uint32_t *, size_t, uint64_t *);
  int64_t (*least64)(const uint64_t *, size_t);
  int (*quotients32)(const uint64_t *, size_t, uint64_t, uint64_t, uint32_t *);
  void (*pack32)(const uint32_t *, uint32_t, uint8_t *);
  size_t (*find_above)(const uint32_t *, uint32_t, uint16_t *);
} LinearTable;

#define KERNELS(suffix)                                                                \
  {linear_sums_##suffix, least64_##suffix, quotients32_##suffix, pack32_##suffix,         \
   find_above_##suffix}

static LinearTable chosen = KERNELS(portable);

#if defined(__x86_64__)

#include <immintrin.h>

typedef uint32_t lanes_avx2 __attribute__((vector_size(32), aligned(1), may_alias));
#pragma clang attribute push(__attribute__((target("avx2,bmi2"))), apply_to = function)
#define NAME(x) x##_avx2
#define HAS_AVX2 1
#include "linear_body.h"
#undef HAS_AVX2
#undef NAME
#pragma clang attribute pop

__attribute__((constructor)) static void choose(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
    chosen = (LinearTable)KERNELS(avx2);
  }
}

#endif

void tally_linear_sums(const uint32_t *const *terms, uint32_t term_count, const uint64_t *prices,
                       uint32_t last, const uint32_t *rows, size_t count, uint64_t *sums) {
  chosen.linear_sums(terms, term_count, prices, last, rows, count, sums);
}

void tally_linear_term(const uint64_t *term, const uint64_t *coefficients, uint32_t last,
                       const uint32_t *rows, size_t count, uint64_t *sums) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t row = rows[i];
    sums[i] += term[i] * coefficients[row < last ? row : last];
  }
}

static int64_t round_half_even(int64_t value, int64_t scale) {
  const int64_t quotient = value / scale;
  const int64_t rest = value % scale;
  const int64_t magnitude = rest < 0 ? -rest : rest;
  const int64_t other = scale - magnitude;
  if (magnitude < other || (magnitude == other && (quotient & 1) == 0)) return quotient;
  return quotient + (value < 0 ? -1 : 1);
}

// Below 2^51 a quotient of doubles is never off by as much as the distance of a fraction over
// `scale` from one half, so rounding it is exact; division of doubles is several times faster.
void tally_round_half_even(uint64_t *sums, size_t count, uint64_t scale) {
  const double divisor = (double)scale;
  const uint64_t limit = (uint64_t)1 << 51;
  const int is_small = scale < limit;
  // Adding one and a half times 2^52 leaves no bits for a fraction: the sum is rounded to even.
  const double magic = 6755399441055744.0;
  for (size_t i = 0; i < count; i++) {
    const int64_t value = (int64_t)sums[i];
    if (is_small && sums[i] + limit < 2 * limit) {
      sums[i] = (uint64_t)(int64_t)((double)value / divisor + magic - magic);
    } else {
      sums[i] = (uint64_t)round_half_even(value, (int64_t)scale);
    }
  }
}

int64_t tally_least64(const uint64_t *values, size_t count) {
  return chosen.least64(values, count);
}

int tally_quotients32(const uint64_t *values, size_t count, uint64_t base, uint64_t divisor,
                      uint32_t *out) {
  return chosen.quotients32(values, count, base, divisor, out);
}

enum { row_count = 1024, sample_step = 4 };

// Bit lengths of every fourth row: enough to choose a width by.
static void count_bits(const uint32_t *values, uint32_t histogram[33]) {
  uint32_t counters[2][33] = {{0}};
  for (size_t i = 0; i < row_count; i += 2 * sample_step) {
    for (size_t bank = 0; bank < 2; bank++) {
      const uint32_t value = values[i + bank * sample_step];
      counters[bank][32 - __builtin_clz(value | 1) - (value == 0)] += sample_step;
    }
  }
  for (size_t bits = 0; bits < 33; bits++) histogram[bits] = counters[0][bits] + counters[1][bits];
}

// Every scan patches exceptions again, at the time of some twenty rows each: that counts as eight
// bytes.
enum { patch_cost = 8 };

static uint32_t best_width(const uint32_t histogram[33], uint32_t bits_max) {
  uint32_t best = bits_max;
  size_t best_bytes = 128 * (size_t)bits_max;
  size_t exceptions = 1;
  for (uint32_t width = bits_max; width-- > 0;) {
    exceptions += histogram[width + 1];
    const size_t bytes = 128 * (size_t)width + exceptions * (1 + patch_cost) + 2 +
                         (exceptions * (bits_max - width) + 7) / 8;
    if (bytes < best_bytes) {
      best = width;
      best_bytes = bytes;
    }
  }
  return best;
}

size_t tally_pack_patched32(const uint32_t *values, uint8_t *packed, uint32_t shape[3]) {
  uint32_t all = 0;
  for (size_t i = 0; i < row_count; i++) all |= values[i];
  const uint32_t bits_max = all == 0 ? 0 : 32 - (uint32_t)__builtin_clz(all);
  uint32_t histogram[33];
  count_bits(values, histogram);
  const uint32_t width = best_width(histogram, bits_max);
  chosen.pack32(values, width, packed);
  shape[0] = width;
  shape[1] = 0;
  shape[2] = 0;
  size_t position = 128 * (size_t)width;
  if (width == bits_max) return position;

  uint16_t rows[row_count];
  const size_t found = chosen.find_above(values, width, rows);
  const uint32_t high_width = bits_max - width;
  uint8_t gaps[row_count + 8];
  uint32_t high[row_count + 8];
  size_t count = 0;
  size_t next = 0;
  for (size_t index = 0; index < found; index++) {
    size_t gap = rows[index] + 1 - next;
    for (; gap > 255; gap -= 255) {
      gaps[count] = 255;
      high[count++] = 0;
    }
    gaps[count] = (uint8_t)gap;
    high[count++] = values[rows[index]] >> width;
    next = rows[index] + (size_t)1;
  }
  memcpy(packed + position, gaps, count);
  position += count;
  uint64_t pending = 0;
  uint32_t pending_bits = 0;
  for (size_t index = 0; index < count; index++) {
    pending |= (uint64_t)high[index] << pending_bits;
    pending_bits += high_width;
    while (pending_bits >= 8) {
      packed[position++] = (uint8_t)pending;
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) packed[position++] = (uint8_t)pending;
  shape[1] = (uint32_t)count;
  shape[2] = high_width;
  return position;
}
