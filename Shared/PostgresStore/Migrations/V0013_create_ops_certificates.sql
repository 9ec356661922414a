-- Views of certificates, and of how often the answers accepted under them agree with the full model.

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
    c.certified_at, c.registered_at, r.revoked_at, r.reason,
    coalesce((c.body ->> 'tieShare')::numeric, 1) AS tie_share
FROM winnow.certificate AS c LEFT JOIN winnow.certificate_revocation AS r USING (certificate_id);
COMMENT ON VIEW ops.certificate IS
    'Certificates and their state: standing, revoked, or superseded by a newer certificate of the same models.';
COMMENT ON COLUMN ops.certificate.certificate_id IS 'Id of the certificate.';
COMMENT ON COLUMN ops.certificate.capability IS 'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.certificate.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.certificate.version IS
    'Number of the certificate within its task, in the order of registration. Unit: ordinal.';
COMMENT ON COLUMN ops.certificate.state IS 'standing, superseded (by a newer certificate of the same models) or revoked.';
COMMENT ON COLUMN ops.certificate.small_model IS 'Small model, as name@version.';
COMMENT ON COLUMN ops.certificate.full_model IS 'Full model, as name@version.';
COMMENT ON COLUMN ops.certificate.alpha IS
    'Share of accepted answers that may differ from the full model. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.delta IS 'Probability that the promise is wrong. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.threshold IS
    'Calibrated confidence at or above which the small model answers on its own. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.items IS 'Calibration items that the bound was computed from. Unit: items.';
COMMENT ON COLUMN ops.certificate.accepted IS 'Calibration items that the small model would have answered on its own. Unit: items.';
COMMENT ON COLUMN ops.certificate.disagreements IS 'Accepted items for which the full model gives a different answer. Unit: items.';
COMMENT ON COLUMN ops.certificate.bound IS
    'Upper bound of the share of accepted answers that differ from the full model''s, with confidence 1 - delta. Unit: share '
    'from 0 to 1.';
COMMENT ON COLUMN ops.certificate.escalation_rate IS 'Expected share of items that escalate. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.escalation_rate_low IS
    'Lower end of the 95% interval of escalation_rate. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.escalation_rate_high IS
    'Upper end of the 95% interval of escalation_rate. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.saving IS 'Expected share of the full model''s operations that is saved. Unit: share up to 1.';
COMMENT ON COLUMN ops.certificate.saving_low IS 'Lower end of the 95% interval of saving. Unit: share up to 1.';
COMMENT ON COLUMN ops.certificate.saving_high IS 'Upper end of the 95% interval of saving. Unit: share up to 1.';
COMMENT ON COLUMN ops.certificate.accuracy_loss_bound IS
    'Upper bound of the loss of accuracy, with confidence 1 - delta; null if the items have no labels. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate.data_file IS 'Name of the file with the calibration items.';
COMMENT ON COLUMN ops.certificate.data_sha256 IS 'SHA-256 of the data file, in hexadecimal.';
COMMENT ON COLUMN ops.certificate.certified_at IS 'When the bound was computed (UTC).';
COMMENT ON COLUMN ops.certificate.registered_at IS 'When the certificate was registered in this database (UTC).';
COMMENT ON COLUMN ops.certificate.revoked_at IS 'When the certificate was revoked (UTC); null if it was not revoked.';
COMMENT ON COLUMN ops.certificate.reason IS 'Why the certificate was revoked.';
COMMENT ON COLUMN ops.certificate.tie_share IS
    'A label counts as the full model''s answer if the full model gives it at least this share of the probability of its best '
    'label; 1 admits the best label alone. Unit: share from 0 to 1.';

CREATE VIEW ops.certificate_agreement AS
SELECT c.certificate_id, c.capability, c.task, c.state, 1 - c.alpha AS promised, a.compared, a.disagreed,
    round(a.agreement::numeric, 6) AS agreement, round(a.low::numeric, 6) AS agreement_low,
    round(a.high::numeric, 6) AS agreement_high
FROM ops.certificate AS c JOIN winnow.certificate_agreement AS a USING (certificate_id);
COMMENT ON VIEW ops.certificate_agreement IS
    'The agreement that each certificate promises, and the measured agreement of the answers accepted under it, over all '
    'tenants. A text that several tenants sent counts once.';
COMMENT ON COLUMN ops.certificate_agreement.certificate_id IS 'Id of the certificate.';
COMMENT ON COLUMN ops.certificate_agreement.capability IS
    'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.certificate_agreement.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.certificate_agreement.state IS 'standing, superseded or revoked.';
COMMENT ON COLUMN ops.certificate_agreement.promised IS
    'Share of accepted answers for which the certificate promises agreement. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate_agreement.compared IS
    'Texts that both models were asked about. A text that several tenants sent counts once. Unit: texts.';
COMMENT ON COLUMN ops.certificate_agreement.disagreed IS 'Those of the compared texts for which the answers differ. Unit: texts.';
COMMENT ON COLUMN ops.certificate_agreement.agreement IS
    'Estimated share of all accepted answers that agree with the full model. The weight of a compared text is the inverse of its '
    'sampling probability. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate_agreement.agreement_low IS
    'Lower end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.certificate_agreement.agreement_high IS
    'Upper end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';

CREATE VIEW ops.agreement AS
SELECT hour, capability, task, tenant_id AS tenant, compared, disagreed, round(agreement::numeric, 6) AS agreement,
    round(low::numeric, 6) AS agreement_low, round(high::numeric, 6) AS agreement_high
FROM winnow.agreement;
COMMENT ON VIEW ops.agreement IS
    'Live agreement of a tenant''s accepted answers with the full model, from the texts that the full model was asked about in '
    'the background.';
COMMENT ON COLUMN ops.agreement.hour IS 'Hour (UTC) in which the small model answered.';
COMMENT ON COLUMN ops.agreement.capability IS 'Capability that the items were given to.';
COMMENT ON COLUMN ops.agreement.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.agreement.tenant IS 'Tenant that sent the items.';
COMMENT ON COLUMN ops.agreement.compared IS
    'Texts that both models were asked about. A text counts once per tenant and certificate. Unit: texts.';
COMMENT ON COLUMN ops.agreement.disagreed IS 'Those of the compared texts for which the answers differ. Unit: texts.';
COMMENT ON COLUMN ops.agreement.agreement IS
    'Estimated share of all accepted answers that agree with the full model. The weight of a compared text is the inverse of its '
    'sampling probability. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.agreement.agreement_low IS
    'Lower end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.agreement.agreement_high IS
    'Upper end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';

CREATE VIEW ops.tenant_agreement AS
SELECT a.certificate_id, c.capability, c.task, a.tenant_id AS tenant,
    CASE WHEN r.certificate_id IS NULL THEN c.state ELSE 'revoked' END AS state, 1 - c.alpha AS promised, a.compared,
    a.disagreed, round(a.agreement::numeric, 6) AS agreement, round(a.low::numeric, 6) AS agreement_low,
    round(a.high::numeric, 6) AS agreement_high, r.revoked_at, r.reason
FROM ops.certificate AS c JOIN winnow.tenant_agreement AS a USING (certificate_id)
LEFT JOIN winnow.certificate_tenant_revocation AS r USING (certificate_id, tenant_id);
COMMENT ON VIEW ops.tenant_agreement IS
    'The agreement that each certificate promises, and the measured agreement of the answers that it gave one tenant.';
COMMENT ON COLUMN ops.tenant_agreement.certificate_id IS 'Id of the certificate.';
COMMENT ON COLUMN ops.tenant_agreement.capability IS 'Capability that the certificate is for.';
COMMENT ON COLUMN ops.tenant_agreement.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.tenant_agreement.tenant IS 'Tenant that sent the texts.';
COMMENT ON COLUMN ops.tenant_agreement.state IS 'State of the certificate for this tenant: standing, superseded or revoked.';
COMMENT ON COLUMN ops.tenant_agreement.promised IS
    'Share of accepted answers for which the certificate promises agreement. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.tenant_agreement.compared IS
    'Texts of the tenant that both models were asked about. Each text counts once. Unit: texts.';
COMMENT ON COLUMN ops.tenant_agreement.disagreed IS 'Those of the compared texts for which the answers differ. Unit: texts.';
COMMENT ON COLUMN ops.tenant_agreement.agreement IS
    'Estimated share of all accepted answers that agree with the full model. The weight of a compared text is the inverse of its '
    'sampling probability. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.tenant_agreement.agreement_low IS
    'Lower end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.tenant_agreement.agreement_high IS
    'Upper end of the 95% interval of agreement, which is valid however often it is read. Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.tenant_agreement.revoked_at IS 'When the certificate was revoked for this tenant alone (UTC).';
COMMENT ON COLUMN ops.tenant_agreement.reason IS 'Why the certificate was revoked for this tenant alone.';

CREATE VIEW ops.tenant_revocation AS
SELECT certificate_id, c.capability, c.task, r.tenant_id AS tenant, r.revoked_at, r.reason
FROM winnow.certificate_tenant_revocation AS r JOIN winnow.certificate AS c USING (certificate_id);
COMMENT ON VIEW ops.tenant_revocation IS
    'Certificates that were revoked for single tenants. The traffic of these tenants escalates; the traffic of other tenants '
    'does not.';
COMMENT ON COLUMN ops.tenant_revocation.certificate_id IS 'Id of the certificate.';
COMMENT ON COLUMN ops.tenant_revocation.capability IS 'Capability that the certificate is for.';
COMMENT ON COLUMN ops.tenant_revocation.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.tenant_revocation.tenant IS 'Tenant that the certificate was revoked for.';
COMMENT ON COLUMN ops.tenant_revocation.revoked_at IS 'When the certificate was revoked (UTC).';
COMMENT ON COLUMN ops.tenant_revocation.reason IS 'Why the certificate was revoked.';
