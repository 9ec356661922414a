-- A result is written once: what it says of cost is decided when its request becomes final. Costs that come later change
-- the request's totals, which stay equal to the sum of its ledger rows, and not what the result says.

ALTER TABLE winnow.request
    ADD COLUMN cost_final boolean NOT NULL DEFAULT true,
    ADD COLUMN result_totals bigint[],
    ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN winnow.request.cost_final IS 'Whether no call was open when the request became final.';
COMMENT ON COLUMN winnow.request.result_totals IS 'Totals as the result gives them, where later costs have changed the others: tokens in and out, flops, pico-USD; then the full model''s.';
COMMENT ON COLUMN winnow.request.erased_at IS 'When the payload of its steps was erased; its result is marked so from then on.';

-- Whoever changes the ledger of a request holds this lock, as whoever makes the request final does: the one that comes
-- second sees what the first one wrote.
CREATE FUNCTION winnow.lock_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM winnow.request AS r WHERE r.request_id = ANY (ids) ORDER BY r.request_id FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION winnow.lock_requests IS 'Locks requests before their ledger changes, in ascending order of id.';
REVOKE ALL ON FUNCTION winnow.lock_requests FROM PUBLIC;

-- SECURITY DEFINER: the escalator writes the ledger and has no rights on requests.
CREATE FUNCTION winnow.sum_final_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lowest uuid;
    highest uuid;
BEGIN
    -- The bounds prune the ledger's partitions.
    SELECT min(r.request_id::text)::uuid, max(r.request_id::text)::uuid INTO lowest, highest
    FROM winnow.request AS r WHERE r.request_id = ANY (ids) AND r.state <> 'open';
    IF lowest IS NULL THEN
        RETURN;
    END IF;
    UPDATE winnow.request AS r
    SET result_totals = coalesce(r.result_totals, ARRAY[
            r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
            r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd]),
        input_tokens = s.t1, output_tokens = s.t2, flops = s.t3, cost_pico_usd = s.t4, full_model_input_tokens = s.t5,
        full_model_output_tokens = s.t6, full_model_flops = s.t7, full_model_cost_pico_usd = s.t8
    FROM (
        SELECT f.request_id, t.*
        FROM winnow.request AS f
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(a.input_tokens), 0)::bigint AS t1, coalesce(sum(a.output_tokens), 0)::bigint AS t2,
                coalesce(sum(a.flops), 0)::bigint AS t3, coalesce(sum(a.cost_pico_usd), 0)::bigint AS t4,
                coalesce(sum(a.full_model_input_tokens), 0)::bigint AS t5,
                coalesce(sum(a.full_model_output_tokens), 0)::bigint AS t6,
                coalesce(sum(a.full_model_flops), 0)::bigint AS t7,
                coalesce(sum(a.full_model_cost_pico_usd), 0)::bigint AS t8
            FROM winnow.attempt AS a
            WHERE a.request_id = f.request_id AND a.request_id BETWEEN lowest AND highest AND a.kind <> 'shadow') AS t
        WHERE f.request_id = ANY (ids) AND f.state <> 'open') AS s
    WHERE r.request_id = s.request_id
        AND (r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
            r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd)
            IS DISTINCT FROM (s.t1, s.t2, s.t3, s.t4, s.t5, s.t6, s.t7, s.t8);
END
$$;
COMMENT ON FUNCTION winnow.sum_final_requests IS 'Sums the ledger of those requests that are final; the transaction has locked them.';
REVOKE ALL ON FUNCTION winnow.sum_final_requests FROM PUBLIC;

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_escalator', 'EXECUTE ON FUNCTION winnow.lock_requests, winnow.sum_final_requests');

SELECT winnow.grant_roles();
