-- What the small models may answer themselves, and what live comparisons with the full model tell of that.

-- Rows are added and never changed: years later it can still be told which certificate decided what.
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

CREATE TABLE winnow.certificate_tenant_revocation (
    certificate_id text COLLATE "C" NOT NULL REFERENCES winnow.certificate,
    tenant_id text COLLATE "C" NOT NULL,
    revoked_at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (certificate_id, tenant_id)
);
COMMENT ON TABLE winnow.certificate_tenant_revocation IS 'Tenants whose traffic escalates in spite of a certificate that others may use, and why.';

-- A sample of the items that small models answered, drawn by a hash, is given to the full model in the background. No text and no
-- label is kept: only whether both models said the same.
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

-- Counted in the transaction that writes the comparisons, so that nobody has to count them later.
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
    tenant_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability)
);
COMMENT ON TABLE winnow.shadow_tally IS 'Comparisons by the hour in which the small model answered, and by all that a sample must not mix.';
CREATE INDEX shadow_tally_stale ON winnow.shadow_tally (hour) WHERE is_stale;

-- A text counts once, each tenant is tested by itself, and a certificate may be revoked for one tenant alone: one tenant cannot
-- decide for the others by sending the same text again and again.

-- Two random pads, the key of an HMAC. Without them a digest cannot be compared with the digest of a guess.
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

-- Apart from the tallies by hour: a sum over all hours would grow with every hour that a certificate stands.
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

-- Agreement, as worked out from the tallies and the evidence.
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
