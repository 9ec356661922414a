-- What the small models may answer themselves, as `winnow certify` has found it. Rows are added and never changed: what
-- was decided with which certificate can be told years later.

CREATE TABLE winnow.certificate (
    certificate_id text COLLATE "C" PRIMARY KEY,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    small_model text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    certified_at timestamptz NOT NULL,
    body json NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE winnow.certificate IS 'Certificates, each for one task and one pair of model versions; of a pair the one that was registered last counts.';
COMMENT ON COLUMN winnow.certificate.body IS 'The certificate as it is published on winnow.certificates.v1.';

CREATE INDEX certificate_newest
    ON winnow.certificate (
        capability, task, small_model, full_model, registered_at DESC, certified_at DESC, certificate_id DESC);

CREATE TABLE winnow.certificate_revocation (
    certificate_id text COLLATE "C" PRIMARY KEY REFERENCES winnow.certificate,
    revoked_at timestamptz NOT NULL,
    reason text NOT NULL
);
COMMENT ON TABLE winnow.certificate_revocation IS 'Certificates that hold no more, and why.';

CREATE VIEW ops.certificate AS
SELECT c.certificate_id, c.capability, c.task,
    row_number() OVER (PARTITION BY c.capability, c.task ORDER BY c.registered_at, c.certified_at, c.certificate_id) AS version,
    CASE
        WHEN r.certificate_id IS NOT NULL THEN 'revoked'
        WHEN row_number() OVER (
            PARTITION BY c.capability, c.task, c.small_model, c.full_model
            ORDER BY c.registered_at DESC, c.certified_at DESC, c.certificate_id DESC) = 1 THEN 'standing'
        ELSE 'superseded'
    END AS state,
    c.small_model, c.full_model,
    (c.body ->> 'alpha')::numeric AS alpha, (c.body ->> 'delta')::numeric AS delta,
    round((c.body ->> 'threshold')::numeric, 6) AS threshold,
    (c.body ->> 'items')::bigint AS items, (c.body ->> 'accepted')::bigint AS accepted,
    (c.body ->> 'disagreements')::bigint AS disagreements, round((c.body ->> 'bound')::numeric, 6) AS bound,
    (c.body -> 'escalationRate' ->> 'value')::numeric AS escalation_rate,
    (c.body -> 'escalationRate' ->> 'low')::numeric AS escalation_rate_low,
    (c.body -> 'escalationRate' ->> 'high')::numeric AS escalation_rate_high,
    (c.body -> 'saving' ->> 'value')::numeric AS saving,
    (c.body -> 'saving' ->> 'low')::numeric AS saving_low,
    (c.body -> 'saving' ->> 'high')::numeric AS saving_high,
    (c.body -> 'accuracyLoss' ->> 'bound')::numeric AS accuracy_loss_bound,
    c.body -> 'data' ->> 'file' AS data_file, c.body -> 'data' ->> 'sha256' AS data_sha256,
    c.certified_at, c.registered_at, r.revoked_at, r.reason
FROM winnow.certificate AS c LEFT JOIN winnow.certificate_revocation AS r USING (certificate_id);
COMMENT ON VIEW ops.certificate IS 'Certificates and whether they stand: revoked, superseded by a newer one of the same models, or standing.';
COMMENT ON COLUMN ops.certificate.bound IS 'What the share of accepted answers that differ from the full model''s does not exceed, with confidence 1 - delta.';
COMMENT ON COLUMN ops.certificate.saving IS 'The share of the full model''s operations that is to be expected to be saved.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'SELECT ON winnow.certificate, winnow.certificate_revocation'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.certificate, winnow.certificate_revocation');

SELECT winnow.grant_roles();
