-- Retention of the tables that grow without a partition to drop, and erasure of a tenant's payload.
--
-- Tables that grow: step, attempt and shadow_comparison lose whole partitions, and request its final rows, in
-- winnow.maintain_partitions; instance and cancellation are emptied by the aggregator, submission by the decomposer. What is left
-- are the tables below. price, budget, certificate and the revocations only grow by decisions, and are kept.

CREATE FUNCTION winnow.apply_retention(
    hourly_days integer, daily_days integer, disposition_days integer, tenant_days integer, delete_limit integer DEFAULT 10000)
    RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $$
DECLARE
    hourly constant timestamptz := now() - make_interval(days => hourly_days);
    past text[];
    relation text;
    deleted integer := 0;
    more integer;
BEGIN
    IF least(hourly_days, daily_days, disposition_days, tenant_days, delete_limit) < 1 THEN
        RAISE EXCEPTION 'all arguments must be at least 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- Folded hours only: their day has them too.
    DELETE FROM winnow.cost_hour WHERE ctid IN (
        SELECT ctid FROM winnow.cost_hour WHERE shard = 0 AND hour < hourly LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.cost_day WHERE ctid IN (
        SELECT ctid FROM winnow.cost_day WHERE day < (now() - make_interval(days => daily_days))::date LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.platform_day WHERE ctid IN (
        SELECT ctid FROM winnow.platform_day WHERE day < (now() - make_interval(days => daily_days))::date LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.shadow_tally WHERE ctid IN (
        SELECT ctid FROM winnow.shadow_tally WHERE hour < hourly AND NOT is_stale LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.shadow_text WHERE ctid IN (
        SELECT ctid FROM winnow.shadow_text WHERE compared_at < hourly LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    -- A standing certificate is judged by all that was compared since it stands, however long ago.
    past := ARRAY(
        SELECT c.certificate_id FROM ops.certificate AS c WHERE c.state <> 'standing' AND c.registered_at < hourly);
    FOREACH relation IN ARRAY ARRAY['shadow_evidence', 'shadow_tenant', 'tenant_agreement'] LOOP
        EXECUTE format(
            'DELETE FROM winnow.%1$I WHERE ctid IN (
                 SELECT ctid FROM winnow.%1$I WHERE certificate_id = ANY ($1) LIMIT $2)', relation)
        USING past, delete_limit;
        GET DIAGNOSTICS more = ROW_COUNT;
        deleted := deleted + more;
    END LOOP;

    DELETE FROM winnow.agreement WHERE ctid IN (SELECT ctid FROM winnow.agreement WHERE hour < hourly LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.dead_letter_disposition WHERE ctid IN (
        SELECT ctid FROM winnow.dead_letter_disposition
        WHERE disposed_at < now() - make_interval(days => disposition_days) LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    -- Tenants that are as they were when they first came, and of whom nothing is left.
    DELETE FROM winnow.tenant AS d WHERE d.tenant_id IN (
        SELECT t.tenant_id FROM winnow.tenant AS t
        WHERE t.created_at < now() - make_interval(days => tenant_days) AND t.weight = 1
            AND NOT EXISTS (SELECT FROM winnow.request AS r WHERE r.tenant_id = t.tenant_id)
            AND NOT EXISTS (SELECT FROM winnow.submission AS s WHERE s.tenant_id = t.tenant_id)
            AND NOT EXISTS (SELECT FROM winnow.budget AS b WHERE b.tenant_id = t.tenant_id)
            AND NOT EXISTS (SELECT FROM winnow.tenant_topic AS o WHERE o.tenant_id = t.tenant_id)
            AND NOT EXISTS (SELECT FROM winnow.test_tenant AS m WHERE m.tenant_id = t.tenant_id)
        LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN deleted + more;
END
$$;
COMMENT ON FUNCTION winnow.apply_retention IS 'Deletes what is older than its retention, a bounded number of rows of each table; call again while it returns any.';
REVOKE ALL ON FUNCTION winnow.apply_retention FROM PUBLIC;

-- A tenant's final requests in the order of their event ids, which is the order of their unique index. A request without steps
-- is one whose payload is gone: what retention drops looks the same.
CREATE FUNCTION winnow.erase_payload(
    tenant text, before timestamptz, after_event text, batch integer DEFAULT 1000,
    OUT seen integer, OUT erased integer, OUT last_event text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $$
DECLARE
    due uuid[];
BEGIN
    SELECT count(*), max(r.event_id),
        array_agg(r.request_id) FILTER (
            WHERE r.state <> 'open' AND r.accepted_at < before AND r.erased_at IS NULL)
    INTO seen, last_event, due
    FROM (
        SELECT q.request_id, q.event_id, q.state, q.accepted_at, q.erased_at FROM winnow.request AS q
        WHERE q.tenant_id = tenant AND q.event_id > after_event
        ORDER BY q.event_id LIMIT batch FOR NO KEY UPDATE) AS r;
    erased := coalesce(cardinality(due), 0);
    DELETE FROM winnow.step AS s WHERE s.request_id = ANY (due);
    -- A digest of the body would tell whoever guesses it that the guess is right.
    UPDATE winnow.request AS r SET erased_at = now(), body_digest = NULL WHERE r.request_id = ANY (due);
END
$$;
COMMENT ON FUNCTION winnow.erase_payload IS 'Erases items and answers of a tenant''s final requests, a batch of them; the ledger, states and costs are kept.';
REVOKE ALL ON FUNCTION winnow.erase_payload FROM PUBLIC;

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'EXECUTE ON FUNCTION winnow.apply_retention'),
    -- Figures of the whole suite: how much waits, and what was spent.
    ('winnow_aggregator', 'SELECT (lane, sent_at) ON winnow.submission'),
    ('winnow_aggregator', 'SELECT ON winnow.cost'),
    ('winnow_operator', 'EXECUTE ON FUNCTION winnow.erase_payload'),
    ('winnow_operator', 'SELECT (submitted_at) ON winnow.submission');

SELECT winnow.grant_roles();
