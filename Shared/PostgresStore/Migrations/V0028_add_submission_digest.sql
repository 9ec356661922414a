-- By which `winnow submit` tells another body under an id that waits: operators may not read bodies. Made from the body, so that
-- it cannot differ from it, whichever way the row came.
ALTER TABLE winnow.submission
    ADD COLUMN body_digest bytea NOT NULL GENERATED ALWAYS AS (substring(sha256(body) FOR 16)) STORED;
COMMENT ON COLUMN winnow.submission.body_digest IS 'The first 16 bytes of the SHA-256 of the body.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_operator', 'SELECT (body_digest) ON winnow.submission');

SELECT winnow.grant_roles();
