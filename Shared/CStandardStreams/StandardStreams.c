#include "CStandardStreams.h"

#include <fcntl.h>

// Runs before main, because libdispatch opens descriptors of its own when the first task runs.
__attribute__((constructor(101))) static void reserve(void) {
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int stream = 0; stream < 3; stream++) {
        // All lower numbers are in use, so the lowest free number is the stream's. Each stream is opened in the wrong
        // mode, so that reading from it or writing to it still fails.
        if (fcntl(stream, F_GETFD) == -1) (void)open("/dev/null", flags[stream]);
    }
}
