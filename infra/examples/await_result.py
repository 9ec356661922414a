"""Sends a request and awaits its result.

    await_result.py TEXT...          needs KAFKA_BOOTSTRAP_SERVERS

Reads the results topic without a consumer group, because it needs only results that arrive after the request was sent. A service
that must not miss a result reads with a group, like deduplicate.py.
"""

import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

REQUESTS, RESULTS = "winnow.requests.v1", "winnow.results.v1"
TENANT = "examples"
TIMEOUT_SECONDS = 60
BROKER = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]}


def read_from_now_on() -> Consumer:
    """Reads every partition of the results topic from its current end. A group id is required but not used."""
    consumer = Consumer({**BROKER, "group.id": "integrator.await-result", "enable.auto.commit": False})
    partitions = consumer.list_topics(RESULTS, timeout=10).topics[RESULTS].partitions
    places = [TopicPartition(RESULTS, number) for number in partitions]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign(places)
    return consumer


def send(request_id: str, text: str) -> None:
    """Sends a CloudEvent in binary mode: attributes are headers, data is the value."""
    failures = []
    producer = Producer({**BROKER, "enable.idempotence": True})
    producer.produce(
        REQUESTS, key=request_id, value=json.dumps({"text": text}),
        headers={"ce_specversion": "1.0", "ce_type": "winnow.request.v1", "ce_source": "/examples/await-result",
                 "ce_id": request_id, "ce_authid": TENANT, "content-type": "application/json"},
        on_delivery=lambda error, _: failures.append(error) if error else None)
    if producer.flush(10) or failures:
        raise SystemExit(f"the broker did not accept the request: {failures}")


def await_result(consumer: Consumer, request_id: str) -> dict:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        headers = dict(message.headers() or [])
        # Ids are only unique within a tenant.
        if headers.get("ce_causationid") == request_id.encode() and headers.get("ce_authid") == TENANT.encode():
            return json.loads(message.value())
    # The request is not lost. Sent again under the same id, it gives the same result.
    raise SystemExit(f"no result of {request_id} after {TIMEOUT_SECONDS} s")


def main() -> int:
    request_id = str(uuid.uuid4())
    consumer = read_from_now_on()
    try:
        send(request_id, " ".join(sys.argv[1:]))
        result = await_result(consumer, request_id)
    finally:
        consumer.close()
    print(result["status"], result.get("error", ""))
    for step in result["steps"]:
        for item in step.get("items", []):
            print(f"  {step['capability']}/{step['task']}: {item['label']} ({item['decidedBy']}): {item['text']}")
    return 0 if result["status"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
