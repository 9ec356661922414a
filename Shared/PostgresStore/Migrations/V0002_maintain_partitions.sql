-- The smallest UUID version 7 that a request accepted at an instant can have.
CREATE FUNCTION winnow.uuid_v7_floor(instant timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
COMMENT ON FUNCTION winnow.uuid_v7_floor IS 'Lower bound of the ids of requests accepted at or after an instant.';

-- Keeps daily partitions ahead of time, drops those past retention, deletes final requests past retention.
-- A function and not a procedure: SECURITY DEFINER, which a service without rights on tables needs, forbids COMMIT in
-- a procedure. So the delete is bounded; call again while it returns as many as the limit.
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
    -- One at a time: two would race for the same names.
    PERFORM pg_advisory_xact_lock(hashtext('winnow.maintain_partitions'));

    FOREACH parent IN ARRAY ARRAY['step', 'attempt'] LOOP
        FOR day IN SELECT generate_series(today, today + make_interval(days => days_ahead), '1 day') LOOP
            part := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(format('winnow.%I', part)) IS NOT NULL;
            lower := winnow.uuid_v7_floor(day AT TIME ZONE 'UTC');
            upper := winnow.uuid_v7_floor((day + interval '1 day') AT TIME ZONE 'UTC');
            -- Attached, not created in place: that would lock out every reader of the parent. Steps are updated once
            -- or twice, and room on the page keeps that out of the index.
            EXECUTE format(
                'CREATE TABLE winnow.%I (LIKE winnow.%I INCLUDING ALL) WITH (fillfactor = %s)',
                part, parent, CASE parent WHEN 'step' THEN 70 ELSE 100 END);
            -- Rows that came before their partition wait in the default one.
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
            -- A request that is open still needs its steps, however old it is.
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
COMMENT ON FUNCTION winnow.maintain_partitions IS 'Creates partitions days_ahead, drops and deletes what is older than retention_days.';
REVOKE ALL ON FUNCTION winnow.maintain_partitions FROM PUBLIC;
