-- The processes of the suite, as they tell of themselves on winnow.heartbeats.v1.

-- Updated every few seconds for each process: room in the pages, and no index besides the key, keep that cheap.
CREATE TABLE winnow.instance (
    instance_id text COLLATE "C" PRIMARY KEY,
    service text COLLATE "C" NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    state text COLLATE "C" NOT NULL,
    partitions integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    beat_interval_ms integer NOT NULL,
    CONSTRAINT instance_state_known CHECK (state IN ('running', 'draining', 'stopped'))
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.instance IS 'Processes of the suite; the aggregator writes what they tell, and deletes who was silent for a day.';
COMMENT ON COLUMN winnow.instance.partitions IS 'How many partitions it works on; a drained one has none.';

CREATE VIEW ops.instance AS
SELECT instance_id, service, host, pid, version,
    CASE
        WHEN state <> 'stopped' AND now() - beat_at > 3 * beat_interval_ms * interval '1 millisecond' THEN 'lost'
        ELSE state
    END AS state,
    partitions, started_at, beat_at,
    round(extract(epoch FROM greatest(now() - beat_at, interval '0')), 1) AS beat_age_seconds
FROM winnow.instance;
COMMENT ON VIEW ops.instance IS 'Processes of the suite: running, draining, stopped, or lost: not heard of for three beats.';

-- As it was, the rights on the new table, and two that were missing: the decomposer sends submissions on, and the
-- aggregator gives up calls whose process died.
CREATE OR REPLACE FUNCTION winnow.grant_roles() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT role, statement FROM (VALUES
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
            ('winnow_aggregator', 'SELECT, INSERT, UPDATE (state) ON winnow.attempt'),
            ('winnow_aggregator', 'SELECT, DELETE ON winnow.cancellation'),
            ('winnow_aggregator', 'SELECT, INSERT, UPDATE, DELETE ON winnow.instance'),
            ('winnow_aggregator', 'EXECUTE ON FUNCTION winnow.maintain_partitions'),
            ('winnow_ops', 'USAGE ON SCHEMA ops'),
            ('winnow_ops', 'SELECT ON ALL TABLES IN SCHEMA ops'),
            ('winnow_operator', 'USAGE ON SCHEMA winnow, ops'),
            ('winnow_operator', 'SELECT ON ALL TABLES IN SCHEMA ops'),
            ('winnow_operator', 'SELECT, INSERT, UPDATE ON winnow.dead_letter_disposition'),
            ('winnow_operator', 'SELECT, INSERT ON winnow.cancellation')
        ) AS rights (role, statement)
        WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = rights.role)
    LOOP
        EXECUTE format('GRANT %s TO %I', granted.statement, granted.role);
    END LOOP;
END
$$;

SELECT winnow.grant_roles();
