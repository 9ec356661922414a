-- What live comparisons tell of a certificate is weighed by tenant: a text counts once, each tenant is tested by itself, and a
-- certificate may be revoked for one tenant alone.

-- Evidence begins anew: until now a text counted as often as it was sent, and nobody knows by whom. The comparisons stay.
DELETE FROM winnow.shadow_tally;
DELETE FROM winnow.agreement;
DELETE FROM winnow.certificate_agreement;

-- Two random pads, the key of HMAC. Without them a digest cannot be compared with the digest of a guess.
CREATE TABLE winnow.text_key (
    is_only boolean PRIMARY KEY DEFAULT true,
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL,
    CONSTRAINT text_key_is_only CHECK (is_only)
);
COMMENT ON TABLE winnow.text_key IS 'The key of winnow.text_digest. No role reads it.';
INSERT INTO winnow.text_key (inner_pad, outer_pad)
SELECT string_agg(uuid_send(gen_random_uuid()), ''), string_agg(uuid_send(gen_random_uuid()), '') FROM generate_series(1, 4);

CREATE FUNCTION winnow.text_digest(content bytea) RETURNS bytea
    LANGUAGE sql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT substring(sha256(k.outer_pad || sha256(k.inner_pad || content)) FROM 1 FOR 16) FROM winnow.text_key AS k $$;
COMMENT ON FUNCTION winnow.text_digest IS 'A keyed hash of a text (HMAC-SHA256, the first 16 bytes): it tells whether two texts are the same, and nothing of what they say.';
REVOKE ALL ON FUNCTION winnow.text_digest FROM PUBLIC;

CREATE TABLE winnow.shadow_text (
    compared_at timestamptz NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (certificate_id, full_model, digest, tenant_id)
);
COMMENT ON TABLE winnow.shadow_text IS 'Which texts of which tenants have been compared, as keyed hashes. A text whose row is deleted may count again.';

CREATE TABLE winnow.shadow_tenant (
    position integer NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id),
    CONSTRAINT shadow_tenant_position_unique UNIQUE (certificate_id, position)
);
COMMENT ON TABLE winnow.shadow_tenant IS 'The order in which tenants'' first comparisons came: it says how much of a certificate''s delta a tenant''s test may use, so a row never changes.';

ALTER TABLE winnow.shadow_tally ADD COLUMN tenant_id text COLLATE "C" NOT NULL;
ALTER TABLE winnow.shadow_tally DROP CONSTRAINT shadow_tally_pkey;
ALTER TABLE winnow.shadow_tally ADD PRIMARY KEY (
    hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability);
DROP INDEX winnow.shadow_tally_certificate;

-- Apart from the tallies of hours: a sum over all hours would grow with every hour that a certificate stands.
CREATE TABLE winnow.shadow_evidence (
    sampling_probability double precision NOT NULL,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    novel bigint NOT NULL,
    novel_disagreed bigint NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (certificate_id, full_model, tenant_id, sampling_probability)
);
COMMENT ON TABLE winnow.shadow_evidence IS 'Comparisons since a certificate stands, by tenant. Novel are texts that no other tenant had sent before.';

CREATE TABLE winnow.certificate_tenant_revocation (
    certificate_id text COLLATE "C" NOT NULL REFERENCES winnow.certificate,
    tenant_id text COLLATE "C" NOT NULL,
    revoked_at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id)
);
COMMENT ON TABLE winnow.certificate_tenant_revocation IS 'Tenants whose traffic escalates in spite of a certificate that others may use, and why.';

DROP VIEW ops.agreement;
ALTER TABLE winnow.agreement ADD COLUMN tenant_id text COLLATE "C" NOT NULL;
ALTER TABLE winnow.agreement DROP CONSTRAINT agreement_pkey;
ALTER TABLE winnow.agreement ADD PRIMARY KEY (hour, capability, task, tenant_id);

CREATE TABLE winnow.tenant_agreement (
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    agreement double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    certificate_id text COLLATE "C" NOT NULL REFERENCES winnow.certificate,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id)
);
COMMENT ON TABLE winnow.tenant_agreement IS 'What a tenant''s comparisons tell of a certificate.';

CREATE VIEW ops.agreement AS
SELECT hour, capability, task, tenant_id AS tenant, compared, disagreed, round(agreement::numeric, 6) AS agreement,
    round(low::numeric, 6) AS agreement_low, round(high::numeric, 6) AS agreement_high
FROM winnow.agreement;
COMMENT ON VIEW ops.agreement IS 'Live agreement of a tenant''s accepted answers with the full model, from the texts that it was asked about in the background.';
COMMENT ON COLUMN ops.agreement.hour IS 'Hour (UTC) in which the small model answered.';
COMMENT ON COLUMN ops.agreement.capability IS 'The capability that the items were given to.';
COMMENT ON COLUMN ops.agreement.task IS 'The task of the capability.';
COMMENT ON COLUMN ops.agreement.tenant IS 'The tenant who sent the items.';
COMMENT ON COLUMN ops.agreement.compared IS 'Number of texts that both models were asked about. A text counts once for each tenant and certificate.';
COMMENT ON COLUMN ops.agreement.disagreed IS 'Of these, the number for which the answers differ.';
COMMENT ON COLUMN ops.agreement.agreement IS 'Share from 0 to 1, estimated for all accepted texts: each compared one weighs the inverse of the probability with which it was drawn.';
COMMENT ON COLUMN ops.agreement.agreement_low IS 'Lower end of the 95% interval, a betting one: it holds however often one looks.';
COMMENT ON COLUMN ops.agreement.agreement_high IS 'Upper end of the 95% interval.';

CREATE VIEW ops.tenant_agreement AS
SELECT a.certificate_id, c.capability, c.task, a.tenant_id AS tenant,
    CASE WHEN r.certificate_id IS NULL THEN c.state ELSE 'revoked' END AS state, 1 - c.alpha AS promised, a.compared,
    a.disagreed, round(a.agreement::numeric, 6) AS agreement, round(a.low::numeric, 6) AS agreement_low,
    round(a.high::numeric, 6) AS agreement_high, r.revoked_at, r.reason
FROM ops.certificate AS c JOIN winnow.tenant_agreement AS a USING (certificate_id)
LEFT JOIN winnow.certificate_tenant_revocation AS r USING (certificate_id, tenant_id);
COMMENT ON VIEW ops.tenant_agreement IS 'What each certificate has promised, and how often the answers that it gave a tenant did agree.';
COMMENT ON COLUMN ops.tenant_agreement.certificate_id IS 'The certificate.';
COMMENT ON COLUMN ops.tenant_agreement.capability IS 'The capability that it is about.';
COMMENT ON COLUMN ops.tenant_agreement.task IS 'The task of the capability.';
COMMENT ON COLUMN ops.tenant_agreement.tenant IS 'The tenant who sent the texts.';
COMMENT ON COLUMN ops.tenant_agreement.state IS 'Whether the certificate stands for this tenant: standing, superseded or revoked.';
COMMENT ON COLUMN ops.tenant_agreement.promised IS 'Share of agreeing answers, from 0 to 1, that the certificate promises.';
COMMENT ON COLUMN ops.tenant_agreement.compared IS 'Number of the tenant''s texts that both models were asked about, each counted once.';
COMMENT ON COLUMN ops.tenant_agreement.disagreed IS 'Of these, the number for which the answers differ.';
COMMENT ON COLUMN ops.tenant_agreement.agreement IS 'Estimated share from 0 to 1.';
COMMENT ON COLUMN ops.tenant_agreement.agreement_low IS 'Lower end of the 95% interval, which holds however often one looks.';
COMMENT ON COLUMN ops.tenant_agreement.agreement_high IS 'Upper end of the 95% interval.';
COMMENT ON COLUMN ops.tenant_agreement.revoked_at IS 'When it was revoked for this tenant alone.';
COMMENT ON COLUMN ops.tenant_agreement.reason IS 'Why it was revoked for this tenant alone.';

CREATE VIEW ops.tenant_revocation AS
SELECT certificate_id, c.capability, c.task, r.tenant_id AS tenant, r.revoked_at, r.reason
FROM winnow.certificate_tenant_revocation AS r JOIN winnow.certificate AS c USING (certificate_id);
COMMENT ON VIEW ops.tenant_revocation IS 'Certificates that were revoked for single tenants: their traffic escalates, and that of others does not.';
COMMENT ON COLUMN ops.tenant_revocation.certificate_id IS 'The certificate.';
COMMENT ON COLUMN ops.tenant_revocation.capability IS 'The capability that it is about.';
COMMENT ON COLUMN ops.tenant_revocation.task IS 'The task of the capability.';
COMMENT ON COLUMN ops.tenant_revocation.tenant IS 'The tenant for whom it no longer stands.';
COMMENT ON COLUMN ops.tenant_revocation.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN ops.tenant_revocation.reason IS 'Why it was revoked.';

COMMENT ON VIEW ops.certificate_agreement IS 'What each certificate has promised, and how often answers given by it did agree, over all tenants. A text that several have sent counts once.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_escalator', 'EXECUTE ON FUNCTION winnow.text_digest'),
    ('winnow_escalator', 'SELECT, INSERT ON winnow.shadow_text, winnow.shadow_tenant'),
    ('winnow_escalator', 'SELECT, INSERT, UPDATE ON winnow.shadow_evidence'),
    ('winnow_aggregator', 'SELECT ON winnow.shadow_tenant, winnow.shadow_evidence'),
    ('winnow_aggregator', 'SELECT, INSERT, UPDATE ON winnow.tenant_agreement'),
    ('winnow_aggregator', 'SELECT, INSERT ON winnow.certificate_tenant_revocation'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.certificate_tenant_revocation');

SELECT winnow.grant_roles();
