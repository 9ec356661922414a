-- Two lanes: a request keeps the one that it came in, so that whatever is emitted for it later goes to that lane's topics.

ALTER TABLE winnow.request
    ADD COLUMN lane text COLLATE "C" NOT NULL DEFAULT 'interactive',
    ADD CONSTRAINT request_lane_known CHECK (lane IN ('interactive', 'bulk'));
ALTER TABLE winnow.submission
    ADD COLUMN lane text COLLATE "C" NOT NULL DEFAULT 'interactive',
    ADD CONSTRAINT submission_lane_known CHECK (lane IN ('interactive', 'bulk'));

-- Each tenant's next ones of a lane: a million of one must not be looked through for the other's.
DROP INDEX winnow.submission_waiting;
CREATE INDEX submission_waiting ON winnow.submission (lane, tenant_id, submitted_at) WHERE sent_at IS NULL;

CREATE OR REPLACE VIEW ops.request AS
SELECT request_id, tenant_id AS tenant, event_id, channel::text, state::text, error, accepted_at, deadline_at,
    completed_at,
    (extract(epoch FROM completed_at - accepted_at) * 1000)::bigint AS duration_ms,
    input_tokens, output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd, lane
FROM winnow.request;
COMMENT ON COLUMN ops.request.lane IS 'interactive, or bulk: worked off with what the interactive lane leaves.';

CREATE OR REPLACE VIEW ops.request_timeline AS
SELECT request_id, tenant_id AS tenant, accepted_at AS at, 'request accepted' AS event, NULL::smallint AS step,
    concat_ws(', ', channel, nullif(lane, 'interactive')) AS detail
FROM winnow.request
UNION ALL
SELECT request_id, tenant_id, completed_at, 'request ' || state, NULL,
    concat_ws(', ', 'cost ' || ops.usd(cost_pico_usd) || ' USD',
        'full model ' || ops.usd(full_model_cost_pico_usd) || ' USD', error)
FROM winnow.request WHERE completed_at IS NOT NULL
UNION ALL
SELECT s.request_id, r.tenant_id, s.dispatched_at, 'step dispatched', s.ordinal, s.capability || '/' || s.task
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id) WHERE s.dispatched_at IS NOT NULL
UNION ALL
SELECT s.request_id, r.tenant_id, s.settled_at, 'step ' || s.state, s.ordinal,
    concat_ws(', ', s.capability || '/' || s.task, s.error)
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id) WHERE s.settled_at IS NOT NULL
UNION ALL
SELECT request_id, tenant_id, started_at, 'call ' || state, step_ordinal,
    concat_ws(', ', kind || ' ' || model || '@' || version, items || ' items', input_tokens || ' input tokens',
        (duration_us / 1000.0)::numeric(20, 3) || ' ms', 'cost ' || ops.usd(cost_pico_usd) || ' USD', error)
FROM winnow.attempt;
