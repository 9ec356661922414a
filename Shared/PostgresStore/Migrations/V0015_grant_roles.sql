-- The rights of each role. Rights are rows, so that a later migration adds its own rows and repeats none. A new column needs an
-- UPDATE right of its own. A service that may change only part of a row has rights by column: it changes what it decides, and
-- never the tenant or the subject of a row.

CREATE TABLE winnow.role_grant (
    role text COLLATE "C" NOT NULL,
    privilege text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, privilege)
);
COMMENT ON TABLE winnow.role_grant IS 'GRANT statements without the keywords GRANT and TO. winnow.grant_roles executes them.';

-- Run this function again as the owner after creating a role that was missing.
CREATE FUNCTION winnow.grant_roles() RETURNS void
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
COMMENT ON FUNCTION winnow.grant_roles IS 'Grants the rights of the roles of services and operators, for those roles that exist.';
REVOKE ALL ON FUNCTION winnow.grant_roles FROM PUBLIC;

INSERT INTO winnow.role_grant (role, privilege)
SELECT 'winnow_decomposer', privilege FROM (VALUES
    ('USAGE ON SCHEMA winnow'),
    ('SELECT ON winnow.schema_migration, winnow.price, winnow.tenant_topic'),
    ('SELECT, INSERT ON winnow.tenant, winnow.request, winnow.step, winnow.attempt'),
    ('SELECT, INSERT, UPDATE, DELETE ON winnow.submission')
) AS rights (privilege);

INSERT INTO winnow.role_grant (role, privilege)
SELECT 'winnow_escalator', privilege FROM (VALUES
    ('USAGE ON SCHEMA winnow'),
    ('SELECT ON winnow.schema_migration, winnow.price'),
    ('SELECT, INSERT ON winnow.attempt'),
    ('UPDATE (started_at, settled_at, duration_us, input_tokens, output_tokens, flops, cost_pico_usd, '
        'full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, '
        'full_model_once_cost_pico_usd, state, items, guessed_items, agreed_items, model, version, error) '
        'ON winnow.attempt'),
    ('EXECUTE ON FUNCTION winnow.lock_requests, winnow.sum_final_requests'),
    -- The escalator locks a budget while it reserves calls, which needs the UPDATE right on some column.
    ('SELECT, UPDATE (set_at) ON winnow.budget'),
    ('EXECUTE ON FUNCTION winnow.budget_spent'),
    ('EXECUTE ON FUNCTION winnow.text_digest'),
    ('SELECT, INSERT ON winnow.shadow_comparison, winnow.shadow_text, winnow.shadow_tenant'),
    ('SELECT, INSERT, UPDATE (compared, disagreed, is_stale) ON winnow.shadow_tally'),
    ('SELECT, INSERT, UPDATE (compared, disagreed, novel, novel_disagreed) ON winnow.shadow_evidence')
) AS rights (privilege);

INSERT INTO winnow.role_grant (role, privilege)
SELECT 'winnow_aggregator', privilege FROM (VALUES
    ('USAGE ON SCHEMA winnow'),
    ('SELECT ON winnow.schema_migration, winnow.price, winnow.tenant_topic'),
    ('SELECT ON winnow.request'),
    ('UPDATE (progressed_at, redrive_at, completed_at, input_tokens, output_tokens, flops, cost_pico_usd, '
        'full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, state, redrives, '
        'cost_final, result_totals, error) ON winnow.request'),
    ('SELECT, INSERT, UPDATE (dispatched_at, settled_at, state, answers, guesses, error) ON winnow.step'),
    -- Only the state: a call whose process died becomes unknown, and keeps its price.
    ('SELECT, INSERT, UPDATE (state) ON winnow.attempt'),
    ('SELECT, DELETE ON winnow.cancellation'),
    ('SELECT, INSERT, DELETE ON winnow.owed_emission'),
    ('SELECT, INSERT, UPDATE (service, host, pid, version, state, partitions, started_at, beat_at, beat_interval_ms, cpu_ms), '
        'DELETE ON winnow.instance'),
    ('SELECT ON winnow.certificate'),
    ('SELECT, INSERT ON winnow.certificate_revocation, winnow.certificate_tenant_revocation'),
    -- The aggregator only marks tallies as processed. The escalator writes their counts.
    ('SELECT, UPDATE (is_stale) ON winnow.shadow_tally'),
    ('SELECT ON winnow.shadow_tenant, winnow.shadow_evidence'),
    ('SELECT, INSERT, UPDATE (compared, disagreed, agreement, low, high) '
        'ON winnow.agreement, winnow.certificate_agreement, winnow.tenant_agreement'),
    ('EXECUTE ON FUNCTION winnow.maintain_partitions, winnow.fold_costs, winnow.apply_retention'),
    -- For metrics of the whole suite: the number of waiting requests, and the amount spent.
    ('SELECT (lane, sent_at) ON winnow.submission'),
    ('SELECT ON winnow.cost')
) AS rights (privilege);

INSERT INTO winnow.role_grant (role, privilege)
SELECT role, privilege FROM (VALUES ('winnow_ops'), ('winnow_operator')) AS roles (role) CROSS JOIN (VALUES
    ('USAGE ON SCHEMA ops'),
    ('SELECT ON ALL TABLES IN SCHEMA ops'),
    -- ops.budget calls this function with the rights of the role that reads the view.
    ('EXECUTE ON FUNCTION winnow.budget_spent')
) AS rights (privilege);

INSERT INTO winnow.role_grant (role, privilege)
SELECT 'winnow_operator', privilege FROM (VALUES
    ('USAGE ON SCHEMA winnow'),
    -- `winnow doctor` checks whether all migrations are applied.
    ('SELECT ON winnow.schema_migration'),
    ('SELECT, INSERT, UPDATE (weight) ON winnow.tenant'),
    ('SELECT, INSERT, DELETE ON winnow.tenant_topic, winnow.test_tenant'),
    -- To submit through Postgres, to request a result again, and to cancel waiting requests.
    ('INSERT, SELECT (submitted_at, sent_at, tenant_id, event_id, body_digest), UPDATE (sent_at, cancelled_at) '
        'ON winnow.submission'),
    ('SELECT (tenant_id, event_id, state, completed_at) ON winnow.request'),
    ('SELECT, INSERT ON winnow.cancellation'),
    ('EXECUTE ON FUNCTION winnow.erase_payload'),
    ('SELECT, INSERT, UPDATE (disposition, disposed_at) ON winnow.dead_letter_disposition'),
    ('SELECT, INSERT ON winnow.certificate, winnow.certificate_revocation, winnow.certificate_tenant_revocation'),
    ('SELECT, INSERT ON winnow.price, winnow.platform_rate'),
    ('SELECT, INSERT, UPDATE (limit_pico_usd, policy, set_at), DELETE ON winnow.budget')
) AS rights (privilege);

SELECT winnow.grant_roles();
