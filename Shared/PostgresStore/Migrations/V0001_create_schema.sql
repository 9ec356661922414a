-- Request state and the cost ledger.
--
-- No foreign keys between the big tables: the check of each row would lock the one hot tenant row, and a partition is
-- dropped in a moment only when nothing refers to it. The store writes a request, its steps and its attempts in one
-- transaction, so nothing can be half there.
-- Texts that are compared are COLLATE "C": equality needs no locale, and C is the only collation that costs nothing.

CREATE TYPE winnow.channel AS ENUM ('human', 'machine');
CREATE TYPE winnow.request_state AS ENUM ('open', 'completed', 'rejected', 'failed', 'expired', 'cancelled');
CREATE TYPE winnow.step_state AS ENUM ('waiting', 'dispatched', 'answered', 'failed', 'expired', 'cancelled');
CREATE TYPE winnow.attempt_kind AS ENUM ('router', 'worker', 'full', 'shadow');
CREATE TYPE winnow.attempt_state AS ENUM ('started', 'settled', 'failed', 'unknown');

CREATE TABLE winnow.tenant (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE winnow.tenant IS 'On whose behalf requests are answered; a row appears with the first request.';

-- Not partitioned, so that (tenant, event id) can be unique for as long as a request is kept: it is the deduplication.
-- Room on each page keeps progress on it (heap-only tuples): only a final state touches the indexes again.
CREATE TABLE winnow.request (
    request_id uuid PRIMARY KEY,
    accepted_at timestamptz NOT NULL,
    deadline_at timestamptz,
    progressed_at timestamptz NOT NULL,
    completed_at timestamptz,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    flops bigint NOT NULL DEFAULT 0,
    cost_pico_usd bigint NOT NULL DEFAULT 0,
    full_model_input_tokens bigint NOT NULL DEFAULT 0,
    full_model_output_tokens bigint NOT NULL DEFAULT 0,
    full_model_flops bigint NOT NULL DEFAULT 0,
    full_model_cost_pico_usd bigint NOT NULL DEFAULT 0,
    state winnow.request_state NOT NULL,
    channel winnow.channel,
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    error text,
    traceparent text,
    CONSTRAINT request_event_unique UNIQUE (tenant_id, event_id),
    -- A final request without an end, or an open one with an end, would be missed by the re-drive and the reports.
    CONSTRAINT request_completed_when_final CHECK ((state = 'open') = (completed_at IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE winnow.request IS 'What integrators asked, and what became of it. Totals are summed from winnow.attempt when a request becomes final.';

-- What makes no progress was accepted before that: progressed_at itself is not indexed, so that it can change in place.
CREATE INDEX request_open ON winnow.request (accepted_at) WHERE state = 'open';
CREATE INDEX request_open_deadline ON winnow.request (deadline_at) WHERE state = 'open' AND deadline_at IS NOT NULL;

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
    error text,
    PRIMARY KEY (request_id, ordinal),
    -- The plan's limit is checked at the door; a negative ordinal could not be written into a step's id.
    CONSTRAINT step_ordinal_not_negative CHECK (ordinal >= 0)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.step IS 'One capability applied to the items of a request. Holds payload: no role but the services reads it.';

CREATE TABLE winnow.attempt (
    request_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    settled_at timestamptz,
    duration_us bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    flops bigint NOT NULL,
    cost_pico_usd bigint NOT NULL,
    full_model_input_tokens bigint NOT NULL,
    full_model_output_tokens bigint NOT NULL,
    full_model_flops bigint NOT NULL,
    full_model_cost_pico_usd bigint NOT NULL,
    kind winnow.attempt_kind NOT NULL,
    state winnow.attempt_state NOT NULL,
    items integer NOT NULL,
    step_ordinal smallint NOT NULL,
    number smallint NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    error text,
    PRIMARY KEY (request_id, step_ordinal, number),
    CONSTRAINT attempt_number_positive CHECK (number > 0),
    -- A negative cost would be a credit, and savings are never written as credits.
    CONSTRAINT attempt_cost_not_negative CHECK (cost_pico_usd >= 0 AND full_model_cost_pico_usd >= 0)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.attempt IS 'The ledger: one row per model call, also a failed one. full_model_* is what the full model alone would have taken.';

-- Nothing is ever refused for want of a partition.
CREATE TABLE winnow.step_default PARTITION OF winnow.step DEFAULT WITH (fillfactor = 70);
CREATE TABLE winnow.attempt_default PARTITION OF winnow.attempt DEFAULT;

-- A price is valid until the next one of its model; rows are only ever added, so the past cannot change.
CREATE TABLE winnow.price (
    model text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL,
    input_token_pico_usd bigint NOT NULL,
    output_token_pico_usd bigint NOT NULL,
    PRIMARY KEY (model, valid_from),
    -- See attempt_cost_not_negative.
    CONSTRAINT price_not_negative CHECK (input_token_pico_usd >= 0 AND output_token_pico_usd >= 0)
);
COMMENT ON TABLE winnow.price IS 'What a token costs, in pico-USD, from valid_from until the next row of the model.';
