"""Checks requests, stores them, and sends their steps to the workers."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from uuid import UUID

import orjson
from confluent_kafka import Message

from .bus import CAPABILITIES, DEAD_LETTERS, REQUESTS, Record, serve
from .records import records_of_state, rejection, step_record
from .store import ACCEPT, READ_BY_EVENT, Store

MODELS = Path(os.environ.get("WINNOW_MODELS_DIRECTORY", "infra/models"))
MAX_BYTES, MAX_STEPS, MAX_ITEMS = 262_144, 16, 64

Plan = list[tuple[str, list[str]]]


class InvalidRequest(Exception):
    """A request that cannot be answered, and the reason for its sender."""


def plan(value: bytes | None, tasks: set[str]) -> Plan:
    """- Returns: task and items of each step.

    - Raises: InvalidRequest
    """
    try:
        body = orjson.loads(value if value and len(value) <= MAX_BYTES else b"")
    except orjson.JSONDecodeError:
        raise InvalidRequest("the body must be JSON of at most 256 KiB") from None
    wanted = body.get("steps") if isinstance(body, dict) else None
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MAX_STEPS or not all(isinstance(s, dict) for s in wanted):
        raise InvalidRequest(f"steps must hold 1 to {MAX_STEPS} steps")
    steps = [(f"{step.get('capability')}/{step.get('task')}", step.get("items")) for step in wanted]
    for (task, items), step in zip(steps, wanted):
        if task not in tasks or step.get("dependsOn"):
            raise InvalidRequest("steps: no such capability/task, or one with dependsOn")
        if (not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS
                or not all(isinstance(item, str) and item for item in items)):
            raise InvalidRequest(f"steps.items must hold 1 to {MAX_ITEMS} texts")
    return steps


def text(header: str | bytes | None) -> str:
    return header.decode(errors="replace") if isinstance(header, bytes) else header or ""


def new_id() -> UUID:
    """A UUID version 7, so that new rows are neighbours in the index."""
    value = int.from_bytes(os.urandom(10), "big") | time.time_ns() // 1_000_000 << 80
    return UUID(int=value & ~(0xF000 << 64 | 0xC << 60) | 0x7000 << 64 | 0x8 << 60)


def decomposer() -> None:
    store = Store()
    cards = [json.loads((MODELS / name / "card.json").read_text()) for name in CAPABILITIES]
    tasks = {f"{head['capability']}/{head['task']}" for card in cards for head in card["heads"]}

    def handle(batch: list[Message]) -> list[Record]:
        records: list[Record] = []
        requests: dict[tuple[str, str], tuple[UUID, Plan]] = {}
        for message in batch:
            headers = dict(message.headers() or [])
            event, tenant = (text(headers.get(name)) for name in ("ce_id", "ce_authid"))
            if not event:
                records.append((DEAD_LETTERS, message.key(), message.value(), [*headers.items()]))
                continue
            try:
                requests.setdefault((tenant or "default", event), (new_id(), plan(message.value(), tasks)))
            except InvalidRequest as fault:
                records.append(rejection(event, str(fault)))
        if requests:
            records += accept(store, requests)
        return records

    serve("decomposer", REQUESTS, handle)


def accept(store: Store, requests: dict[tuple[str, str], tuple[UUID, Plan]]) -> list[Record]:
    """Stores what is new and returns its steps. A request that is known already is a redelivery or a copy: its stored
    state is sent again."""
    new = {row[0] for row in store.run(
        ACCEPT, *zip(*((request, *key, len(steps)) for key, (request, steps) in requests.items())),
        *zip(*((request, ordinal, task, orjson.dumps(items).decode()) for request, steps in requests.values()
               for ordinal, (task, items) in enumerate(steps))))}
    records = [step_record(request, tenant, ordinal, *step) for (tenant, _), (request, steps) in requests.items()
               if request in new for ordinal, step in enumerate(steps)]
    if known := [key for key, (request, _) in requests.items() if request not in new]:
        records += records_of_state(store.run(READ_BY_EVENT, *zip(*known)))
    return records
