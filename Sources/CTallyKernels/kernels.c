#include "include/TallyKernels.h"

#include <string.h>

#define NAME(x) x##_portable
#include "kernels_body.h"
#include "aggregate_body.h"
#undef NAME

typedef struct {
  void (*unpack32)(const uint8_t *, uint32_t, uint32_t *);
  void (*unpack64)(const uint8_t *, uint32_t, uint64_t *);
  void (*widen)(const uint32_t *, size_t, uint64_t, uint64_t, uint64_t *);
  void (*affine64)(uint64_t *, size_t, uint64_t, uint64_t);
  void (*affine32)(uint32_t *, size_t, uint32_t, uint32_t);
  void (*join_planes32)(const uint8_t *, size_t, uint32_t, size_t, uint32_t *);
  void (*join_planes64)(const uint8_t *, size_t, uint32_t, size_t, uint64_t *);
  void (*prefix32)(uint32_t *, size_t, uint32_t, uint32_t, uint32_t);
  void (*gather32)(const uint32_t *, uint32_t, uint32_t *, size_t);
  uint64_t (*sum32)(const uint32_t *, size_t);
  uint64_t (*sum_packed32)(const uint8_t *, uint32_t);
  void (*group_first)(const uint32_t *, size_t, uint32_t, uint32_t, uint32_t, uint32_t *);
  void (*group_next)(const uint32_t *, size_t, uint32_t, uint32_t, uint32_t *);
  void (*add32)(uint32_t *, size_t, uint32_t);
  uint64_t (*sum_bytes)(const uint8_t *, size_t);
  void (*bin_places)(const uint32_t *, uint32_t, uint32_t, const uint32_t *, size_t, tally_bins,
                     uint32_t *);
  void (*bank_add2)(const tally_lane *, const uint32_t *, size_t, uint64_t *, size_t);
  void (*bank_add4)(const tally_lane *, size_t, const uint32_t *, size_t, uint64_t *, size_t);
} KernelTable;

#define KERNELS(suffix)                                                                     \
  {unpack32_##suffix, unpack64_##suffix,      widen_##suffix,         affine64_##suffix,    \
   affine32_##suffix, join_planes32_##suffix, join_planes64_##suffix, prefix32_##suffix,      \
   gather32_##suffix, sum32_##suffix,      sum_packed32_##suffix,  group_first_##suffix,    \
   group_next_##suffix, add32_##suffix,    sum_bytes_##suffix,     bin_places_##suffix,     \
   bank_add2_##suffix, bank_add4_##suffix}

static KernelTable chosen = KERNELS(portable);

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,bmi2"))), apply_to = function)
#define NAME(x) x##_avx2
#define HAS_AVX2 1
#include "kernels_body.h"
#include "aggregate_body.h"
#undef HAS_AVX2
#undef NAME
#pragma clang attribute pop

// Feature names, not CPU models: a model test misses every CPU it does not know.
__attribute__((constructor)) static void choose(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
    chosen = (KernelTable)KERNELS(avx2);
  }
}

#endif

void tally_unpack32(const uint8_t *packed, uint32_t width, uint32_t *values) {
  chosen.unpack32(packed, width, values);
}

void tally_unpack64(const uint8_t *packed, uint32_t width, uint64_t *values) {
  chosen.unpack64(packed, width, values);
}

void tally_widen(const uint32_t *raw, size_t count, uint64_t base, uint64_t scale,
                 uint64_t *values) {
  chosen.widen(raw, count, base, scale, values);
}

void tally_affine64(uint64_t *values, size_t count, uint64_t base, uint64_t scale) {
  chosen.affine64(values, count, base, scale);
}

void tally_affine32(uint32_t *values, size_t count, uint32_t base, uint32_t scale) {
  chosen.affine32(values, count, base, scale);
}

void tally_join_planes32(const uint8_t *planes, size_t stride, uint32_t plane_count, size_t count,
                         uint32_t *values) {
  chosen.join_planes32(planes, stride, plane_count, count, values);
}

void tally_join_planes64(const uint8_t *planes, size_t stride, uint32_t plane_count, size_t count,
                         uint64_t *values) {
  chosen.join_planes64(planes, stride, plane_count, count, values);
}

void tally_prefix32(uint32_t *values, size_t count, uint32_t start, uint32_t step, uint32_t mask) {
  chosen.prefix32(values, count, start, step, mask);
}

void tally_prefix64(uint64_t *values, size_t count, uint64_t start, uint64_t step, uint64_t mask) {
  uint64_t state = start;
  for (size_t i = 0; i < count; i++) {
    state += values[i] + step;
    values[i] = state & mask;
  }
}

void tally_pack32(const uint32_t *values, uint32_t width, uint8_t *packed) {
  if (width == 0 || width > 32) return;
  const uint32_t mask = UINT32_MAX >> (32 - width);
  memset(packed, 0, 128 * (size_t)width);
  for (uint32_t step = 0; step < 32; step++) {
    const uint32_t word = step * width / 32;
    const uint32_t shift = step * width % 32;
    vector32_portable *words = (vector32_portable *)packed + word * 4;
    const vector32_portable *in = (const vector32_portable *)values + step * 4;
    for (uint32_t group = 0; group < 4; group++) {
      vector32_portable value = in[group] & mask;
      words[group] |= value << shift;
      if (shift + width > 32) words[group + 4] |= value >> (32 - shift);
    }
  }
}

void tally_pack64(const uint64_t *values, uint32_t width, uint8_t *packed) {
  if (width == 0 || width > 64) return;
  const uint64_t mask = UINT64_MAX >> (64 - width);
  memset(packed, 0, 128 * (size_t)width);
  for (uint32_t step = 0; step < 64; step++) {
    const uint32_t word = step * width / 64;
    const uint32_t shift = step * width % 64;
    vector64_portable *words = (vector64_portable *)packed + word * 4;
    const vector64_portable *in = (const vector64_portable *)values + step * 4;
    for (uint32_t group = 0; group < 4; group++) {
      vector64_portable value = in[group] & mask;
      words[group] |= value << shift;
      if (shift + width > 64) words[group + 4] |= value >> (64 - shift);
    }
  }
}

void tally_split_planes(const uint64_t *values, size_t count, uint32_t plane_count,
                        uint8_t *planes) {
  for (uint32_t plane = 0; plane < plane_count && plane < 8; plane++) {
    const uint32_t shift = plane * 8;
    uint8_t *out = planes + plane * count;
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(values[i] >> shift);
  }
}

void tally_gather32(const uint32_t *table, uint32_t last, uint32_t *values, size_t count) {
  chosen.gather32(table, last, values, count);
}

void tally_lookup32(const uint32_t *table, uint32_t *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = table[values[i]];
}

void tally_gather64(const uint64_t *table, uint32_t last, const uint32_t *codes, size_t count,
                    uint64_t *out) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t code = codes[i];
    out[i] = table[code < last ? code : last];
  }
}

void tally_bit_lengths(const uint64_t *values, size_t count, uint64_t base, uint32_t *histogram) {
  // Four counters for each length: neighbours of one length do not wait for each other.
  uint32_t counters[4][65] = {{0}};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t bank = 0; bank < 4; bank++) {
      const uint64_t value = values[i + bank] - base;
      // The lowest bit decides nothing from length 2 up, so setting it spares a branch for zero.
      const int length = 64 - __builtin_clzll(value | 1);
      counters[bank][length - (value == 0)] += 1;
    }
  }
  for (; i < count; i++) {
    const uint64_t value = values[i] - base;
    counters[0][64 - __builtin_clzll(value | 1) - (value == 0)] += 1;
  }
  for (size_t length = 0; length < 65; length++) {
    histogram[length] += counters[0][length] + counters[1][length] + counters[2][length] +
                         counters[3][length];
  }
}

void tally_unpack_rows32(const uint8_t *packed, uint32_t width, const uint16_t *rows,
                         size_t count, uint32_t *values) {
  const uint32_t *words = (const uint32_t *)packed;
  const uint64_t mask = ((uint64_t)1 << width) - 1;
  // A width of 0 has no words.
  if (width == 0) {
    for (size_t i = 0; i < count; i++) values[rows[i]] = 0;
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const uint32_t bit = (rows[i] >> 5) * width;
    const size_t word = (size_t)(bit >> 5) * 32 + (rows[i] & 31);
    uint32_t low;
    memcpy(&low, words + word, 4);
    uint64_t value = low;
    // Only bits beyond the first word have a second one.
    if ((bit & 31) + width > 32) {
      uint32_t high;
      memcpy(&high, words + word + 32, 4);
      value |= (uint64_t)high << 32;
    }
    values[rows[i]] = (uint32_t)(value >> (bit & 31) & mask);
  }
}

void tally_patch32(const uint8_t *gaps, const uint8_t *high, size_t high_limit, size_t count,
                   uint32_t width, uint32_t shift, uint32_t *values) {
  const uint64_t mask = ((uint64_t)1 << width) - 1;
  size_t row = (size_t)-1;
  size_t bit = 0;
  size_t index = 0;
  for (; index < count && (bit >> 3) + 8 <= high_limit; index++, bit += width) {
    uint64_t word;
    memcpy(&word, high + (bit >> 3), 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    row += gaps[index];
    values[row] |= (uint32_t)(word >> (bit & 7) & mask) << shift;
  }
  // The last few words would reach beyond the buffer.
  for (; index < count; index++, bit += width) {
    uint64_t word = 0;
    for (size_t byte = bit >> 3; byte < high_limit; byte++) {
      word |= (uint64_t)high[byte] << ((byte - (bit >> 3)) * 8);
    }
    row += gaps[index];
    values[row] |= (uint32_t)(word >> (bit & 7) & mask) << shift;
  }
}

uint64_t tally_sum_packed32(const uint8_t *packed, uint32_t width) {
  return chosen.sum_packed32(packed, width);
}

uint64_t tally_sum_bits(const uint8_t *bytes, size_t limit, size_t count, uint32_t width) {
  const uint64_t mask = ((uint64_t)1 << width) - 1;
  uint64_t total = 0;
  size_t bit = 0;
  for (size_t index = 0; index < count; index++, bit += width) {
    uint64_t word = 0;
    const size_t byte = bit >> 3;
    if (byte + 8 <= limit) {
      memcpy(&word, bytes + byte, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
      word = __builtin_bswap64(word);
#endif
    } else {
      for (size_t at = byte; at < limit; at++) word |= (uint64_t)bytes[at] << ((at - byte) * 8);
    }
    total += word >> (bit & 7) & mask;
  }
  return total;
}

uint64_t tally_sum32(const uint32_t *values, size_t count) { return chosen.sum32(values, count); }

void tally_group_first(const uint32_t *codes, size_t count, uint32_t last, uint32_t stride,
                       uint32_t start, uint32_t *ids) {
  chosen.group_first(codes, count, last, stride, start, ids);
}

void tally_group_next(const uint32_t *codes, size_t count, uint32_t last, uint32_t stride,
                      uint32_t *ids) {
  chosen.group_next(codes, count, last, stride, ids);
}

void tally_add32(uint32_t *values, size_t count, uint32_t addend) {
  chosen.add32(values, count, addend);
}

uint64_t tally_sum_bytes(const uint8_t *bytes, size_t count) {
  return chosen.sum_bytes(bytes, count);
}

void tally_mark_groups(const uint32_t *ids, size_t count, uint8_t *marks) {
  for (size_t i = 0; i < count; i++) marks[ids[i]] = 1;
}

void tally_count_groups(const uint32_t *ids, size_t count, int64_t *counts) {
  for (size_t i = 0; i < count; i++) counts[ids[i]] += 1;
}

void tally_mark_pairs(const uint32_t *ids, const uint32_t *codes, size_t count, size_t domain,
                      uint8_t *marks) {
  for (size_t i = 0; i < count; i++) marks[ids[i] * domain + codes[i]] = 1;
}

void tally_sum_groups(const uint32_t *raws, uint64_t base, uint64_t scale, const uint32_t *ids,
                      size_t count, uint64_t *sums) {
  if (scale == 1) {
    for (size_t i = 0; i < count; i++) sums[ids[i]] += base + raws[i];
  } else {
    for (size_t i = 0; i < count; i++) sums[ids[i]] += base + raws[i] * scale;
  }
}

void tally_bank_add(const tally_lane *lanes, size_t lane_count, const uint32_t *ids, size_t count,
                    uint64_t *bank, size_t copy) {
  if (lane_count == 2) {
    chosen.bank_add2(lanes, ids, count, bank, copy);
  } else {
    for (size_t lane = 0; lane + 4 <= lane_count; lane += 4) {
      chosen.bank_add4(lanes + lane, lane_count, ids, count, bank + lane, copy);
    }
  }
}

// Places are computed first, many at once: then nothing but the counters themselves is waited for.
void tally_bin_groups(const uint32_t *restrict raws, uint32_t offset, uint32_t scale,
                      const uint32_t *restrict ids, size_t count, tally_bins all) {
  uint32_t *restrict bins = all.bins;
  uint8_t *restrict marks = all.marks;
  uint32_t places[1024];
  for (size_t start = 0; start < count; start += 1024) {
    const size_t end = count - start < 1024 ? count - start : 1024;
    chosen.bin_places(raws + start, offset, scale, ids + start, end, all, places);
    for (size_t i = 0; i < end; i++) {
      bins[places[i]] += 1;
      marks[places[i] >> all.block_shift] = 1;
    }
  }
}

size_t tally_marked_groups(const uint8_t *marks, size_t count, uint32_t *groups) {
  size_t found = 0;
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    memcpy(&word, marks + i, 8);
    if (word == 0) continue;
    for (size_t k = i; k < i + 8; k++) {
      groups[found] = (uint32_t)k;
      found += marks[k];
    }
  }
  for (; i < count; i++) {
    groups[found] = (uint32_t)i;
    found += marks[i];
  }
  return found;
}

// Half a unit away from every integer, a quotient survives the rounding of the reciprocal.
void tally_divide32(uint32_t *values, size_t count, uint32_t divisor, uint32_t *remainders) {
  const double reciprocal = 1.0 / divisor;
  for (size_t i = 0; i < count; i++) {
    const uint32_t quotient = (uint32_t)(int64_t)((values[i] + 0.5) * reciprocal);
    remainders[i] = values[i] - quotient * divisor;
    values[i] = quotient;
  }
}

void tally_buckets32(const uint32_t *raws, size_t count, uint32_t offset, uint32_t width,
                     uint32_t *buckets) {
  const double reciprocal = 1.0 / width;
  const double start = offset + 0.5;
  for (size_t i = 0; i < count; i++) {
    buckets[i] = (uint32_t)(int64_t)((raws[i] + start) * reciprocal);
  }
}
