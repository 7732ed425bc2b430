#ifndef TALLY_FUZZER_H
#define TALLY_FUZZER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own loop, for programs that have a main of their own. It is there only in programs
   that are linked with -sanitize=fuzzer. */
int LLVMFuzzerRunDriver(int *argument_count, char ***arguments,
                        int (*callback)(const uint8_t *bytes, size_t count));

#endif
