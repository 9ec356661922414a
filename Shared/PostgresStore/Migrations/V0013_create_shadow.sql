-- What the full model says, in the background, of items that small models have answered: a sample drawn by a hash, and
-- what it tells of the certificates. No text, and no label: only whether both said the same.

CREATE TABLE winnow.shadow_comparison (
    request_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    compared_at timestamptz NOT NULL,
    sampling_probability double precision NOT NULL,
    confidence double precision NOT NULL,
    step_ordinal smallint NOT NULL,
    item_index smallint NOT NULL,
    agrees boolean NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    small_model text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (request_id, step_ordinal, item_index),
    CONSTRAINT shadow_comparison_drawn CHECK (sampling_probability > 0 AND sampling_probability <= 1)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.shadow_comparison IS 'Answered items of which the full model was asked as well; the inverse of sampling_probability is a row''s weight.';
CREATE TABLE winnow.shadow_comparison_default PARTITION OF winnow.shadow_comparison DEFAULT;

-- Kept in the transaction that writes the comparisons, so that nobody has to count them.
CREATE TABLE winnow.shadow_tally (
    hour timestamptz NOT NULL,
    sampling_probability double precision NOT NULL,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    -- Whether it has grown since agreement was last worked out from it.
    is_stale boolean NOT NULL DEFAULT true,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    small_model text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, capability, task, certificate_id, small_model, full_model, sampling_probability)
);
COMMENT ON TABLE winnow.shadow_tally IS 'Comparisons by the hour in which the small model answered, and by all that a sample must not mix.';
CREATE INDEX shadow_tally_certificate ON winnow.shadow_tally (certificate_id);
CREATE INDEX shadow_tally_stale ON winnow.shadow_tally (hour) WHERE is_stale;

CREATE TABLE winnow.agreement (
    hour timestamptz NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    agreement double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    PRIMARY KEY (hour, capability, task)
);
COMMENT ON TABLE winnow.agreement IS 'What the tallies of an hour tell, with a 95% interval that holds at any time.';

CREATE TABLE winnow.certificate_agreement (
    certificate_id text COLLATE "C" PRIMARY KEY REFERENCES winnow.certificate,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    agreement double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL
);
COMMENT ON TABLE winnow.certificate_agreement IS 'The same since a certificate stands.';

CREATE VIEW ops.agreement AS
SELECT hour, capability, task, compared, disagreed, round(agreement::numeric, 6) AS agreement,
    round(low::numeric, 6) AS agreement_low, round(high::numeric, 6) AS agreement_high
FROM winnow.agreement;
COMMENT ON VIEW ops.agreement IS 'Live agreement of accepted answers with the full model, from the items that it was asked about in the background.';
COMMENT ON COLUMN ops.agreement.hour IS 'Hour (UTC) in which the small model answered.';
COMMENT ON COLUMN ops.agreement.agreement IS 'Estimated for all accepted items: each compared one weighs the inverse of the probability with which it was drawn.';
COMMENT ON COLUMN ops.agreement.agreement_low IS 'Of the 95% interval, a betting one: it holds however often one looks.';

CREATE VIEW ops.certificate_agreement AS
SELECT c.certificate_id, c.capability, c.task, c.state, 1 - c.alpha AS promised, a.compared, a.disagreed,
    round(a.agreement::numeric, 6) AS agreement, round(a.low::numeric, 6) AS agreement_low,
    round(a.high::numeric, 6) AS agreement_high
FROM ops.certificate AS c JOIN winnow.certificate_agreement AS a USING (certificate_id);
COMMENT ON VIEW ops.certificate_agreement IS 'What each certificate has promised, and how often answers given by it did agree.';

-- As before, and for every partitioned table that there is or will be: all of them by request id, with a default partition.
-- Keeps daily partitions ahead of time, drops those past retention, deletes final requests past retention.
-- A function and not a procedure: SECURITY DEFINER, which a service without rights on tables needs, forbids COMMIT in
-- a procedure. So the delete is bounded; call again while it returns as many as the limit.
CREATE OR REPLACE FUNCTION winnow.maintain_partitions(
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

    FOR parent IN
        SELECT c.relname FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid
        WHERE c.relnamespace = 'winnow'::regnamespace ORDER BY 1
    LOOP
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

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_escalator', 'SELECT, INSERT ON winnow.shadow_comparison'),
    ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.shadow_tally'),
    ('winnow_aggregator', 'SELECT, UPDATE ON winnow.shadow_tally'),
    ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.agreement, winnow.certificate_agreement'),
    ('winnow_aggregator', 'INSERT ON winnow.certificate_revocation');

SELECT winnow.grant_roles();
