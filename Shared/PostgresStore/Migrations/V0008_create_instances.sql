-- The processes of the suite as they report themselves on winnow.heartbeats.v1, and the processor time that they use.

-- Updated every few seconds for each process. Free room on the pages and no index besides the primary key keep this cheap.
CREATE TABLE winnow.instance (
    instance_id text COLLATE "C" PRIMARY KEY,
    service text COLLATE "C" NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    state text COLLATE "C" NOT NULL,
    partitions integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    beat_interval_ms integer NOT NULL,
    cpu_ms bigint NOT NULL DEFAULT 0,
    CONSTRAINT instance_state_known CHECK (state IN ('running', 'draining', 'stopped'))
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.instance IS
    'Processes of the suite. The aggregator writes what they report, and deletes processes that were silent for a day.';
COMMENT ON COLUMN winnow.instance.partitions IS 'How many partitions the process works on. A drained process has none.';
COMMENT ON COLUMN winnow.instance.cpu_ms IS 'Processor time since the process started.';

-- Heartbeats carry the processor time of each process since its start. For the database, active_time of pg_stat_database is used:
-- the time spent running statements, including waits, so that the figure is not too low.
CREATE TABLE winnow.platform_day (
    day date NOT NULL,
    component text COLLATE "C" NOT NULL,
    cpu_ms numeric NOT NULL,
    PRIMARY KEY (day, component)
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.platform_day IS 'Processor time by day (UTC) and service. The component database is this database.';

CREATE TABLE winnow.platform_meter (
    component text COLLATE "C" PRIMARY KEY,
    reading_ms double precision NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.platform_meter IS 'The last reading of a counter that only grows, so that no time is counted twice.';
INSERT INTO winnow.platform_meter (component, reading_ms)
SELECT 'database', active_time FROM pg_stat_database WHERE datname = current_database();

-- Limits each report to what 256 cores can use since the last beat, because a process may report any figure.
CREATE FUNCTION winnow.count_processor_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reading double precision;
    earlier double precision;
BEGIN
    -- Locked first, so that writers run one after the other and cannot deadlock.
    SELECT reading_ms INTO earlier FROM winnow.platform_meter WHERE component = 'database' FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        SELECT (beat_at AT TIME ZONE 'UTC')::date, service,
            sum(least(cpu_ms, 256000 * greatest(extract(epoch FROM beat_at - started_at), 0)))
        FROM changed GROUP BY 1, 2 HAVING sum(cpu_ms) > 0
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    ELSE
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        SELECT (n.beat_at AT TIME ZONE 'UTC')::date, n.service,
            sum(least(n.cpu_ms - CASE WHEN n.started_at = o.started_at THEN o.cpu_ms ELSE 0 END,
                256000 * greatest(extract(epoch FROM n.beat_at - greatest(o.beat_at, n.started_at)), 0)))
        FROM changed AS n JOIN earlier_rows AS o USING (instance_id)
        WHERE n.cpu_ms > CASE WHEN n.started_at = o.started_at THEN o.cpu_ms ELSE 0 END
        GROUP BY 1, 2
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    END IF;
    SELECT active_time INTO reading FROM pg_stat_database WHERE datname = current_database();
    IF reading <> earlier THEN
        UPDATE winnow.platform_meter SET reading_ms = reading WHERE component = 'database';
        -- Statistics that were reset start again at zero.
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        VALUES ((now() AT TIME ZONE 'UTC')::date, 'database',
            (CASE WHEN reading < earlier THEN reading ELSE reading - earlier END)::numeric)
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION winnow.count_processor_time IS
    'Adds the processor time that processes and the database used since their last report to the day.';
REVOKE ALL ON FUNCTION winnow.count_processor_time FROM PUBLIC;
CREATE TRIGGER instance_counted AFTER INSERT ON winnow.instance
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_processor_time();
CREATE TRIGGER instance_counted_after AFTER UPDATE ON winnow.instance
    REFERENCING OLD TABLE AS earlier_rows NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_processor_time();
