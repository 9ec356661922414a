-- Tenants, and their requests that are not accepted yet.

CREATE TABLE winnow.tenant (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    weight smallint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_weight_in_range CHECK (weight BETWEEN 1 AND 100)
);
COMMENT ON TABLE winnow.tenant IS 'On whose behalf requests are answered; a row appears with the first request.';
COMMENT ON COLUMN winnow.tenant.weight IS 'How many of its requests go for one of a tenant of weight 1, where there is not room for all.';

-- For these tenants the topic says whose a request is, and the broker's ACLs say who may write to it.
CREATE TABLE winnow.tenant_topic (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE winnow.tenant_topic IS 'Tenants whose requests come from topics of their own and from nowhere else; their results go to a topic of their own.';

-- Operators mark tenants, and not requests: the mark takes traffic out of the savings, and changes neither budgets nor charges.
CREATE TABLE winnow.test_tenant (
    tenant_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE winnow.test_tenant IS 'Tenants whose requests are tests: they are charged as all are, and are in no savings.';
INSERT INTO winnow.test_tenant (tenant_id) VALUES ('winnow-evaluate');

-- Requests that wait here and not in a topic, because the embedded broker keeps 5 MiB a partition and loses them at a restart;
-- and requests above their tenant's share, so that tenants take turns by weight. A row is deleted once its request is accepted,
-- so the table holds only what waits.
CREATE TABLE winnow.submission (
    submitted_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    deadline_at timestamptz,
    cancelled_at timestamptz,
    place bigint NOT NULL DEFAULT floor(random() * 9e15)::bigint,
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL DEFAULT 'interactive',
    traceparent text,
    body bytea NOT NULL,
    -- By this `winnow submit` recognizes another body under an id that already waits: operators may not read bodies. Generated
    -- from the body, so that it cannot differ from it, whichever way the row came.
    body_digest bytea NOT NULL GENERATED ALWAYS AS (substring(sha256(body) FOR 16)) STORED,
    PRIMARY KEY (tenant_id, event_id),
    CONSTRAINT submission_lane_known CHECK (lane IN ('interactive', 'bulk'))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.submission IS 'Requests not accepted yet. Holds payload: no role but the services reads it.';
COMMENT ON COLUMN winnow.submission.deadline_at IS 'Past it nothing is computed; null also where only the body names one.';
COMMENT ON COLUMN winnow.submission.place IS 'As winnow.request.place: where the request was read, or a number of its own where it was submitted to this table.';
COMMENT ON COLUMN winnow.submission.body_digest IS 'The first 16 bytes of the SHA-256 of the body.';

-- Each tenant's next requests in a lane: a million of one lane must not be searched for the other's.
CREATE INDEX submission_waiting ON winnow.submission (lane, tenant_id, submitted_at) WHERE sent_at IS NULL;
-- What is under way, bounded by the window.
CREATE INDEX submission_under_way ON winnow.submission (sent_at) WHERE sent_at IS NOT NULL;
-- What needs no turn any more because it expired or was cancelled: its result says so at once.
CREATE INDEX submission_over ON winnow.submission (least(deadline_at, cancelled_at))
    WHERE sent_at IS NULL AND (deadline_at IS NOT NULL OR cancelled_at IS NOT NULL);
