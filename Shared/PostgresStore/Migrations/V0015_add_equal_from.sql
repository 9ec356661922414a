-- What counts as the full model's answer is a term of the certificate.

CREATE OR REPLACE VIEW ops.certificate AS
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
    c.certified_at, c.registered_at, r.revoked_at, r.reason,
    coalesce((c.body ->> 'equalFrom')::numeric, 1) AS equal_from
FROM winnow.certificate AS c LEFT JOIN winnow.certificate_revocation AS r USING (certificate_id);
COMMENT ON COLUMN ops.certificate.equal_from IS 'A label counts as the full model''s answer where that gives it at least this share of its best label''s probability; 1: the best alone.';
