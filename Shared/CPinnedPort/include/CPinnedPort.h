#pragma once
#include <stdint.h>

/// The port of the next IPv4 socket of this process that is bound to any port; later ones get the ports behind it. 0 pins
/// nothing.
///
/// librdkafka's mock cluster always asks for a random port. A broker that is started again has to be found where its
/// clients look for it, so `bind` itself is replaced, in the one executable that links this.
void winnow_pin_port(uint16_t first);
