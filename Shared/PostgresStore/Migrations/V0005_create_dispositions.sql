-- What operators have done about dead letters.

-- A topic only grows, so what became of a dead letter is a row beside it. The instant is part of the key: where a topic
-- was made anew, as the embedded broker's are at each start, the same offset is another letter.
CREATE TABLE winnow.dead_letter_disposition (
    topic text COLLATE "C" NOT NULL,
    partition_id integer NOT NULL,
    record_offset bigint NOT NULL,
    written_at timestamptz NOT NULL,
    disposition text COLLATE "C" NOT NULL,
    disposed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition_id, record_offset, written_at),
    CONSTRAINT dead_letter_disposition_known CHECK (disposition IN ('replayed', 'discarded'))
);
COMMENT ON TABLE winnow.dead_letter_disposition IS 'Dead letters that need nobody any more, by their place in the topic.';
COMMENT ON COLUMN winnow.dead_letter_disposition.written_at IS 'When the dead letter was written, to the millisecond.';

-- Operators who may also act: read ops, dispose of dead letters. A login of your own becomes a
-- member; winnow_ops stays as it is, for those who only look.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'winnow_operator') THEN
        CREATE ROLE winnow_operator NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this cluster was migrated in the same moment
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role winnow_operator is not there and may not be created';
END
$$;

-- What each role may: rows, so that a later migration adds its own and repeats none.
CREATE TABLE winnow.role_grant (
    role text COLLATE "C" NOT NULL,
    privilege text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, privilege)
);
COMMENT ON TABLE winnow.role_grant IS 'GRANT statements without their GRANT and TO; winnow.grant_roles carries them out.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
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
    ('winnow_ops', 'SELECT ON ALL TABLES IN SCHEMA ops'),
    ('winnow_operator', 'USAGE ON SCHEMA winnow, ops'),
    ('winnow_operator', 'SELECT ON ALL TABLES IN SCHEMA ops'),
    ('winnow_operator', 'SELECT, INSERT, UPDATE ON winnow.dead_letter_disposition');

CREATE OR REPLACE FUNCTION winnow.grant_roles() RETURNS void
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

SELECT winnow.grant_roles();
