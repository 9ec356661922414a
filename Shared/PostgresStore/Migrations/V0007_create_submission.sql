-- Requests that wait here and not in a topic: the embedded broker keeps 5 MiB a partition, and a restart empties it.
-- A row goes once its request is accepted, so the table holds what waits, and no more.
CREATE TABLE winnow.submission (
    submitted_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.submission IS 'Requests not accepted yet. Holds payload: no role but the services reads it.';

-- Each tenant's next ones.
CREATE INDEX submission_waiting ON winnow.submission (tenant_id, submitted_at) WHERE sent_at IS NULL;
-- What is under way, bounded by the window.
CREATE INDEX submission_under_way ON winnow.submission (sent_at) WHERE sent_at IS NOT NULL;

-- Calls whose process died: few, and looked for again and again.
CREATE INDEX attempt_started ON winnow.attempt (started_at) WHERE state = 'started';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_decomposer', 'SELECT, UPDATE, DELETE ON winnow.submission'),
    -- The state alone: a call whose process died becomes unknown, and keeps its price.
    ('winnow_aggregator', 'UPDATE (state) ON winnow.attempt'),
    -- To submit by way of Postgres, and to ask for a result again.
    ('winnow_operator', 'INSERT, SELECT (tenant_id, event_id, sent_at), UPDATE (sent_at) ON winnow.submission'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.tenant'),
    ('winnow_operator', 'SELECT (tenant_id, event_id, state, completed_at) ON winnow.request');

SELECT winnow.grant_roles();
