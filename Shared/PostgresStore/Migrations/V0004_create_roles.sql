-- One role a service, with just its rights, and winnow_ops, which reads ops and nothing else. None can log in: give a
-- login of your own the membership. Roles belong to the whole cluster, so they may be there already, and a migrating
-- role that may not create any leaves the suite to run as that role itself.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['winnow_decomposer', 'winnow_escalator', 'winnow_aggregator', 'winnow_ops'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was migrated in the same moment
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is not there and may not be created', role;
        END;
    END LOOP;
END
$$;

-- Gives the roles that exist their rights; run it again as the owner after creating one that was skipped.
CREATE FUNCTION winnow.grant_roles() RETURNS void
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
            ('winnow_aggregator', 'EXECUTE ON FUNCTION winnow.maintain_partitions'),
            ('winnow_ops', 'USAGE ON SCHEMA ops'),
            ('winnow_ops', 'SELECT ON ALL TABLES IN SCHEMA ops')
        ) AS rights (role, statement)
        WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = rights.role)
    LOOP
        EXECUTE format('GRANT %s TO %I', granted.statement, granted.role);
    END LOOP;
END
$$;
COMMENT ON FUNCTION winnow.grant_roles IS 'Gives the roles of the services and of operators their rights, where they exist.';
REVOKE ALL ON FUNCTION winnow.grant_roles FROM PUBLIC;

SELECT winnow.grant_roles();
