#include "CPatientWait.h"
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "C11's mutex is not POSIX's");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "C11's condition is not POSIX's");

enum { MILLISECOND = 1000000, SECOND = 1000000000 };

// Replaces the C library's function for librdkafka (2.0.2), which truncates the time to its next timer to whole
// milliseconds. It wakes up to one millisecond early and polls the clock until the timer is due, which is a quarter of
// an idle suite's processor time. Waiting one millisecond longer avoids this. The symbol is weak, so that a thread
// sanitizer can override it.
__attribute__((weak)) int cnd_timedwait(
    cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict deadline) {
    struct timespec later = {deadline->tv_sec, deadline->tv_nsec + MILLISECOND};
    if (later.tv_nsec >= SECOND) {
        later.tv_sec += 1;
        later.tv_nsec -= SECOND;
    }
    switch (pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, &later)) {
    case 0: return thrd_success;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}
