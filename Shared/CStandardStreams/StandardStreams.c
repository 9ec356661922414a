#include "CStandardStreams.h"

#include <fcntl.h>

// Before main: libdispatch opens descriptors of its own as soon as the first task runs.
__attribute__((constructor(101))) static void reserve(void) {
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int stream = 0; stream < 3; stream++) {
        // The lowest free number is the stream's, for all below it are taken by now. Each is opened the wrong way round, so
        // that reading from it, or writing to it, is still a failure.
        if (fcntl(stream, F_GETFD) == -1) (void)open("/dev/null", flags[stream]);
    }
}
