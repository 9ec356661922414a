-- The processes of the suite, as they tell of themselves on winnow.heartbeats.v1.

-- Updated every few seconds for each process: room in the pages, and no index besides the key, keep that cheap.
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
    CONSTRAINT instance_state_known CHECK (state IN ('running', 'draining', 'stopped'))
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.instance IS 'Processes of the suite; the aggregator writes what they tell, and deletes who was silent for a day.';
COMMENT ON COLUMN winnow.instance.partitions IS 'How many partitions it works on; a drained one has none.';

CREATE VIEW ops.instance AS
SELECT instance_id, service, host, pid, version,
    CASE
        WHEN state <> 'stopped' AND now() - beat_at > 3 * beat_interval_ms * interval '1 millisecond' THEN 'lost'
        ELSE state
    END AS state,
    partitions, started_at, beat_at,
    round(extract(epoch FROM greatest(now() - beat_at, interval '0')), 1) AS beat_age_seconds
FROM winnow.instance;
COMMENT ON VIEW ops.instance IS 'Processes of the suite: running, draining, stopped, or lost: not heard of for three beats.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'SELECT, INSERT, UPDATE, DELETE ON winnow.instance');

SELECT winnow.grant_roles();
