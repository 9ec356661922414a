#define _GNU_SOURCE
#include "CPinnedPort.h"
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int descriptor;
    uint16_t port;
} pinned[MOST];
static int count;
static uint16_t next_port;

void winnow_pin_port(uint16_t first) {
    pthread_mutex_lock(&lock);
    next_port = first;
    pthread_mutex_unlock(&lock);
}

// Replaces the C library's function for the whole process. The socket itself gets a random port that no client knows.
int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in asked;
    pthread_mutex_lock(&lock);
    if (next_port != 0 && count < MOST && address->sa_family == AF_INET && length >= sizeof asked) {
        memcpy(&asked, address, sizeof asked);
        if (asked.sin_port == 0) {
            pinned[count].descriptor = descriptor;
            pinned[count++].port = next_port++;
        }
    }
    pthread_mutex_unlock(&lock);
    return real(descriptor, address, length);
}

int getsockname(int descriptor, struct sockaddr *address, socklen_t *length) {
    int (*real)(int, struct sockaddr *, socklen_t *) =
        (int (*)(int, struct sockaddr *, socklen_t *))dlsym(RTLD_NEXT, "getsockname");
    int code = real(descriptor, address, length);
    if (code != 0 || *length < sizeof(struct sockaddr_in) || address->sa_family != AF_INET) return code;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++)
        if (pinned[i].descriptor == descriptor) ((struct sockaddr_in *)address)->sin_port = htons(pinned[i].port);
    pthread_mutex_unlock(&lock);
    return code;
}

static int open_one(int descriptor, uint16_t port) {
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return -1;
    // Connections of the previous process may still be closing, and answers must not wait for each other
    // (ListenSockets.swift).
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Replaces the socket that the mock cluster polls.
    int code = real(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 128) == 0
            && dup2(listener, descriptor) >= 0
        ? 0
        : -1;
    close(listener);
    return code;
}

int winnow_open_pinned_ports(void) {
    int code = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && code == 0; i++) code = open_one(pinned[i].descriptor, pinned[i].port);
    count = next_port = 0;
    pthread_mutex_unlock(&lock);
    return code;
}
