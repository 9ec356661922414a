-- Creates one role per service, with only the rights that it needs, and two roles for people. winnow_ops reads schema ops and
-- nothing else. winnow_operator may also act: cancel, submit, and set weights, budgets and prices. None of these roles can log
-- in: grant them to login roles of your own. The last file of this baseline, grant_roles, defines the rights of each role.
--
-- Roles belong to the whole cluster, so a migration of another database may have created them already. If the migrating role may
-- not create roles, it skips them, and the suite runs as the migrating role itself.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY[
        'winnow_decomposer', 'winnow_escalator', 'winnow_aggregator', 'winnow_ops', 'winnow_operator']
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster is migrated at the same time
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is not there and may not be created', role;
        END;
    END LOOP;
END
$$;
