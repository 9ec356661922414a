-- The catalog of capabilities. Each row is a whole catalog, so that any version can be read, compared and applied again without
-- another row. The newest row is in force; rows are never changed.

CREATE TABLE winnow.catalog_version (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fingerprint text COLLATE "C" NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    -- Not jsonb: the fingerprint is that of these bytes.
    body json NOT NULL
);
COMMENT ON TABLE winnow.catalog_version IS 'Versions of the catalog of capabilities. The newest is in force.';
COMMENT ON COLUMN winnow.catalog_version.fingerprint IS 'SHA-256 of body, which is the catalog in its canonical form.';

ALTER TABLE winnow.request ADD COLUMN catalog_version bigint;
COMMENT ON COLUMN winnow.request.catalog_version IS
    'Version of the catalog that accepted the request; NULL for requests from before catalogs.';

CREATE VIEW ops.catalog_version AS
SELECT version, applied_at, fingerprint, json_array_length(body -> 'capabilities') AS capabilities
FROM winnow.catalog_version;
COMMENT ON VIEW ops.catalog_version IS 'Versions of the catalog of capabilities. The newest is in force.';
COMMENT ON COLUMN ops.catalog_version.version IS 'Number of the version; ascending, with gaps. Unit: ordinal.';
COMMENT ON COLUMN ops.catalog_version.applied_at IS 'Time at which the version was applied, in UTC.';
COMMENT ON COLUMN ops.catalog_version.fingerprint IS 'SHA-256 of the catalog in its canonical form, in hexadecimal.';
COMMENT ON COLUMN ops.catalog_version.capabilities IS 'Number of capabilities in the version. Unit: capabilities.';

-- A catalog without one of these routes would leave a request without an answer.
CREATE FUNCTION winnow.open_routes() RETURNS TABLE (capability text, task text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT s.capability, s.task
    FROM winnow.request AS r JOIN winnow.step AS s USING (request_id)
    WHERE r.state = 'open'
$$;
COMMENT ON FUNCTION winnow.open_routes IS 'The routes of the steps of open requests.';
REVOKE ALL ON FUNCTION winnow.open_routes FROM PUBLIC;

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'SELECT ON winnow.catalog_version'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.catalog_version'),
    ('winnow_operator', 'EXECUTE ON FUNCTION winnow.open_routes');
SELECT winnow.grant_roles();
