-- Which answers the small models may give on their own, and what live comparisons with the full model show about them.

-- Rows are added and never changed, so that it stays known which certificate led to which decision.
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
COMMENT ON TABLE winnow.certificate IS
    'Certificates, each for one task and one pair of model versions. The certificate that was registered last for a pair is the '
    'one in force.';
COMMENT ON COLUMN winnow.certificate.body IS 'The certificate as it is published on winnow.certificates.v1.';

CREATE INDEX certificate_newest
    ON winnow.certificate (
        capability, task, small_model, full_model, registered_at DESC, certified_at DESC, certificate_id DESC);

CREATE TABLE winnow.certificate_revocation (
    certificate_id text COLLATE "C" PRIMARY KEY REFERENCES winnow.certificate,
    revoked_at timestamptz NOT NULL,
    reason text NOT NULL
);
COMMENT ON TABLE winnow.certificate_revocation IS 'Certificates that are no longer valid, and why.';

CREATE TABLE winnow.certificate_tenant_revocation (
    certificate_id text COLLATE "C" NOT NULL REFERENCES winnow.certificate,
    tenant_id text COLLATE "C" NOT NULL,
    revoked_at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id)
);
COMMENT ON TABLE winnow.certificate_tenant_revocation IS
    'Tenants whose traffic escalates although the certificate is valid for other tenants, and why.';

-- A hash selects a sample of the items that small models answered, and the full model answers them again in the background.
-- Neither text nor label is kept, only whether both models gave the same answer.
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
COMMENT ON TABLE winnow.shadow_comparison IS
    'Answered items for which the full model was also asked. The weight of a row is the inverse of sampling_probability.';
CREATE TABLE winnow.shadow_comparison_default PARTITION OF winnow.shadow_comparison DEFAULT;

-- Updated in the transaction that writes the comparisons, so that no later job has to count them.
CREATE TABLE winnow.shadow_tally (
    hour timestamptz NOT NULL,
    sampling_probability double precision NOT NULL,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    -- Whether the tally has grown since the agreement was last computed from it.
    is_stale boolean NOT NULL DEFAULT true,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    small_model text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability)
);
COMMENT ON TABLE winnow.shadow_tally IS
    'Comparisons by the hour in which the small model answered, and by every attribute that a sample must not mix.';
CREATE INDEX shadow_tally_stale ON winnow.shadow_tally (hour) WHERE is_stale;

-- A text counts once, each tenant is tested separately, and a certificate may be revoked for one tenant alone. So one tenant
-- cannot decide for the others by sending the same text repeatedly.

-- Two random pads, the key of an HMAC. Without them, a digest cannot be compared with the digest of a guessed text.
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
COMMENT ON FUNCTION winnow.text_digest IS
    'A keyed hash of a text (the first 16 bytes of HMAC-SHA256). It shows whether two texts are equal, and reveals nothing of '
    'their content.';
REVOKE ALL ON FUNCTION winnow.text_digest FROM PUBLIC;

CREATE TABLE winnow.shadow_text (
    compared_at timestamptz NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    full_model text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (certificate_id, full_model, digest, tenant_id)
);
COMMENT ON TABLE winnow.shadow_text IS
    'The texts of each tenant that have been compared, as keyed hashes. A text whose row is deleted may count again.';

CREATE TABLE winnow.shadow_tenant (
    position integer NOT NULL,
    certificate_id text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id),
    CONSTRAINT shadow_tenant_position_unique UNIQUE (certificate_id, position)
);
COMMENT ON TABLE winnow.shadow_tenant IS
    'The order of the tenants'' first comparisons. It determines how much of the certificate''s delta the test of a tenant may '
    'use, so a row never changes.';

-- Separate from the hourly tallies, because a sum over all hours would grow with every hour in which a certificate is in force.
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
COMMENT ON TABLE winnow.shadow_evidence IS
    'Comparisons since the certificate took effect, by tenant. A text is novel if no other tenant had sent it before.';

-- The agreement, computed from the tallies and the evidence.
CREATE TABLE winnow.agreement (
    hour timestamptz NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    agreement double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, capability, task, tenant_id)
);
COMMENT ON TABLE winnow.agreement IS
    'The agreement that the tallies of an hour show, with a 95% interval that is valid at any time.';

CREATE TABLE winnow.certificate_agreement (
    certificate_id text COLLATE "C" PRIMARY KEY REFERENCES winnow.certificate,
    compared bigint NOT NULL,
    disagreed bigint NOT NULL,
    agreement double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL
);
COMMENT ON TABLE winnow.certificate_agreement IS 'The agreement since the certificate took effect, with the same interval.';

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
COMMENT ON TABLE winnow.tenant_agreement IS 'The agreement that the comparisons of one tenant show for a certificate.';
