"""Kafka by confluent-kafka: topics, clients, and the loop that every service runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaException, Message, Producer

BATCH_SIZE, PARTITIONS = 1000, 6
CAPABILITIES = ("semantic-understanding", "software-development", "legal-services", "security-services")
REQUESTS, OUTCOMES, ESCALATIONS = "peer.requests", "peer.outcomes", "peer.escalations"
RESULTS, DEAD_LETTERS = "peer.results", "peer.dead-letters"

# Topic, key, value, headers.
Record = tuple[str, bytes | str | None, bytes | None, list[tuple[str, str | bytes | None]]]


def steps_topic(capability: str) -> str:
    return f"peer.steps.{capability}"


TOPICS = (REQUESTS, OUTCOMES, ESCALATIONS, RESULTS, DEAD_LETTERS, *map(steps_topic, CAPABILITIES))


def body(message: Message) -> Any:
    return orjson.loads(message.value() or b"")


def settings(**own: object) -> dict[str, object]:
    """librdkafka's settings; underscores stand for dots."""
    common = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "socket.nagle.disable": True,
              "log.connection.close": False}
    return common | {name.replace("_", "."): value for name, value in own.items()}


def producer(linger_ms: int) -> Producer:
    return Producer(settings(acks="all", enable_idempotence=True, linger_ms=linger_ms, partitioner="murmur2_random"))


def serve(service: str, topic: str, handle: Callable[[list[Message]], Iterable[Record]]) -> None:
    """Passes batches to `handle` and sends the records that it returns, until SIGTERM.

    At least once: offsets are committed after the batch is stored and its records are acknowledged. A fault ends the
    process before that, and the batch is read again.
    """
    stopping: list[bool] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    # 12 ms, as in Winnow: the embedded broker never answers a fetch early, so this is the price of an idle hop.
    consumer = Consumer(settings(
        group_id=f"peer.{service}", enable_auto_commit=False, auto_offset_reset="earliest", fetch_wait_max_ms=12,
        partition_assignment_strategy="cooperative-sticky", session_timeout_ms=6000, heartbeat_interval_ms=500))
    sender = producer(linger_ms=5)  # keeps the records of a batch together; flush() does not wait for it
    failures: list[object] = []
    consumer.subscribe([topic])
    while not stopping:
        first = consumer.poll(0.5)
        if first is None:
            continue
        batch = [first, *consumer.consume(BATCH_SIZE - 1, 0)]  # whatever else is there: batches grow with the load
        for message in batch:
            if message.error():
                raise KafkaException(message.error())
        for target, key, value, headers in handle(batch):
            sender.produce(target, value, key, headers=headers,
                           on_delivery=lambda error, _: failures.append(error) if error else None)
        sender.flush()
        if failures:
            raise KafkaException(failures[0])
        consumer.commit(asynchronous=True)
    consumer.close()
