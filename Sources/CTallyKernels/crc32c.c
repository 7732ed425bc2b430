#include "include/TallyKernels.h"

// CRC-32C by slicing: eight tables, eight bytes a step (M. Kounavis and F. Berry, "Novel
// Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).

static uint32_t tables[8][256];

__attribute__((constructor)) static void fill_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
    }
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++) {
    for (int slice = 1; slice < 8; slice++) {
      uint32_t previous = tables[slice - 1][byte];
      tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xFF];
    }
  }
}

uint32_t tally_crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  crc = ~crc;
  while (byte_count >= 8) {
    uint32_t low = crc ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                          (uint32_t)bytes[3] << 24);
    crc = tables[7][low & 0xFF] ^ tables[6][(low >> 8) & 0xFF] ^ tables[5][(low >> 16) & 0xFF] ^
          tables[4][low >> 24] ^ tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^
          tables[0][bytes[7]];
    bytes += 8;
    byte_count -= 8;
  }
  while (byte_count-- > 0) crc = (crc >> 8) ^ tables[0][(crc ^ *bytes++) & 0xFF];
  return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>
#include <string.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  uint64_t state = (uint32_t)~crc;
  while (byte_count >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    state = _mm_crc32_u64(state, word);
    bytes += 8;
    byte_count -= 8;
  }
  uint32_t tail = (uint32_t)state;
  while (byte_count-- > 0) tail = _mm_crc32_u8(tail, *bytes++);
  return ~tail;
}

static uint32_t (*chosen)(uint32_t, const uint8_t *, size_t) = tally_crc32c_portable;

__attribute__((constructor)) static void choose(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) chosen = crc32c_sse42;
}

uint32_t tally_crc32c(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  return chosen(crc, bytes, byte_count);
}

#else

uint32_t tally_crc32c(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  return tally_crc32c_portable(crc, bytes, byte_count);
}

#endif
