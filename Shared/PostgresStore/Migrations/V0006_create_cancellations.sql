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

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'SELECT, DELETE ON winnow.cancellation'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.cancellation');

SELECT winnow.grant_roles();
