-- Requests that somebody wants stopped, and what was never computed because of that, or because it came too late.

CREATE TABLE winnow.cancellation (
    request_id uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL
);
COMMENT ON TABLE winnow.cancellation IS 'Requests that somebody wants stopped; the aggregator deletes a row once it has seen to it.';

-- Steps are counted by the end they came to. What the full model would have cost is not known: nobody has counted the
-- tokens of what was never computed.
CREATE VIEW ops.avoided_compute AS
SELECT date_trunc('hour', s.settled_at, 'UTC') AS hour, s.capability, s.task, r.tenant_id AS tenant,
    s.state::text AS reason,
    count(*) AS steps,
    sum(json_array_length(s.items))::bigint AS items
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id)
WHERE s.state IN ('expired', 'cancelled') AND NOT EXISTS (
    SELECT FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal)
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW ops.avoided_compute IS 'Steps and items that were never computed, per hour, capability, task, tenant and reason.';
COMMENT ON COLUMN ops.avoided_compute.reason IS 'expired (past the deadline) or cancelled (on request, or for want of a step that it depends on).';

-- As it was, and the rights on the new table.
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
            ('winnow_escalator', 'USAGE ON SCHEMA winnow'),
            ('winnow_escalator', 'SELECT ON winnow.price, winnow.schema_migration'),
            ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.attempt'),
            ('winnow_aggregator', 'USAGE ON SCHEMA winnow'),
            ('winnow_aggregator', 'SELECT ON winnow.price, winnow.schema_migration'),
            ('winnow_aggregator', 'SELECT, UPDATE ON winnow.request'),
            ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.step'),
            ('winnow_aggregator', 'SELECT, INSERT ON winnow.attempt'),
            ('winnow_aggregator', 'SELECT, DELETE ON winnow.cancellation'),
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
