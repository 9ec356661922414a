-- Tenants take turns by weight, and what comes over a tenant's share waits where each tenant has a queue of its own.

ALTER TABLE winnow.tenant
    ADD COLUMN weight smallint NOT NULL DEFAULT 1,
    ADD CONSTRAINT tenant_weight_in_range CHECK (weight BETWEEN 1 AND 100);
COMMENT ON COLUMN winnow.tenant.weight IS 'How many of its requests go for one of a tenant of weight 1, where there is not room for all.';

ALTER TABLE winnow.submission
    ADD COLUMN deadline_at timestamptz,
    ADD COLUMN cancelled_at timestamptz,
    ADD COLUMN traceparent text;
COMMENT ON COLUMN winnow.submission.deadline_at IS 'Past it nothing is computed; null also where only the body names one.';

-- What needs no turn any more: its result says so at once.
CREATE INDEX submission_over ON winnow.submission (least(deadline_at, cancelled_at))
    WHERE sent_at IS NULL AND (deadline_at IS NOT NULL OR cancelled_at IS NOT NULL);

CREATE VIEW ops.tenant AS
SELECT t.tenant_id AS tenant, t.weight, coalesce(r.open, 0) AS open_requests,
    (SELECT count(*) FROM winnow.submission AS s WHERE s.tenant_id = t.tenant_id AND s.sent_at IS NULL)
        AS waiting_requests,
    t.created_at
FROM winnow.tenant AS t LEFT JOIN (
    SELECT tenant_id, count(*) AS open FROM winnow.request WHERE state = 'open' GROUP BY tenant_id) AS r
    ON r.tenant_id = t.tenant_id;
COMMENT ON VIEW ops.tenant IS 'Tenants, their weights, and how many of their requests are open or wait for their turn.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_decomposer', 'INSERT ON winnow.submission'),
    ('winnow_operator', 'UPDATE (weight) ON winnow.tenant'),
    ('winnow_operator', 'UPDATE (cancelled_at) ON winnow.submission');

SELECT winnow.grant_roles();
