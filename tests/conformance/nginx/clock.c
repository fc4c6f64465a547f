/* The clocks of a program as told in a file: milliseconds, a 64-bit integer that may change at any time.
 * Preloaded into nginx, so that it lives in virtual time. CLOCK names the file. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile const uint64_t *milliseconds;

__attribute__((constructor)) static void open_clock(void) {
    int file = open(getenv("CLOCK"), O_RDONLY);
    milliseconds = mmap(NULL, sizeof *milliseconds, PROT_READ, MAP_SHARED, file, 0);
    if (milliseconds == MAP_FAILED) abort();
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    time->tv_sec = *milliseconds / 1000;
    time->tv_nsec = *milliseconds % 1000 * 1000000;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    time->tv_sec = *milliseconds / 1000;
    time->tv_usec = *milliseconds % 1000 * 1000;
    return 0;
}
