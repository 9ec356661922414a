-- One role for each service, with only the rights that it needs; winnow_ops, which reads schema ops and nothing else; and
-- winnow_operator, which may also act: cancel, submit, set weights, budgets and prices. None of them can log in: make a login of
-- your own a member. What each role may do is in the last file of this baseline, grant_roles.
--
-- Roles belong to the whole cluster, so another database may have created them already. A migrating role that may not create
-- roles leaves them out; the suite then runs as that role itself.
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
                NULL; -- another database of this cluster was migrated at the same moment
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is not there and may not be created', role;
        END;
    END LOOP;
END
$$;
