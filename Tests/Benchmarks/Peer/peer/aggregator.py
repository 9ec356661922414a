"""Stores outcomes and their costs, and sends the results of requests that are complete."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from confluent_kafka import Message

from .bus import OUTCOMES, RESULTS, Record, body, serve
from .records import records_of_state, result_record
from .store import READ_BY_ID, SETTLE, Store


def aggregator() -> None:
    store = Store()

    def handle(batch: list[Message]) -> list[Record]:
        outcomes: dict[tuple[UUID, int], dict[str, Any]] = {}
        attempts = []
        for outcome in map(body, batch):
            request = UUID(outcome["requestId"])
            outcomes[request, outcome["step"]] = outcome
            attempts += [(request, outcome["step"], a["kind"], datetime.fromisoformat(a["startedAt"]), a["micros"],
                          a["tokens"], a["cost"], a["fullModelCost"], a["items"], outcome["task"], outcome["tenant"],
                          a["model"]) for a in outcome["attempts"]]
        rows = store.run(SETTLE, *zip(*attempts), *zip(*(
            (*key, orjson.dumps(outcome["answers"]).decode()) for key, outcome in outcomes.items())))
        records, rest = [], {request for request, _ in outcomes}
        for row in rows:
            if row["steps"] == 1 and row["open_steps"] == 0:
                outcome = outcomes[row["request_id"], 0]
                records.append(result_record(row, [(outcome["task"], outcome["items"], outcome["answers"])]))
                rest.discard(row["request_id"])
        # Requests of several steps, and those that were answered before, are read back.
        if rest:
            records += [one for one in records_of_state(store.run(READ_BY_ID, list(rest))) if one[0] == RESULTS]
        return records

    serve("aggregator", OUTCOMES, handle)
