-- The answers of the full model, kept so that a copy of a step is not paid for twice. A copy comes when a record is redelivered, or
-- when a request is re-driven while its escalation still waits. It may come after the request is final, so answers stay as long
-- as steps do.

-- Partitioned as winnow.step is: answers are payload, retention drops them by day, and erasing a tenant deletes them.
CREATE TABLE winnow.paid_answer (
    request_id uuid NOT NULL,
    step_ordinal smallint NOT NULL,
    -- A step may be asked about other items later, for example after a part of it was answered.
    question bytea NOT NULL,
    answers json NOT NULL,
    PRIMARY KEY (request_id, step_ordinal, question)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.paid_answer IS 'Answers of the full model to the open items of a step. Holds payload: only the escalator reads it.';
COMMENT ON COLUMN winnow.paid_answer.question IS 'The SHA-256 of the indexes and texts of the items.';

CREATE TABLE winnow.paid_answer_default PARTITION OF winnow.paid_answer DEFAULT;

-- SECURITY DEFINER: the escalator has no rights on requests. The transaction has locked them (winnow.lock_requests), so a request
-- is not erased in the meantime.
CREATE FUNCTION winnow.keep_answers(requests uuid[], ordinals smallint[], questions bytea[], answers json[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO winnow.paid_answer (request_id, step_ordinal, question, answers)
    SELECT u.request_id, u.step_ordinal, u.question, u.answers
    FROM unnest($1, $2, $3, $4) AS u (request_id, step_ordinal, question, answers)
    WHERE NOT EXISTS (SELECT FROM winnow.request AS r WHERE r.request_id = u.request_id AND r.erased_at IS NOT NULL)
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION winnow.keep_answers IS 'Keeps answers of the full model, except for requests whose payload is erased.';
REVOKE ALL ON FUNCTION winnow.keep_answers FROM PUBLIC;

-- As in V0014, and deletes the kept answers too.
CREATE OR REPLACE FUNCTION winnow.erase_payload(
    tenant text, before timestamptz, after_event text, batch integer DEFAULT 1000,
    OUT seen integer, OUT erased integer, OUT last_event text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $$
DECLARE
    due uuid[];
BEGIN
    SELECT count(*), max(r.event_id),
        array_agg(r.request_id) FILTER (
            WHERE r.state <> 'open' AND r.accepted_at < before AND r.erased_at IS NULL)
    INTO seen, last_event, due
    FROM (
        SELECT q.request_id, q.event_id, q.state, q.accepted_at, q.erased_at FROM winnow.request AS q
        WHERE q.tenant_id = tenant AND q.event_id > after_event
        ORDER BY q.event_id LIMIT batch FOR NO KEY UPDATE) AS r;
    erased := coalesce(cardinality(due), 0);
    DELETE FROM winnow.step AS s WHERE s.request_id = ANY (due);
    DELETE FROM winnow.paid_answer AS p WHERE p.request_id = ANY (due);
    -- Anyone who guesses the body could check the guess against its digest.
    UPDATE winnow.request AS r SET erased_at = now(), body_digest = NULL WHERE r.request_id = ANY (due);
END
$$;

INSERT INTO winnow.role_grant (role, privilege)
SELECT 'winnow_escalator', privilege FROM (VALUES
    ('SELECT ON winnow.paid_answer'),
    ('EXECUTE ON FUNCTION winnow.keep_answers')
) AS rights (privilege);

SELECT winnow.grant_roles();
