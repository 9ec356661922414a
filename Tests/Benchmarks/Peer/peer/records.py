"""The records that services exchange: CloudEvents in binary mode, bodies in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson

from .bus import RESULTS, Record, steps_topic


def record(topic: str, request: str, kind: str, body: dict[str, Any]) -> Record:
    event = f"{request}/{body['step']}" if "step" in body else request
    return topic, request, orjson.dumps(body), [
        ("ce_specversion", "1.0"), ("ce_type", f"peer.{kind}"), ("ce_source", "/peer"), ("ce_id", event),
        ("content-type", "application/json")]


def step_record(request: UUID, tenant: str, ordinal: int, task: str, items: list[str]) -> Record:
    body = {"requestId": str(request), "tenant": tenant, "step": ordinal, "task": task, "items": items}
    return record(steps_topic(task.split("/")[0]), str(request), "step", body)


def result_record(request: Mapping[str, Any], steps: Iterable[tuple[str, list[str], list[dict[str, Any]]]]) -> Record:
    """- Parameter steps: task, items and answers of each."""
    answered = []
    for task, items, answers in steps:
        capability, name = task.split("/")
        answered.append({"capability": capability, "task": name, "status": "answered", "items": [
            {"text": text, "span": [0, len(text)], **answer} for text, answer in zip(items, answers)]})
    return record(RESULTS, str(request["request_id"]), "result", {
        "id": request["event_id"], "requestId": str(request["request_id"]), "status": "completed", "steps": answered,
        "usage": {"inputTokens": request["input_tokens"]},
        "cost": {"picoUSD": request["cost_pico_usd"], "fullModelPicoUSD": request["full_model_cost_pico_usd"]}})


def rejection(event: str, reason: str) -> Record:
    return record(RESULTS, event, "result", {"id": event, "status": "rejected", "error": reason, "steps": []})


def records_of_state(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """What stored requests call for: the result of a complete one, the open steps of any other.

    - Parameter rows: steps joined with their requests.
    """
    requests: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in rows:
        requests.setdefault(row["request_id"], []).append(row)
    records = []
    for steps in requests.values():
        if steps[0]["open_steps"] == 0:
            records.append(result_record(steps[0], [
                (step["task"], orjson.loads(step["items"]), orjson.loads(step["answers"])) for step in steps]))
        else:
            records += [step_record(step["request_id"], step["tenant"], step["ordinal"], step["task"],
                                    orjson.loads(step["items"])) for step in steps if step["answers"] is None]
    return records
