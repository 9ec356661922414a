-- Retention of all tables that grow, and the erasure of a tenant's payload.
--
-- maintain_partitions drops whole partitions of step, attempt and shadow_comparison, and deletes final rows of request. The
-- aggregator empties instance, cancellation and owed_emission; the decomposer empties submission. apply_retention deletes from
-- the other tables that grow. price, budget, certificate and the revocations grow only by decisions, and are kept.

-- The smallest UUID version 7 of a request that was accepted at an instant.
CREATE FUNCTION winnow.uuid_v7_floor(instant timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
COMMENT ON FUNCTION winnow.uuid_v7_floor IS 'Lower bound of the ids of requests that were accepted at or after an instant.';

-- Creates daily partitions in advance, drops partitions past retention, and deletes final requests past retention. Handles every
-- current and future partitioned table: all of them are partitioned by request id and have a default partition.
-- A function and not a procedure: a service has no rights on the tables and needs SECURITY DEFINER, which forbids COMMIT in a
-- procedure. So each call deletes a bounded number of rows; repeat the call while it deletes as many as the limit.
CREATE FUNCTION winnow.maintain_partitions(
    days_ahead integer, retention_days integer, delete_limit integer DEFAULT 10000,
    OUT created integer, OUT dropped integer, OUT deleted integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $$
DECLARE
    today constant timestamp := date_trunc('day', now() AT TIME ZONE 'UTC');
    cutoff constant timestamp := today - make_interval(days => retention_days);
    cutoff_id constant uuid := winnow.uuid_v7_floor(cutoff AT TIME ZONE 'UTC');
    parent text;
    day timestamp;
    lower uuid;
    upper uuid;
    part text;
BEGIN
    IF days_ahead < 0 OR retention_days < 1 OR delete_limit < 1 THEN
        RAISE EXCEPTION 'days_ahead must be at least 0, retention_days and delete_limit at least 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    created := 0;
    dropped := 0;
    -- One call at a time: two calls would create tables of the same names.
    PERFORM pg_advisory_xact_lock(hashtext('winnow.maintain_partitions'));

    FOR parent IN
        SELECT c.relname FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid
        WHERE c.relnamespace = 'winnow'::regnamespace ORDER BY 1
    LOOP
        FOR day IN SELECT generate_series(today, today + make_interval(days => days_ahead), '1 day') LOOP
            part := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(format('winnow.%I', part)) IS NOT NULL;
            lower := winnow.uuid_v7_floor(day AT TIME ZONE 'UTC');
            upper := winnow.uuid_v7_floor((day + interval '1 day') AT TIME ZONE 'UTC');
            -- Attached after creation, because creating a partition in place locks out every reader of the parent. Steps are
            -- updated once or twice, and room on the page keeps those updates out of the index.
            EXECUTE format(
                'CREATE TABLE winnow.%I (LIKE winnow.%I INCLUDING ALL) WITH (fillfactor = %s)',
                part, parent, CASE parent WHEN 'step' THEN 70 ELSE 100 END);
            -- Rows that arrived before their partition existed are in the default partition.
            EXECUTE format('LOCK TABLE winnow.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
            EXECUTE format(
                'WITH moved AS (DELETE FROM winnow.%I WHERE request_id >= %L AND request_id < %L RETURNING *)
                 INSERT INTO winnow.%I SELECT * FROM moved', parent || '_default', lower, upper, part);
            EXECUTE format(
                'ALTER TABLE winnow.%I ATTACH PARTITION winnow.%I FOR VALUES FROM (%L) TO (%L)',
                parent, part, lower, upper);
            created := created + 1;
        END LOOP;

        FOR part, day IN
            SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')
            FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = format('winnow.%I', parent)::regclass
                AND c.relname ~ '_p[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < cutoff
            ORDER BY 1
        LOOP
            -- An open request still needs its steps, however old it is.
            CONTINUE WHEN EXISTS (
                SELECT FROM winnow.request AS r
                WHERE r.state = 'open' AND r.request_id >= winnow.uuid_v7_floor(day AT TIME ZONE 'UTC')
                    AND r.request_id < winnow.uuid_v7_floor((day + interval '1 day') AT TIME ZONE 'UTC'));
            EXECUTE format('DROP TABLE winnow.%I', part);
            dropped := dropped + 1;
        END LOOP;

        EXECUTE format(
            'DELETE FROM winnow.%I AS d WHERE d.request_id < %L AND NOT EXISTS (
                 SELECT FROM winnow.request AS r WHERE r.request_id = d.request_id AND r.state = ''open'')',
            parent || '_default', cutoff_id);
    END LOOP;

    DELETE FROM winnow.request WHERE request_id IN (
        SELECT r.request_id FROM winnow.request AS r
        WHERE r.request_id < cutoff_id AND r.state <> 'open' ORDER BY r.request_id LIMIT delete_limit);
    GET DIAGNOSTICS deleted = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION winnow.maintain_partitions IS
    'Creates partitions for days_ahead days, and drops and deletes data older than retention_days.';
REVOKE ALL ON FUNCTION winnow.maintain_partitions FROM PUBLIC;

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

    -- Folded hours only, because their sums are also in cost_day.
    DELETE FROM winnow.cost_hour WHERE ctid IN (
        SELECT ctid FROM winnow.cost_hour WHERE shard = 0 AND hour < hourly LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    DELETE FROM winnow.cost_day WHERE ctid IN (
        SELECT ctid FROM winnow.cost_day WHERE day < (now() - make_interval(days => daily_days))::date LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;

    -- Deletes series that were marked as unused a day ago. A transaction that counted in one at that time has ended long before,
    -- so its sum is visible here. Counting a call in a marked series removes the mark.
    DELETE FROM winnow.cost_series AS d WHERE d.unused_since < now() - interval '1 day' AND d.series_id IN (
        SELECT s.series_id FROM winnow.cost_series AS s
        WHERE s.unused_since < now() - interval '1 day'
            AND NOT EXISTS (SELECT FROM winnow.cost_hour AS h WHERE h.series_id = s.series_id)
            AND NOT EXISTS (SELECT FROM winnow.cost_day AS c WHERE c.series_id = s.series_id)
        LIMIT delete_limit);
    GET DIAGNOSTICS more = ROW_COUNT;
    deleted := deleted + more;
    UPDATE winnow.cost_series AS d SET unused_since = now() WHERE d.unused_since IS NULL AND d.series_id IN (
        SELECT s.series_id FROM winnow.cost_series AS s
        WHERE s.unused_since IS NULL
            AND NOT EXISTS (SELECT FROM winnow.cost_hour AS h WHERE h.series_id = s.series_id)
            AND NOT EXISTS (SELECT FROM winnow.cost_day AS c WHERE c.series_id = s.series_id)
        LIMIT delete_limit);

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

    -- A standing certificate is judged by all comparisons since it took effect, however old they are.
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

    -- Tenants that still have their initial settings, and that nothing refers to any more.
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
COMMENT ON FUNCTION winnow.apply_retention IS
    'Deletes rows past their retention, a bounded number per table. Repeat the call while it returns more than 0.';
REVOKE ALL ON FUNCTION winnow.apply_retention FROM PUBLIC;

-- Visits the final requests of a tenant in the order of their event ids, which is the order of the unique index. A request
-- without steps is one whose payload is gone: retention leaves requests in the same state.
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
    -- A digest of the body would confirm a correct guess of the body.
    UPDATE winnow.request AS r SET erased_at = now(), body_digest = NULL WHERE r.request_id = ANY (due);
END
$$;
COMMENT ON FUNCTION winnow.erase_payload IS
    'Erases the items and answers of one batch of a tenant''s final requests. Keeps the ledger, the states and the costs.';
REVOKE ALL ON FUNCTION winnow.erase_payload FROM PUBLIC;
