-- What tells a request that was delivered again from a copy of it, and both from another request under the same id.
-- Rows of before have neither: any body and any place is taken for theirs.
ALTER TABLE winnow.request
    ADD COLUMN body_digest bytea,
    ADD COLUMN place bigint,
    ADD CONSTRAINT request_body_digest_length CHECK (octet_length(body_digest) = 16);
COMMENT ON COLUMN winnow.request.body_digest IS 'The first 16 bytes of the SHA-256 of the body that was accepted; another body under the same id is rejected.';
COMMENT ON COLUMN winnow.request.place IS 'A number of where the request was read: a hash of topic, partition, offset and time. What comes from there again was delivered again; what comes from elsewhere is a copy.';

-- A number of its own for each row of before, so that none is taken for another.
ALTER TABLE winnow.submission
    ADD COLUMN place bigint NOT NULL DEFAULT floor(random() * 9e15)::bigint;
COMMENT ON COLUMN winnow.submission.place IS 'As winnow.request.place: where the request was read, or a number of its own where it was submitted to this table.';
