// Tells ThreadSanitizer about two things that it does not see. Without ThreadSanitizer this file is empty.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

// A contended Swift `Mutex` is locked and unlocked inside its library, which is not instrumented: by a spin on the lock's word or
// by the kernel (futex(2), FUTEX_LOCK_PI). These two functions replace the library's own.

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef __attribute__((swiftcall)) void lock_slow_t(uint32_t thread, __attribute__((swift_context)) void *mutex);
typedef __attribute__((swiftcall)) void unlock_slow_t(__attribute__((swift_context)) void *mutex);

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

lock_slow_t lock_slow __asm__(LOCK_SLOW);
unlock_slow_t unlock_slow __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) {
    static _Atomic(lock_slow_t *) library;
    if (!library) library = (lock_slow_t *)dlsym(RTLD_NEXT, LOCK_SLOW);
    library(thread, mutex);
    __tsan_acquire(mutex);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) {
    static _Atomic(unlock_slow_t *) library;
    if (!library) library = (unlock_slow_t *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
    __tsan_release(mutex);
    library(mutex);
}

// A thread that librdkafka starts with C11's threads lacks the sanitizer's state, which crashes the process. The C library's two
// thread interfaces share one implementation, so each function here calls its POSIX counterpart.

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "C11's mutex is not POSIX's");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "C11's condition is not POSIX's");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "C11's thread is not POSIX's");

static int result(int error) {
    switch (error) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
    }
}

struct start {
    thrd_start_t function;
    void *argument;
};

static void *begin(void *start) {
    struct start copy = *(struct start *)start;
    free(start);
    return (void *)(intptr_t)copy.function(copy.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    struct start *start = malloc(sizeof *start);
    if (!start) return thrd_nomem;
    *start = (struct start){function, argument};
    int error = pthread_create((pthread_t *)thread, NULL, begin, start);
    if (error) free(start);
    return result(error);
}

int thrd_join(thrd_t thread, int *value) {
    void *end = NULL;
    int error = pthread_join((pthread_t)thread, &end);
    if (!error && value) *value = (int)(intptr_t)end;
    return result(error);
}

int mtx_init(mtx_t *mutex, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}

void mtx_destroy(mtx_t *mutex) { pthread_mutex_destroy((pthread_mutex_t *)mutex); }
int mtx_lock(mtx_t *mutex) { return result(pthread_mutex_lock((pthread_mutex_t *)mutex)); }
int mtx_unlock(mtx_t *mutex) { return result(pthread_mutex_unlock((pthread_mutex_t *)mutex)); }
int cnd_init(cnd_t *condition) { return result(pthread_cond_init((pthread_cond_t *)condition, NULL)); }
void cnd_destroy(cnd_t *condition) { pthread_cond_destroy((pthread_cond_t *)condition); }
int cnd_signal(cnd_t *condition) { return result(pthread_cond_signal((pthread_cond_t *)condition)); }
int cnd_broadcast(cnd_t *condition) { return result(pthread_cond_broadcast((pthread_cond_t *)condition)); }

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    return result(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}
#endif
#endif
