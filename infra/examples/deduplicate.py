"""Reads all results as CloudEvents and acts on each of them once, even if it arrives twice.

    deduplicate.py DATABASE          needs KAFKA_BOOTSTRAP_SERVERS; ends at the end of the topic

A result may arrive twice: after a crash, or because its request was sent again. Both records have the same `ce_id` and the same
content. The transaction that acts on the result also stores the id, so either both happen or neither.
"""

import os
import sqlite3
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

TOPIC = "winnow.results.v1"
SETTINGS = {
    "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "group.id": "integrator.deduplicate",
    "auto.offset.reset": "earliest",
    # Offsets are committed after the transaction, never before it.
    "enable.auto.commit": False,
    "enable.partition.eof": True,
}


def open_database(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE IF NOT EXISTS seen (source TEXT, id TEXT, PRIMARY KEY (source, id))")
    database.execute("CREATE TABLE IF NOT EXISTS answer (request TEXT, status TEXT, cost_pico_usd INTEGER)")
    return database


def act_once(database: sqlite3.Connection, message: Message) -> bool:
    """Returns False if the result was handled before."""
    event = from_binary(KafkaMessage(dict(message.headers()), message.key(), message.value()), JSONFormat())
    with database:  # one transaction
        inserted = database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (event.get_source(), event.get_id()))
        if inserted.rowcount == 0:
            return False
        result = event.get_data()
        database.execute("INSERT INTO answer VALUES (?, ?, ?)", (result["id"], result["status"], result["cost"]["picoUSD"]))
    return True


def main() -> int:
    database = open_database(sys.argv[1])
    consumer = Consumer(SETTINGS)
    consumer.subscribe([TOPIC])
    ended: set[int] = set()
    new = again = 0
    while not ended or len(ended) < len(consumer.assignment()):
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        elif message.error():
            raise KafkaException(message.error())
        elif act_once(database, message):
            new += 1
            consumer.commit(message, asynchronous=False)
        else:
            again += 1
            consumer.commit(message, asynchronous=False)
    consumer.close()
    print(f"{new} new results, {again} repeated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
