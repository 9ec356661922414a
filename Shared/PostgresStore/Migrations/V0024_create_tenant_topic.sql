-- Tenants with topics of their own: there the topic says whose a request is, and a broker's ACLs say who may write it.

CREATE TABLE winnow.tenant_topic (
    tenant_id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE winnow.tenant_topic IS 'Tenants whose requests come from topics of their own and from nowhere else; their results go to a topic of their own.';

CREATE VIEW ops.tenant_topic AS SELECT tenant_id AS tenant, created_at FROM winnow.tenant_topic;
COMMENT ON VIEW ops.tenant_topic IS 'Tenants with topics of their own.';
COMMENT ON COLUMN ops.tenant_topic.tenant IS 'The tenant.';
COMMENT ON COLUMN ops.tenant_topic.created_at IS 'When it was given them.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_decomposer', 'SELECT ON winnow.tenant_topic'),
    ('winnow_aggregator', 'SELECT ON winnow.tenant_topic'),
    ('winnow_operator', 'SELECT, INSERT, DELETE ON winnow.tenant_topic');

SELECT winnow.grant_roles();
