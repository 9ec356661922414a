-- Each column of a view says what it is; a time's names UTC.
COMMENT ON COLUMN ops.tenant_topic.tenant IS 'The tenant that has topics of its own.';
COMMENT ON COLUMN ops.tenant_topic.created_at IS 'When the tenant was given its topics (UTC).';
