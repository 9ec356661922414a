"""The services that run models: a worker for each capability, and the escalator with the full model."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from confluent_kafka import Message

from .bus import ESCALATIONS, OUTCOMES, Record, body, serve, steps_topic
from .classifier import Classifier, accept_thresholds
from .records import record

# Winnow's prices: a token of the full model costs 4,100 pico-USD, and any model costs the same for each FLOP.
FULL_MODEL_PICO_USD, FLOPS_PER_PICO_USD = 4100, 5210

Answer = dict[str, Any]
Attempt = dict[str, Any]


def classify(classifier: Classifier, kind: str, groups: list[tuple[str, list[str]]]) -> list[tuple[list[Answer], Attempt]]:
    """Calls the model once for each task of a batch.

    - Parameter groups: task and texts of each step.
    - Returns: answers and ledger row of each step. A step's share of the call's time is its share of the tokens.
    """
    by_task: dict[str, list[int]] = {}
    for index, (task, _) in enumerate(groups):
        by_task.setdefault(task, []).append(index)
    price = classifier.card["flops"]["perToken"] / FLOPS_PER_PICO_USD
    found: dict[int, tuple[list[Answer], Attempt]] = {}
    for task, indices in by_task.items():
        started, clock = datetime.now(timezone.utc).isoformat(), time.perf_counter()
        predictions = classifier.classify(task, [text for index in indices for text in groups[index][1]])
        micros_per_token = (time.perf_counter() - clock) * 1e6 / sum(tokens for *_, tokens in predictions)
        rest = iter(predictions)
        for index in indices:
            own = [next(rest) for _ in groups[index][1]]
            tokens = sum(tokens for *_, tokens in own)
            answers = [{"label": label, "confidence": confidence, "decidedBy": kind, "model": classifier.model}
                       for label, confidence, _ in own]
            found[index] = answers, {
                "kind": kind, "model": classifier.model, "items": len(own), "tokens": tokens, "startedAt": started,
                "micros": round(micros_per_token * tokens), "cost": round(tokens * price),
                "fullModelCost": tokens * FULL_MODEL_PICO_USD if kind == "worker" else 0}
    return [found[index] for index in range(len(groups))]


def worker(capability: str) -> None:
    classifier, thresholds = Classifier(capability), accept_thresholds(capability)

    def handle(batch: list[Message]) -> list[Record]:
        steps = list(map(body, batch))
        records = []
        asked = [(step["task"], step["items"]) for step in steps]
        for step, (answers, attempt) in zip(steps, classify(classifier, "worker", asked)):
            threshold = thresholds[step["task"]]
            step["answers"] = [answer if answer["confidence"] >= threshold else None for answer in answers]
            step["attempts"] = [attempt]
            topic, kind = (ESCALATIONS, "escalation") if None in step["answers"] else (OUTCOMES, "outcome")
            records.append(record(topic, step["requestId"], kind, step))
        return records

    serve(f"{capability}-worker", steps_topic(capability), handle)


def escalator() -> None:
    """Answers the items that a worker was not sure of; the others keep their answers."""
    classifier = Classifier("full")

    def handle(batch: list[Message]) -> list[Record]:
        steps = list(map(body, batch))
        open_items = [(step["task"], [text for text, answer in zip(step["items"], step["answers"]) if answer is None])
                      for step in steps]
        records = []
        for step, (answers, attempt) in zip(steps, classify(classifier, "full", open_items)):
            rest = iter(answers)
            step["answers"] = [answer or next(rest) for answer in step["answers"]]
            step["attempts"].append(attempt)
            records.append(record(OUTCOMES, step["requestId"], "outcome", step))
        return records

    serve("escalator", ESCALATIONS, handle)
