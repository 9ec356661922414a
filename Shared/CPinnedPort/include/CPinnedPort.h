#pragma once
#include <stdint.h>

/// The port on which the next IPv4 socket that is bound to any port seems to listen; later ones get the ports behind it.
/// 0 pins nothing. Nobody reaches them before `winnow_open_pinned_ports`.
///
/// librdkafka's mock cluster always asks for a random port, and takes calls before its topics are made. A broker that is
/// started again has to be found where its clients look for it, and not by a client that creates a topic before it does.
/// So `bind` and `getsockname` themselves are replaced, in the one executable that links this.
void winnow_pin_port(uint16_t first);

/// Listens on the pinned ports instead of the random ones.
/// - Returns: 0, or -1 with `errno` where a port is taken.
int winnow_open_pinned_ports(void);
