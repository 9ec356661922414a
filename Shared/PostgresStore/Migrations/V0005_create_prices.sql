-- Prices of tokens and of processor time. The past keeps its price: rows are only added.

-- A price is valid until the next price of the same model.
CREATE TABLE winnow.price (
    model text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL,
    input_token_pico_usd bigint NOT NULL,
    output_token_pico_usd bigint NOT NULL,
    PRIMARY KEY (model, valid_from),
    -- A negative price would be a credit, see attempt_cost_not_negative.
    CONSTRAINT price_not_negative CHECK (input_token_pico_usd >= 0 AND output_token_pico_usd >= 0),
    -- The bound keeps costs within a bigint. The service that prices a call reports a call whose cost is still too large.
    CONSTRAINT price_bounded CHECK (input_token_pico_usd <= 1000000000000 AND output_token_pico_usd <= 1000000000000)
);
COMMENT ON TABLE winnow.price IS 'The price of a token in pico-USD, from valid_from until the next row of the model.';
COMMENT ON CONSTRAINT price_bounded ON winnow.price IS 'A token costs at most one USD.';

-- The first price of a model may begin at any time, because no call was paid at another price.
CREATE FUNCTION winnow.guard_price() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a price never changes and is never taken back: add one that begins later'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.valid_from < now() AND EXISTS (SELECT FROM winnow.price AS p WHERE p.model = NEW.model) THEN
        RAISE EXCEPTION 'a price must not begin in the past: calls were paid by the one before'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION winnow.guard_price IS 'Rejects changes that would alter the price of the past.';
REVOKE ALL ON FUNCTION winnow.guard_price FROM PUBLIC;
CREATE TRIGGER price_guarded BEFORE INSERT OR UPDATE OR DELETE ON winnow.price
    FOR EACH ROW EXECUTE FUNCTION winnow.guard_price();

-- The cost of the platform itself, in addition to the calls of models.
CREATE TABLE winnow.platform_rate (
    valid_from timestamptz PRIMARY KEY,
    core_hour_pico_usd bigint NOT NULL,
    CONSTRAINT platform_rate_bounded CHECK (core_hour_pico_usd BETWEEN 0 AND 1000000000000000)
);
COMMENT ON TABLE winnow.platform_rate IS
    'The price of one hour of one processor core, in pico-USD, for the days that begin at or after valid_from.';
INSERT INTO winnow.platform_rate (valid_from, core_hour_pico_usd) VALUES ('1970-01-01T00:00:00Z', 40000000000);

CREATE FUNCTION winnow.guard_platform_rate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' OR NEW.valid_from < now() THEN
        RAISE EXCEPTION 'a rate never changes and begins in the future' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION winnow.guard_platform_rate IS 'Rejects changes that would alter the rate of the past.';
REVOKE ALL ON FUNCTION winnow.guard_platform_rate FROM PUBLIC;
CREATE TRIGGER platform_rate_guarded BEFORE INSERT OR UPDATE OR DELETE ON winnow.platform_rate
    FOR EACH ROW EXECUTE FUNCTION winnow.guard_platform_rate();
