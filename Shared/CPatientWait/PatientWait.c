#include "CPatientWait.h"
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "C11's mutex is not POSIX's");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "C11's condition is not POSIX's");

enum { MILLISECOND = 1000000, SECOND = 1000000000 };

// Found before the C library's by librdkafka, which cuts the time to its next timer to whole milliseconds, wakes up within
// one before it is due, and does nothing but ask the clock until then: a quarter of what an idle suite takes (2.0.2). A
// millisecond later it finds the timer due. Weak, so that what watches the threads of a test may stand before it.
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
