#pragma once
#include <librdkafka/rdkafka.h>
// The mock cluster's header uses the types of rdkafka.h, so it must come after it.
#include <librdkafka/rdkafka_mock.h>

/// rd_kafka_producev is variadic, and Swift cannot call it. Key and value are copied. librdkafka owns the headers if
/// this returns 0. It never blocks: a full queue gives RD_KAFKA_RESP_ERR__QUEUE_FULL.
static inline rd_kafka_resp_err_t winnow_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, const void *key, size_t key_size, const void *value,
    size_t value_size, rd_kafka_headers_t *headers, void *opaque) {
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque),
        RD_KAFKA_V_END);
}
