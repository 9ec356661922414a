"""State and costs in Postgres by asyncpg: one statement a batch, its rows passed as arrays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

# A request that is known already is not written again, and neither are its steps.
ACCEPT = """
WITH arrived AS (
    INSERT INTO peer.request (request_id, tenant, event_id, steps, open_steps)
    SELECT *, n FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[]) AS u (id, tenant, event, n)
    ON CONFLICT DO NOTHING RETURNING request_id),
planned AS (
    INSERT INTO peer.step (request_id, ordinal, task, items)
    SELECT * FROM unnest($5::uuid[], $6::smallint[], $7::text[], $8::json[]) AS u (id, ordinal, task, items)
    WHERE (id IN (SELECT request_id FROM arrived)) IS TRUE)
SELECT request_id FROM arrived
"""
# A step is answered once and a call is charged once. What these rows gain is added to their request.
SETTLE = """
WITH charged AS (
    INSERT INTO peer.attempt (request_id, ordinal, kind, started_at, duration_us, input_tokens, cost_pico_usd,
        full_model_cost_pico_usd, items, task, tenant, model)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::integer[], $10::text[], $11::text[], $12::text[])
    ON CONFLICT DO NOTHING RETURNING request_id, input_tokens, cost_pico_usd, full_model_cost_pico_usd),
answered AS (
    UPDATE peer.step AS s SET answers = u.answers, settled_at = now()
    FROM unnest($13::uuid[], $14::smallint[], $15::json[]) AS u (id, ordinal, answers)
    WHERE s.request_id = u.id AND s.ordinal = u.ordinal AND s.answers IS NULL RETURNING s.request_id),
sums AS (
    SELECT request_id, sum(n) AS n, sum(tokens)::bigint AS tokens, sum(cost)::bigint AS cost,
        sum(full_cost)::bigint AS full_cost
    FROM (SELECT request_id, 1 AS n, 0 AS tokens, 0 AS cost, 0 AS full_cost FROM answered
          UNION ALL SELECT request_id, 0, input_tokens, cost_pico_usd, full_model_cost_pico_usd FROM charged) AS added
    GROUP BY request_id)
UPDATE peer.request AS r SET open_steps = open_steps - n, input_tokens = input_tokens + tokens,
    cost_pico_usd = cost_pico_usd + cost, full_model_cost_pico_usd = full_model_cost_pico_usd + full_cost,
    completed_at = CASE WHEN open_steps = n THEN now() END
FROM sums WHERE r.request_id = sums.request_id
RETURNING r.request_id, event_id, steps, open_steps, input_tokens, cost_pico_usd, full_model_cost_pico_usd
"""
# For requests of several steps, and for those that are delivered again.
READ = """
SELECT r.request_id, event_id, tenant, open_steps, input_tokens, cost_pico_usd, full_model_cost_pico_usd,
    ordinal, task, items, answers
FROM {} JOIN peer.step AS s USING (request_id) ORDER BY r.request_id, ordinal
"""
READ_BY_ID = READ.format("unnest($1::uuid[]) AS u (id) JOIN peer.request AS r ON r.request_id = id")
READ_BY_EVENT = READ.format(
    "unnest($1::text[], $2::text[]) AS u (t, e) JOIN peer.request AS r ON tenant = t AND event_id = e")


class Store:
    """One connection on one event loop without threads: a service does one thing at a time."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self.loop)
        file = os.environ.get("PGPASSWORD_FILE")
        # Plans use indexes only, as in Winnow's sessions: new tables have no statistics yet, and the first plan is kept.
        off = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan", "jit"), "off")
        self.connection = self.loop.run_until_complete(asyncpg.connect(
            password=Path(file).read_text().strip() if file else None,
            server_settings=off | {"plan_cache_mode": "force_generic_plan"}))

    def run(self, sql: str, *columns: Any) -> list[asyncpg.Record]:
        return self.loop.run_until_complete(self.connection.fetch(sql, *columns))

    def create_schema(self) -> None:
        self.loop.run_until_complete(self.connection.execute(Path(__file__).with_name("schema.sql").read_text()))

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
