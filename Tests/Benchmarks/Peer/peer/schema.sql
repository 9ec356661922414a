-- The peer's own state: a request, its steps, and a ledger row for each model call.
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;

CREATE TABLE peer.request (
    request_id uuid PRIMARY KEY,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    input_tokens bigint NOT NULL DEFAULT 0,
    cost_pico_usd bigint NOT NULL DEFAULT 0,
    full_model_cost_pico_usd bigint NOT NULL DEFAULT 0,
    steps smallint NOT NULL,
    open_steps smallint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    UNIQUE (tenant, event_id)
) WITH (fillfactor = 80);

CREATE TABLE peer.step (
    request_id uuid,
    settled_at timestamptz,
    ordinal smallint,
    task text COLLATE "C" NOT NULL,
    items json NOT NULL,
    answers json,
    PRIMARY KEY (request_id, ordinal)
) WITH (fillfactor = 70);

CREATE TABLE peer.attempt (
    request_id uuid,
    started_at timestamptz NOT NULL,
    duration_us bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cost_pico_usd bigint NOT NULL,
    full_model_cost_pico_usd bigint NOT NULL,
    items integer NOT NULL,
    ordinal smallint,
    kind text COLLATE "C",
    task text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    PRIMARY KEY (request_id, ordinal, kind)
);
