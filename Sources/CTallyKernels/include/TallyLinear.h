// Linear functions of columns, and packing what they give. All arithmetic is modulo 2^64; signed
// numbers are passed by their bits.
#ifndef TALLY_LINEAR_H
#define TALLY_LINEAR_H

#include <stddef.h>
#include <stdint.h>

/// sums[i] = p[0] + sum over terms of terms[t][i] * p[t + 1], with p the entries of `prices` for
/// row rows[i]: term_count + 1 each; rows beyond `last` count as `last`. `rows` is not looked at
/// if `last` is 0. term_count is 1...8.
void tally_linear_sums(const uint32_t *const *terms, uint32_t term_count, const uint64_t *prices,
                       uint32_t last, const uint32_t *rows, size_t count, uint64_t *sums);

/// sums[i] += term[i] * coefficients[rows[i]]; rows beyond `last` count as `last`.
void tally_linear_term(const uint64_t *term, const uint64_t *coefficients, uint32_t last,
                       const uint32_t *rows, size_t count, uint64_t *sums);

/// sums[i] = sums[i] / scale as signed numbers, rounded to nearest, halves to even. `scale` is
/// 1...2^62.
void tally_round_half_even(uint64_t *sums, size_t count, uint64_t scale);

/// The least of signed values; the greatest number if there are none.
int64_t tally_least64(const uint64_t *values, size_t count);

/// out[i] = (values[i] - base) / divisor; `divisor` is at least 1. Returns 0 if a quotient is not
/// whole or, like the divisor, exceeds 32 bits.
int tally_quotients32(const uint64_t *values, size_t count, uint64_t base, uint64_t divisor,
                      uint32_t *out);

/// Bytes that `tally_pack_patched32` writes at most.
#define TALLY_PACKED_BYTES_MAX 12288

/// Packs a block of 1,024 values as docs/file-format.md has it, without header: low bits
/// transposed, gaps, high bits. The width is that of fewest bytes by a sample, an exception counted
/// for more than it takes because scans patch it. Returns the bytes written; shape: width,
/// exception count, exception width.
size_t tally_pack_patched32(const uint32_t *values, uint8_t *packed, uint32_t shape[3]);

#endif
