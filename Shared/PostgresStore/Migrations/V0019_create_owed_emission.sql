-- What background decisions call for and the broker has not acknowledged yet. A row is written in the transaction that
-- decides, and deleted once the records are acknowledged. A wish is a row of its own, so that one that comes while another is
-- carried out is not forgotten with it.
CREATE TABLE winnow.owed_emission (
    emission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT owed_emission_kind_known CHECK (kind IN ('state', 'cancellation'))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.owed_emission IS 'Emissions that the keeper still has to send: what the state of a request calls for, or word of its cancellation.';

-- The longer a request makes no progress, the longer the next re-drive waits.
ALTER TABLE winnow.request
    ADD COLUMN redrives smallint NOT NULL DEFAULT 0,
    ADD COLUMN redrive_at timestamptz;
COMMENT ON COLUMN winnow.request.redrives IS 'How often its emissions were repeated since it last made progress.';
COMMENT ON COLUMN winnow.request.redrive_at IS 'Not before this instant they are repeated again.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'SELECT, INSERT, DELETE ON winnow.owed_emission');

SELECT winnow.grant_roles();
