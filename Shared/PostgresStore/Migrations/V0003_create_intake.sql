-- Tenants, and requests that are not accepted yet.

CREATE TABLE winnow.tenant (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    weight smallint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_weight_in_range CHECK (weight BETWEEN 1 AND 100)
);
COMMENT ON TABLE winnow.tenant IS 'Tenants on whose behalf requests are answered. The first request of a tenant adds its row.';
COMMENT ON COLUMN winnow.tenant.weight IS
    'How many requests of this tenant are sent for each request of a tenant of weight 1 when capacity is short.';

-- For these tenants the topic identifies the tenant of a request, and the broker's ACLs decide who may write to the topic.
CREATE TABLE winnow.tenant_topic (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE winnow.tenant_topic IS
    'Tenants whose requests come only from topics of their own. Their results go to a topic of their own.';

-- Operators mark tenants, not requests. The mark removes the tenant's traffic from the savings, and changes neither budgets nor
-- charges.
CREATE TABLE winnow.test_tenant (
    tenant_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE winnow.test_tenant IS
    'Tenants whose requests are tests. They are charged like all requests, and are excluded from the savings.';
INSERT INTO winnow.test_tenant (tenant_id) VALUES ('winnow-evaluate');

-- Requests that wait here instead of in a topic, because the embedded broker keeps 5 MiB per partition and loses them at a
-- restart, and requests above the share of their tenant, so that tenants take turns by weight. A row is deleted after its request
-- is accepted, so the table holds only waiting requests.
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
    -- `winnow submit` uses the digest to detect another body under an id that already waits, because operators may not read
    -- bodies. Generated from the body, so that it always matches the body, no matter who inserts the row.
    body_digest bytea NOT NULL GENERATED ALWAYS AS (substring(sha256(body) FOR 16)) STORED,
    PRIMARY KEY (tenant_id, event_id),
    CONSTRAINT submission_lane_known CHECK (lane IN ('interactive', 'bulk'))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.submission IS 'Requests that are not accepted yet. Holds payload: only the roles of the services read it.';
COMMENT ON COLUMN winnow.submission.deadline_at IS
    'Nothing is computed after this time. Null without a deadline, and also if only the body names one.';
COMMENT ON COLUMN winnow.submission.place IS
    'Like winnow.request.place: where the request was read, or a random number if it was submitted to this table.';
COMMENT ON COLUMN winnow.submission.body_digest IS 'The first 16 bytes of the SHA-256 of the body.';

-- Finds the next requests of each tenant in one lane, without scanning a million requests of the other lane.
CREATE INDEX submission_waiting ON winnow.submission (lane, tenant_id, submitted_at) WHERE sent_at IS NULL;
-- Requests in progress, bounded by the window.
CREATE INDEX submission_under_way ON winnow.submission (sent_at) WHERE sent_at IS NOT NULL;
-- Requests that expired or were cancelled while waiting. They need no turn: their result is sent at once.
CREATE INDEX submission_over ON winnow.submission (least(deadline_at, cancelled_at))
    WHERE sent_at IS NULL AND (deadline_at IS NOT NULL OR cancelled_at IS NOT NULL);
