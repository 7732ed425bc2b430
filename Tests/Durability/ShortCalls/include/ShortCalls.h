#ifndef SHORT_CALLS_H
#define SHORT_CALLS_H

#include <stdint.h>

/// Makes pread and pwrite of this program stop early or be interrupted, by chance.
///
/// Stands in front of the C library's calls of the same names (Linux only; elsewhere nothing
/// happens). A seed of 0 lets every call through as it is.
void short_calls_begin(uint64_t seed);

/// How many calls have stopped early or been interrupted.
uint64_t short_calls_count(void);

#endif
