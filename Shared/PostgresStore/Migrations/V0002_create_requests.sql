-- The state of requests and their steps.
--
-- The big tables have no foreign keys between them: checking each row would lock the one hot tenant row, and a partition can be
-- dropped instantly only when nothing refers to it. The store writes a request, its steps and its attempts in one transaction,
-- so nothing can be half there.
-- Texts that are compared are COLLATE "C": equality needs no locale, and C is the only collation that costs nothing.

CREATE TYPE winnow.channel AS ENUM ('human', 'machine');
CREATE TYPE winnow.request_state AS ENUM ('open', 'completed', 'rejected', 'failed', 'expired', 'cancelled');
CREATE TYPE winnow.step_state AS ENUM ('waiting', 'dispatched', 'answered', 'failed', 'expired', 'cancelled');

-- Not partitioned, so that (tenant, event id) can be unique for as long as a request is kept: that constraint is the
-- deduplication. Free room on each page lets progress update in place (heap-only tuples): only a final state touches the
-- indexes again.
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
    -- above, which stay equal to the sum of the ledger rows, but not what the result says: that is kept in result_totals.
    cost_final boolean NOT NULL DEFAULT true,
    result_totals bigint[],
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL DEFAULT 'interactive',
    body_digest bytea,
    error text,
    traceparent text,
    CONSTRAINT request_event_unique UNIQUE (tenant_id, event_id),
    -- The re-drive and the reports would miss a final request without an end, or an open one with an end.
    CONSTRAINT request_completed_when_final CHECK ((state = 'open') = (completed_at IS NULL)),
    CONSTRAINT request_lane_known CHECK (lane IN ('interactive', 'bulk')),
    CONSTRAINT request_body_digest_length CHECK (octet_length(body_digest) = 16)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE winnow.request IS 'What integrators asked, and what became of it. Totals are summed from winnow.attempt when a request becomes final.';
COMMENT ON COLUMN winnow.request.redrive_at IS 'Not before this instant they are repeated again.';
COMMENT ON COLUMN winnow.request.erased_at IS 'When the payload of its steps was erased; its result is marked so from then on.';
COMMENT ON COLUMN winnow.request.place IS 'A number of where the request was read: a hash of topic, partition, offset and time. What comes from there again was delivered again; what comes from elsewhere is a copy.';
COMMENT ON COLUMN winnow.request.redrives IS 'How often its emissions were repeated since it last made progress.';
COMMENT ON COLUMN winnow.request.cost_final IS 'Whether no call was open when the request became final.';
COMMENT ON COLUMN winnow.request.result_totals IS 'Totals as the result gives them, where later costs have changed the others: tokens in and out, flops, pico-USD; then the full model''s.';
COMMENT ON COLUMN winnow.request.body_digest IS 'The first 16 bytes of the SHA-256 of the body that was accepted; another body under the same id is rejected.';

-- A request that makes no progress was accepted before it last made progress, so this index finds it. progressed_at itself is
-- not indexed, so that it can be updated in place.
CREATE INDEX request_open ON winnow.request (accepted_at) WHERE state = 'open';
CREATE INDEX request_open_deadline ON winnow.request (deadline_at) WHERE state = 'open' AND deadline_at IS NOT NULL;
-- `winnow trace` and `winnow cancel` know the integrator's id, and not always the tenant. A hash index, because nobody asks for
-- a range of ids, and ids may be long.
CREATE INDEX request_by_event_id ON winnow.request USING hash (event_id);

-- Partitioned by range of request_id: ids are UUID version 7 and begin with their millisecond, so a day is a range.
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
    -- json and not jsonb: it keeps \u0000, which texts from outside may hold, and nothing here looks inside.
    items json NOT NULL,
    answers json,
    -- Kept with the step, so that a routing that is emitted again carries the same guesses.
    guesses json,
    error text,
    PRIMARY KEY (request_id, ordinal),
    -- The plan's limit is checked at the door; a negative ordinal could not be written into a step's id.
    CONSTRAINT step_ordinal_not_negative CHECK (ordinal >= 0)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.step IS 'One capability applied to the items of a request. Holds payload: no role but the services reads it.';
COMMENT ON COLUMN winnow.step.guesses IS 'Of a routing one an item: the router''s answer where it was not sure; null for every other step.';

-- No row is ever refused because its partition is missing.
CREATE TABLE winnow.step_default PARTITION OF winnow.step DEFAULT WITH (fillfactor = 70);

CREATE TABLE winnow.cancellation (
    request_id uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL
);
COMMENT ON TABLE winnow.cancellation IS 'Requests that somebody wants stopped; the aggregator deletes a row once it has seen to it.';

-- What background decisions call for and the broker has not acknowledged yet. A row is written in the transaction that decides,
-- and deleted once the broker has acknowledged the records. Each decision is a row of its own: one that arrives while another is
-- carried out is not forgotten with it.
CREATE TABLE winnow.owed_emission (
    emission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT owed_emission_kind_known CHECK (kind IN ('state', 'cancellation'))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.owed_emission IS 'Emissions that the keeper still has to send: what the state of a request calls for, or word of its cancellation.';

-- Whoever changes the ledger of a request holds this lock, and so does whoever makes the request final: the second one sees what
-- the first one wrote. SECURITY DEFINER: the escalator writes the ledger and has no rights on requests.
CREATE FUNCTION winnow.lock_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM winnow.request AS r WHERE r.request_id = ANY (ids) ORDER BY r.request_id FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION winnow.lock_requests IS 'Locks requests before their ledger changes, in ascending order of id.';
REVOKE ALL ON FUNCTION winnow.lock_requests FROM PUBLIC;
