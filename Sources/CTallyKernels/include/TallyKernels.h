// Inner loops that gain from vector instructions chosen at run time.
//
// Every function exists in a portable form; on x86-64 a second copy compiled for AVX2 (SSE4.2 for
// the checksum) is chosen once, by CPU feature, when the process starts. No function allocates,
// keeps state or fails. Callers guarantee the buffer sizes named at each function.
#ifndef TALLY_KERNELS_H
#define TALLY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "TallyLinear.h"

/// Continues a CRC-32C (Castagnoli, reflected, inverted in and out); start from 0.
uint32_t tally_crc32c(uint32_t crc, const uint8_t *bytes, size_t byte_count);
/// The same by tables alone, so that tests can compare both.
uint32_t tally_crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t byte_count);

/// Unpacks 1,024 values of `width` 0...32 bits from 128 * width bytes in the layout of 32 lanes.
void tally_unpack32(const uint8_t *packed, uint32_t width, uint32_t *values);

/// The sum of 1,024 values in that layout.
uint64_t tally_sum_packed32(const uint8_t *packed, uint32_t width);
/// The sum of `count` integers of `width` 1...32 bits in sequence from bit 0 of `bytes` up, which
/// lie within `limit` bytes.
uint64_t tally_sum_bits(const uint8_t *bytes, size_t limit, size_t count, uint32_t width);

/// Unpacks `count` rows (each below 1,024) in that layout to their places; others are left as they
/// are.
void tally_unpack_rows32(const uint8_t *packed, uint32_t width, const uint16_t *rows,
                         size_t count, uint32_t *values);
/// Packs 1,024 values below 2^width; higher bits are cut off.
void tally_pack32(const uint32_t *values, uint32_t width, uint8_t *packed);
/// Unpacks 1,024 values of `width` 0...64 bits from 128 * width bytes in the layout of 16 lanes.
void tally_unpack64(const uint8_t *packed, uint32_t width, uint64_t *values);
void tally_pack64(const uint64_t *values, uint32_t width, uint8_t *packed);

/// values[i] = base + scale * raw[i], wrapping.
void tally_widen(const uint32_t *raw, size_t count, uint64_t base, uint64_t scale,
                 uint64_t *values);
/// values[i] = base + scale * values[i], wrapping.
void tally_affine64(uint64_t *values, size_t count, uint64_t base, uint64_t scale);
/// values[i] = base + scale * values[i], modulo 2^32.
void tally_affine32(uint32_t *values, size_t count, uint32_t base, uint32_t scale);

/// Running sum: state += values[i] + step; values[i] = state & mask.
void tally_prefix32(uint32_t *values, size_t count, uint32_t start, uint32_t step, uint32_t mask);
void tally_prefix64(uint64_t *values, size_t count, uint64_t start, uint64_t step, uint64_t mask);

/// Joins `plane_count` (0...4) planes, `stride` bytes apart, into 32-bit values.
void tally_join_planes32(const uint8_t *planes, size_t stride, uint32_t plane_count, size_t count,
                         uint32_t *values);
/// Joins `plane_count` (0...8) planes into 64-bit values.
void tally_join_planes64(const uint8_t *planes, size_t stride, uint32_t plane_count, size_t count,
                         uint64_t *values);
/// Writes byte p of every value to planes[p * count + i], for p in 0..<plane_count.
void tally_split_planes(const uint64_t *values, size_t count, uint32_t plane_count,
                        uint8_t *planes);

/// values[i] = table[values[i]]; every value must be an index of the table.
void tally_lookup32(const uint32_t *table, uint32_t *values, size_t count);
/// values[i] = table[min(values[i], last)].
void tally_gather32(const uint32_t *table, uint32_t last, uint32_t *values, size_t count);
/// out[i] = table[min(codes[i], last)].
void tally_gather64(const uint64_t *table, uint32_t last, const uint32_t *codes, size_t count,
                    uint64_t *out);
/// The sum of `count` values, below 2^32 of them.
uint64_t tally_sum32(const uint32_t *values, size_t count);

/// Patches exceptions into unpacked values: the i-th lies gaps[i] rows behind the one before (the
/// first behind row -1) and gets the i-th `width` (1...32) bits of `high` shifted left by `shift`.
/// `high_limit` bytes may be read from `high` on; rows stay within `values`.
void tally_patch32(const uint8_t *gaps, const uint8_t *high, size_t high_limit, size_t count,
                   uint32_t width, uint32_t shift, uint32_t *values);

/// Adds one to histogram[bit length of (values[i] - base)], 65 entries. Returns nothing else.
void tally_bit_lengths(const uint64_t *values, size_t count, uint64_t base, uint32_t *histogram);

/// ids[i] = start + stride * min(codes[i], last), modulo 2^32.
void tally_group_first(const uint32_t *codes, size_t count, uint32_t last, uint32_t stride,
                       uint32_t start, uint32_t *ids);
/// ids[i] += stride * min(codes[i], last), modulo 2^32.
void tally_group_next(const uint32_t *codes, size_t count, uint32_t last, uint32_t stride,
                      uint32_t *ids);
/// values[i] += addend, modulo 2^32.
void tally_add32(uint32_t *values, size_t count, uint32_t addend);
/// marks[ids[i]] = 1; every id must be an index of the marks. The same for those below.
void tally_mark_groups(const uint32_t *ids, size_t count, uint8_t *marks);
/// Writes the indexes of marks that are 1, ascending, with room for one more; returns their number.
size_t tally_marked_groups(const uint8_t *marks, size_t count, uint32_t *groups);
/// remainders[i] = values[i] % divisor; values[i] /= divisor. The divisor is at least 1.
void tally_divide32(uint32_t *values, size_t count, uint32_t divisor, uint32_t *remainders);
/// buckets[i] = (raws[i] + offset) / width, exact; width is at least 1.
void tally_buckets32(const uint32_t *raws, size_t count, uint32_t offset, uint32_t width,
                     uint32_t *buckets);
/// counts[ids[i]] += 1.
void tally_count_groups(const uint32_t *ids, size_t count, int64_t *counts);
/// marks[ids[i] * domain + codes[i]] = 1.
void tally_mark_pairs(const uint32_t *ids, const uint32_t *codes, size_t count, size_t domain,
                      uint8_t *marks);
/// sums[ids[i]] += base + scale * raws[i], wrapping.
void tally_sum_groups(const uint32_t *raws, uint64_t base, uint64_t scale, const uint32_t *ids,
                      size_t count, uint64_t *sums);

/// What rows add to one number of their group: base + scale * raws[i], or base where `raws` is NULL.
/// `scale` is below 2^32.
typedef struct {
  const uint32_t *raws;
  uint64_t base;
  uint64_t scale;
} tally_lane;
/// Adds every lane's numbers to those of group ids[i], which lie side by side in `bank`: 2, 4 or 8
/// lanes. Row i adds to one of four copies, `copy` numbers apart, so that neighbours of one group
/// do not wait for each other; 0: there is one.
void tally_bank_add(const tally_lane *lanes, size_t lane_count, const uint32_t *ids, size_t count,
                    uint64_t *bank, size_t copy);

/// Counters of every group, `bin_count` of them used and `stride` apart, a multiple of the block;
/// `marks` has one entry for each block of all groups. All counters are numbered by 32 bits.
typedef struct {
  uint32_t *bins;
  uint32_t bin_count;
  uint32_t stride;
  uint8_t *marks;
  /// Counters of a block are two to the power of this.
  uint32_t block_shift;
} tally_bins;
/// Counts bin offset + scale * raws[i], at most the last, of group ids[i], and marks its block.
/// Needs `offset` below `bin_count` and `scale` above 0.
void tally_bin_groups(const uint32_t *raws, uint32_t offset, uint32_t scale, const uint32_t *ids,
                      size_t count, tally_bins all);

/// The sum of `count` bytes.
uint64_t tally_sum_bytes(const uint8_t *bytes, size_t count);

/// Finds the fingerprints that an index of suffixes may have: all it has, and few others. Bucket b,
/// numbered by the `bucket_bits` (0...28) first bits of a fingerprint, has suffixes
/// `offsets[b]..<offsets[b + 1]`, the next 16 bits of its entries; 16 more may be read behind the
/// last. Writes the indexes of what was found to `hits`, which has room for `count`, and returns
/// their number. Fastest when fingerprints ascend.
size_t tally_probe_suffixes(const uint64_t *fingerprints, size_t count, const uint32_t *offsets,
                            const uint16_t *suffixes, uint32_t bucket_bits, uint32_t *hits);

#endif
