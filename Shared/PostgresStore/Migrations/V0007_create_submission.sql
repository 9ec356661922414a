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

-- What each role may: rows, so that a later migration adds its own and repeats none.
CREATE TABLE winnow.role_grant (
    role text COLLATE "C" NOT NULL,
    privilege text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, privilege)
);
COMMENT ON TABLE winnow.role_grant IS 'GRANT statements without their GRANT and TO; winnow.grant_roles carries them out.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_decomposer', 'USAGE ON SCHEMA winnow'),
    ('winnow_decomposer', 'SELECT ON winnow.price, winnow.schema_migration'),
    ('winnow_decomposer', 'SELECT, INSERT ON winnow.tenant, winnow.request, winnow.step, winnow.attempt'),
    ('winnow_decomposer', 'SELECT, UPDATE, DELETE ON winnow.submission'),
    ('winnow_escalator', 'USAGE ON SCHEMA winnow'),
    ('winnow_escalator', 'SELECT ON winnow.price, winnow.schema_migration'),
    ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.attempt'),
    ('winnow_aggregator', 'USAGE ON SCHEMA winnow'),
    ('winnow_aggregator', 'SELECT ON winnow.price, winnow.schema_migration'),
    ('winnow_aggregator', 'SELECT, UPDATE ON winnow.request'),
    ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.step'),
    -- UPDATE of the state alone: a call whose process died becomes unknown, and keeps its price.
    ('winnow_aggregator', 'SELECT, INSERT, UPDATE (state) ON winnow.attempt'),
    ('winnow_aggregator', 'SELECT, DELETE ON winnow.cancellation'),
    ('winnow_aggregator', 'EXECUTE ON FUNCTION winnow.maintain_partitions'),
    ('winnow_ops', 'USAGE ON SCHEMA ops'),
    ('winnow_ops', 'SELECT ON ALL TABLES IN SCHEMA ops'),
    ('winnow_operator', 'USAGE ON SCHEMA winnow, ops'),
    ('winnow_operator', 'SELECT ON ALL TABLES IN SCHEMA ops'),
    ('winnow_operator', 'SELECT, INSERT, UPDATE ON winnow.dead_letter_disposition'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.cancellation, winnow.tenant'),
    -- To submit by way of Postgres, and to ask for a result again.
    ('winnow_operator', 'INSERT, SELECT (tenant_id, event_id, sent_at), UPDATE (sent_at) ON winnow.submission'),
    ('winnow_operator', 'SELECT (tenant_id, event_id, state, completed_at) ON winnow.request');

CREATE OR REPLACE FUNCTION winnow.grant_roles() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT g.role, g.privilege FROM winnow.role_grant AS g
        WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = g.role)
    LOOP
        EXECUTE format('GRANT %s TO %I', granted.privilege, granted.role);
    END LOOP;
END
$$;

SELECT winnow.grant_roles();
