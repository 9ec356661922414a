"""Puts a system under load through its topics, in the same way for both systems."""

from __future__ import annotations

import gzip
import json
import random
import time
import uuid
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

from .bus import PARTITIONS, body, producer, settings

TOPICS = {"winnow": ("winnow.requests.v1", "winnow.results.v1"), "peer": ("peer.requests", "peer.results")}
TASKS = ("semantic-understanding.intent", "software-development.issue-type", "legal-services.clause-type",
         "legal-services.unfair-term", "security-services.payload", "security-services.prompt-attack")

Texts = dict[str, list[str]]
Report = dict[str, Any]


def read_texts(directory: Path) -> Texts:
    return {task: [json.loads(line)["text"] for line in gzip.open(directory / f"{task}.val.jsonl.gz", "rt")]
            for task in TASKS}


def requests(texts: Texts, mix: str, count: int, seed: int) -> list[bytes]:
    """machine: 2 payloads a request. mixed: 1 to 4 items of one task, tasks drawn by the number of their texts."""
    chance, bodies = random.Random(seed), []
    tasks = ["security-services.payload"] if mix == "machine" else TASKS
    for task in chance.choices(tasks, [len(texts[task]) for task in tasks], k=count):
        capability, name = task.split(".")
        items = chance.choices(texts[task], k=2 if mix == "machine" else chance.randint(1, 4))
        step = {"capability": capability, "task": name, "items": items}
        bodies.append(orjson.dumps({"channel": "machine", "steps": [step]}))
    return bodies


class Load:
    """Writes requests and reads results, from what the topic holds at its start on."""

    def __init__(self, system: str) -> None:
        self.topic, results = TOPICS[system]
        self.producer = producer(linger_ms=0)
        self.consumer = Consumer(settings(group_id=f"load-{uuid.uuid4()}", enable_auto_commit=False, fetch_wait_max_ms=12))
        partitions = [TopicPartition(results, number) for number in range(PARTITIONS)]
        for partition in partitions:
            partition.offset = self.consumer.get_watermark_offsets(partition, timeout=20)[1]
        self.consumer.assign(partitions)

    def close(self) -> None:
        """Ends both clients while the broker is still there."""
        self.consumer.close()
        self.producer.flush()
        del self.producer

    def run(self, bodies: list[bytes], in_flight: int = 0, rate: int = 0, patience: float = 30) -> Report:
        """Sends all requests and waits for their results.

        - Parameter in_flight: to completion, with so many under way at most.
        - Parameter rate: open loop. Request n is sent n / rate seconds after the first, answered or not, and its latency
          counts from that time, so that a stall is charged to everything that would have been sent meanwhile.
        - Parameter patience: after so many seconds without a result the rest is missing.
        """
        tally, run, count, sent, late = Tally(), uuid.uuid4().hex, len(bodies), 0, 0.0
        scheduled: dict[str, float] = {}
        start = last = time.perf_counter() + (0.1 if rate else 0)
        while len(tally.latencies) < count and time.perf_counter() - last < patience:
            now = time.perf_counter()
            due = min(count, max(0, int((now - start) * rate) + 1) if rate else len(tally.latencies) + in_flight)
            for index in range(sent, due):
                event = f"{run}/{index}"
                scheduled[event] = time_due = start + index / rate if rate else now
                late = max(late, now - time_due)
                self.producer.produce(self.topic, bodies[index], event, headers=[
                    ("ce_specversion", "1.0"), ("ce_type", "winnow.request.v1"), ("ce_source", "/load"),
                    ("ce_id", event), ("ce_authid", "load"), ("content-type", "application/json")])
            sent = max(sent, due)
            self.producer.poll(0)
            wait = start + sent / rate - time.perf_counter() if rate and sent < count else 0.2
            first = self.consumer.poll(min(0.2, max(0.001, wait)))
            now = time.perf_counter()
            for message in [first, *self.consumer.consume(2000, 0)] if first is not None else []:
                result = body(message) if not message.error() else {}
                event = result.get("id", "")
                if event in scheduled:
                    tally.add(int(event.rpartition("/")[2]), result, (now - scheduled.pop(event)) * 1000)
                    last = now
        return tally.report(count, max(last - start, 1e-9)) | {"latestSend": round(late * 1000, 2)}


class Tally:
    """Counts results."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.labels: dict[int, list[str]] = {}
        self.items = self.items_escalated = self.requests_escalated = self.not_completed = 0

    def add(self, index: int, result: dict[str, Any], milliseconds: float) -> None:
        self.latencies.append(milliseconds)
        items = [item for step in result["steps"] for item in step["items"]]
        escalated = sum(item.get("decidedBy") == "full" for item in items)
        self.labels[index] = [item.get("label") for item in items]
        self.items += len(items)
        self.items_escalated += escalated
        self.requests_escalated += escalated > 0
        self.not_completed += result["status"] != "completed"

    def report(self, count: int, seconds: float) -> Report:
        """- Produces: with `labels` of every request, by its number."""
        answered, ordered = len(self.latencies), sorted(self.latencies)
        p50, p95, p99 = (round(ordered[int(share * (answered - 1))], 2) if ordered else None for share in (.5, .95, .99))
        return {"requests": count, "missing": count - answered, "notCompleted": self.not_completed, "items": self.items,
                "itemsEscalated": self.items_escalated, "requestsEscalated": self.requests_escalated,
                "seconds": round(seconds, 3), "requestsPerSecond": round(answered / seconds, 1),
                "p50": p50, "p95": p95, "p99": p99, "labels": self.labels}
