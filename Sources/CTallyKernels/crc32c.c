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

// The instruction takes three cycles and a new one can start in each: three streams side by side
// take a third of the time. What a stream of `stream_bytes` does to a state that comes before it is
// linear in the state's bits, so four tables of its bytes put the streams together.
enum { stream_bytes = 1024 };
static uint32_t shift_tables[4][256];

static uint32_t shifted(uint32_t state) {
  return shift_tables[0][state & 0xFF] ^ shift_tables[1][(state >> 8) & 0xFF] ^
         shift_tables[2][(state >> 16) & 0xFF] ^ shift_tables[3][state >> 24];
}

__attribute__((target("sse4.2"))) static void fill_shift_tables(void) {
  uint32_t basis[32];
  for (int bit = 0; bit < 32; bit++) {
    uint64_t state = (uint32_t)1 << bit;
    for (int word = 0; word < stream_bytes / 8; word++) state = _mm_crc32_u64(state, 0);
    basis[bit] = (uint32_t)state;
  }
  for (int table = 0; table < 4; table++) {
    for (int byte = 0; byte < 256; byte++) {
      uint32_t sum = 0;
      for (int bit = 0; bit < 8; bit++) {
        if (byte >> bit & 1) sum ^= basis[table * 8 + bit];
      }
      shift_tables[table][byte] = sum;
    }
  }
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  uint64_t state = (uint32_t)~crc;
  while (byte_count >= 3 * stream_bytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t offset = 0; offset < stream_bytes; offset += 8) {
      uint64_t words[3];
      memcpy(&words[0], bytes + offset, 8);
      memcpy(&words[1], bytes + stream_bytes + offset, 8);
      memcpy(&words[2], bytes + 2 * stream_bytes + offset, 8);
      state = _mm_crc32_u64(state, words[0]);
      second = _mm_crc32_u64(second, words[1]);
      third = _mm_crc32_u64(third, words[2]);
    }
    state = shifted((uint32_t)state) ^ (uint32_t)second;
    state = shifted((uint32_t)state) ^ (uint32_t)third;
    bytes += 3 * stream_bytes;
    byte_count -= 3 * stream_bytes;
  }
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
  if (__builtin_cpu_supports("sse4.2")) {
    fill_shift_tables();
    chosen = crc32c_sse42;
  }
}

uint32_t tally_crc32c(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  return chosen(crc, bytes, byte_count);
}

#else

uint32_t tally_crc32c(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
  return tally_crc32c_portable(crc, bytes, byte_count);
}

#endif
