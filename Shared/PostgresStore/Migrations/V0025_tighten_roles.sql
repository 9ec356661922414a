-- Rights by column: a service may change what it decides, and never whose a row is or what it is about. Indexes for questions that
-- operators and budgets ask by another key than the primary one.

-- `winnow trace` and `winnow cancel` know the integrator's id, and not always the tenant. A hash index, since nobody asks for a
-- range of them, and ids may be long.
CREATE INDEX request_by_event_id ON winnow.request USING hash (event_id);
-- Budgets of a day or a month add up what is not folded yet.
CREATE INDEX cost_hour_open_by_tenant ON winnow.cost_hour (tenant_id) WHERE shard <> 0;

-- Replaces a role's UPDATE on a table by UPDATE on its columns without those that say which row it is. Columns that a later
-- migration adds need a grant of their own.
CREATE FUNCTION pg_temp.limit_update(role_name text, relation text, fixed text[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = relation::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (fixed);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('REVOKE UPDATE ON %s FROM %I', relation, role_name);
    END IF;
    INSERT INTO winnow.role_grant (role, privilege)
    VALUES (role_name, format('UPDATE (%s) ON %s', columns, relation)) ON CONFLICT DO NOTHING;
END
$$;

-- The rows that gave UPDATE on these tables as a whole, now without it.
WITH replaced AS (
    DELETE FROM winnow.role_grant
    WHERE (role, privilege) IN (
        ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.attempt'),
        ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.shadow_tally'),
        ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.shadow_evidence'),
        ('winnow_aggregator', 'SELECT, UPDATE ON winnow.request'),
        ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.step'),
        ('winnow_aggregator', 'SELECT, UPDATE ON winnow.shadow_tally'),
        ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.agreement, winnow.certificate_agreement'),
        ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.tenant_agreement'),
        ('winnow_aggregator', 'SELECT, INSERT, UPDATE, DELETE ON winnow.instance'),
        ('winnow_operator', 'SELECT, INSERT, UPDATE ON winnow.dead_letter_disposition'),
        ('winnow_operator', 'SELECT, INSERT, UPDATE, DELETE ON winnow.budget'))
    RETURNING role, privilege)
INSERT INTO winnow.role_grant (role, privilege)
SELECT role, replace(privilege, ', UPDATE', '') FROM replaced ON CONFLICT DO NOTHING;

SELECT pg_temp.limit_update(role, relation, fixed) FROM (VALUES
    ('winnow_escalator', 'winnow.attempt',
        '{request_id, step_ordinal, number, tenant_id, capability, task, kind}'::text[]),
    ('winnow_escalator', 'winnow.shadow_tally',
        '{hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability}'),
    ('winnow_escalator', 'winnow.shadow_evidence', '{certificate_id, full_model, tenant_id, sampling_probability}'),
    ('winnow_aggregator', 'winnow.request',
        '{request_id, tenant_id, event_id, body_digest, place, channel, lane, accepted_at, deadline_at, traceparent,
            erased_at}'),
    ('winnow_aggregator', 'winnow.step', '{request_id, ordinal, capability, task, items, depends_on, created_at}'),
    ('winnow_aggregator', 'winnow.agreement', '{hour, capability, task, tenant_id}'),
    ('winnow_aggregator', 'winnow.certificate_agreement', '{certificate_id}'),
    ('winnow_aggregator', 'winnow.tenant_agreement', '{certificate_id, tenant_id}'),
    ('winnow_aggregator', 'winnow.instance', '{instance_id}'),
    ('winnow_operator', 'winnow.dead_letter_disposition', '{topic, partition_id, record_offset, written_at}'),
    ('winnow_operator', 'winnow.budget', '{tenant_id, period}')
) AS limits (role, relation, fixed);
DO $$
BEGIN
    -- The aggregator only takes tallies up; what they count is the escalator's.
    REVOKE UPDATE ON winnow.shadow_tally FROM winnow_aggregator;
EXCEPTION
    WHEN undefined_object THEN
        NULL; -- the role is not there
END
$$;

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'UPDATE (is_stale) ON winnow.shadow_tally'),
    -- `winnow doctor` looks whether all migrations are applied.
    ('winnow_operator', 'SELECT ON winnow.schema_migration')
ON CONFLICT DO NOTHING;

SELECT winnow.grant_roles();
