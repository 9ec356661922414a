-- What the router would have said of the items that it was not sure of. It belongs to the step: a routing that is emitted again
-- carries it again.
ALTER TABLE winnow.step ADD COLUMN guesses json;
COMMENT ON COLUMN winnow.step.guesses IS 'Of a routing one an item: the router''s answer where it was not sure; null for every other step.';
