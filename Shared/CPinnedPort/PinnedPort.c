#define _GNU_SOURCE
#include "CPinnedPort.h"
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

static _Atomic uint16_t next_port;

void winnow_pin_port(uint16_t first) { atomic_store(&next_port, first); }

// Found before the C library's by every caller in the process.
int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in pinned;
    if (atomic_load(&next_port) == 0 || address->sa_family != AF_INET || length < sizeof pinned)
        return real(descriptor, address, length);
    memcpy(&pinned, address, sizeof pinned);
    if (pinned.sin_port != 0) return real(descriptor, address, length);
    // Connections of the process before may still be closing.
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    pinned.sin_port = htons(atomic_fetch_add(&next_port, 1));
    return real(descriptor, (const struct sockaddr *)&pinned, sizeof pinned);
}
