#pragma once
#include <librdkafka/rdkafka.h>
// The mock cluster builds on the types of rdkafka.h, so it must follow it.
#include <librdkafka/rdkafka_mock.h>
