#define _GNU_SOURCE
#include "ShortCalls.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>

static _Atomic uint64_t seed;
static _Atomic uint64_t state;
static _Atomic uint64_t count;

void short_calls_begin(uint64_t new_seed) {
  atomic_store(&state, new_seed);
  atomic_store(&seed, new_seed);
}

uint64_t short_calls_count(void) { return atomic_load(&count); }

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>

/// The bytes a call may move, or 0 to interrupt it.
static size_t allowed(size_t wanted) {
  if (atomic_load(&seed) == 0 || wanted == 0) return wanted;
  uint64_t word = atomic_fetch_add(&state, UINT64_C(0x9E3779B97F4A7C15));
  word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
  word ^= word >> 31;
  // Half as it is, a quarter interrupted, a quarter short.
  if (word & 1) return wanted;
  atomic_fetch_add(&count, 1);
  if (word & 2) return 0;
  return 1 + (size_t)(word >> 8) % wanted;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t wanted, off_t offset) {
  size_t moved = allowed(wanted);
  if (moved == 0 && wanted > 0) {
    errno = EINTR;
    return -1;
  }
  return syscall(SYS_pwrite64, descriptor, bytes, moved, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t wanted, off_t offset) {
  size_t moved = allowed(wanted);
  if (moved == 0 && wanted > 0) {
    errno = EINTR;
    return -1;
  }
  return syscall(SYS_pread64, descriptor, bytes, moved, offset);
}
#endif
