-- The state of requests and their steps.
--
-- The big tables have no foreign keys between them: each check would lock the row of the tenant, which is hot, and a partition
-- can only be dropped instantly if nothing references it. The store writes a request, its steps and its attempts in one
-- transaction, so they are stored together or not at all.
-- Compared texts are COLLATE "C": equality needs no locale, and C is the only collation that costs nothing.

CREATE TYPE winnow.channel AS ENUM ('human', 'machine');
CREATE TYPE winnow.request_state AS ENUM ('open', 'completed', 'rejected', 'failed', 'expired', 'cancelled');
CREATE TYPE winnow.step_state AS ENUM ('waiting', 'dispatched', 'answered', 'failed', 'expired', 'cancelled');

-- Not partitioned, so that (tenant, event id) is unique for as long as a request is kept. That constraint is the deduplication.
-- The fill factor leaves room on each page, so that progress updates rows in place (heap-only tuples) and only a final state
-- touches the indexes again.
CREATE TABLE winnow.request (
    request_id uuid PRIMARY KEY,
    accepted_at timestamptz NOT NULL,
    deadline_at timestamptz,
    progressed_at timestamptz NOT NULL,
    redrive_at timestamptz,
    completed_at timestamptz,
    erased_at timestamptz,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    flops bigint NOT NULL DEFAULT 0,
    cost_pico_usd bigint NOT NULL DEFAULT 0,
    full_model_input_tokens bigint NOT NULL DEFAULT 0,
    full_model_output_tokens bigint NOT NULL DEFAULT 0,
    full_model_flops bigint NOT NULL DEFAULT 0,
    full_model_cost_pico_usd bigint NOT NULL DEFAULT 0,
    place bigint,
    state winnow.request_state NOT NULL,
    channel winnow.channel,
    redrives smallint NOT NULL DEFAULT 0,
    -- A result is written once, and its cost is fixed when the request becomes final. Costs that arrive later change the totals
    -- above, which stay equal to the sum of the ledger rows. The result keeps its own figures in result_totals.
    cost_final boolean NOT NULL DEFAULT true,
    result_totals bigint[],
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL DEFAULT 'interactive',
    body_digest bytea,
    error text,
    traceparent text,
    CONSTRAINT request_event_unique UNIQUE (tenant_id, event_id),
    -- The re-drive and the reports would miss a final request without completed_at, or an open one with it.
    CONSTRAINT request_completed_when_final CHECK ((state = 'open') = (completed_at IS NULL)),
    CONSTRAINT request_lane_known CHECK (lane IN ('interactive', 'bulk')),
    CONSTRAINT request_body_digest_length CHECK (octet_length(body_digest) = 16)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE winnow.request IS
    'Requests of integrators and their results. The totals are summed from winnow.attempt when a request becomes final.';
COMMENT ON COLUMN winnow.request.redrive_at IS 'The emissions of the request are not repeated again before this time.';
COMMENT ON COLUMN winnow.request.erased_at IS
    'When the payload of the steps was erased. From then on the result is marked as erased.';
COMMENT ON COLUMN winnow.request.place IS
    'Where the request was read: a hash of topic, partition, offset and time. The same event id with the same place is a '
    'redelivery; with another place it is a copy.';
COMMENT ON COLUMN winnow.request.redrives IS 'How often the emissions of the request were repeated since it last made progress.';
COMMENT ON COLUMN winnow.request.cost_final IS 'Whether no call was open when the request became final.';
COMMENT ON COLUMN winnow.request.result_totals IS
    'The totals that the result states, kept if later costs changed the columns: input tokens, output tokens, flops and '
    'pico-USD, then the same for the full model.';
COMMENT ON COLUMN winnow.request.body_digest IS
    'The first 16 bytes of the SHA-256 of the accepted body. A request with the same id and another body is rejected.';

-- Finds requests without progress, because accepted_at is never later than progressed_at. progressed_at itself is not indexed, so
-- that it can be updated in place.
CREATE INDEX request_open ON winnow.request (accepted_at) WHERE state = 'open';
CREATE INDEX request_open_deadline ON winnow.request (deadline_at) WHERE state = 'open' AND deadline_at IS NOT NULL;
-- `winnow trace` and `winnow cancel` know the integrator's id, but not always the tenant. A hash index, because nothing queries a
-- range of ids, and ids may be long.
CREATE INDEX request_by_event_id ON winnow.request USING hash (event_id);

-- Partitioned by range of request_id: ids are UUID version 7 and begin with a timestamp in milliseconds, so one day is one range.
CREATE TABLE winnow.step (
    request_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    dispatched_at timestamptz,
    settled_at timestamptz,
    ordinal smallint NOT NULL,
    state winnow.step_state NOT NULL,
    depends_on smallint[] NOT NULL DEFAULT '{}',
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    -- json instead of jsonb, because it keeps \u0000, which texts from outside may contain, and no statement looks inside.
    items json NOT NULL,
    answers json,
    -- Kept with the step, so that a routing step that is emitted again carries the same guesses.
    guesses json,
    error text,
    PRIMARY KEY (request_id, ordinal),
    -- The admission check enforces the limit of a plan. A negative ordinal cannot be encoded in the id of a step.
    CONSTRAINT step_ordinal_not_negative CHECK (ordinal >= 0)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.step IS
    'One capability applied to the items of a request. Holds payload: only the roles of the services read it.';
COMMENT ON COLUMN winnow.step.guesses IS
    'For a routing step, one entry per item: the router''s answer if the router was not sure. Null for every other step.';

-- The default partition accepts rows whose own partition does not exist yet.
CREATE TABLE winnow.step_default PARTITION OF winnow.step DEFAULT WITH (fillfactor = 70);

CREATE TABLE winnow.cancellation (
    request_id uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL
);
COMMENT ON TABLE winnow.cancellation IS
    'Requests to be cancelled. The aggregator deletes a row after it has handled the cancellation.';

-- Emissions that background decisions call for and that the broker has not acknowledged yet. The transaction that decides writes
-- the row, and the row is deleted after the broker acknowledged the records. Each decision has a row of its own, so that a
-- decision made while an earlier one is carried out is not deleted with it.
CREATE TABLE winnow.owed_emission (
    emission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT owed_emission_kind_known CHECK (kind IN ('state', 'cancellation'))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.owed_emission IS
    'Emissions that the keeper still has to send: the ones that the state of a request calls for, or the notice of its '
    'cancellation.';

-- A transaction takes this lock before it changes the ledger of a request or makes the request final, so the second transaction
-- sees what the first one wrote. SECURITY DEFINER: the escalator writes the ledger and has no rights on requests.
CREATE FUNCTION winnow.lock_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM winnow.request AS r WHERE r.request_id = ANY (ids) ORDER BY r.request_id FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION winnow.lock_requests IS 'Locks requests in ascending order of id before their ledger changes.';
REVOKE ALL ON FUNCTION winnow.lock_requests FROM PUBLIC;
