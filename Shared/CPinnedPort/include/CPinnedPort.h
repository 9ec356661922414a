#pragma once
#include <stdint.h>

/// Sets a fixed port for the next IPv4 socket that this process binds to any port (port 0); later sockets get the
/// following ports. `getsockname` reports the fixed ports at once, but nobody can connect before
/// `winnow_open_pinned_ports`. 0 keeps random ports.
///
/// librdkafka's mock cluster always uses a random port, and accepts connections before its topics exist. Clients must
/// find a restarted broker at the same address, and must not create a topic before the broker does. So the one
/// executable that links this replaces `bind` and `getsockname`.
void winnow_pin_port(uint16_t first);

/// Listens on the pinned ports instead of the random ones.
/// - Returns: 0, or -1 with `errno` if a port is taken.
int winnow_open_pinned_ports(void);
