-- What operators have decided about dead letters. A topic only grows, so what became of a dead letter is a row beside it.

-- The instant is part of the key: where a topic was made anew, as the embedded broker's are at each start, the same offset is
-- another letter.
CREATE TABLE winnow.dead_letter_disposition (
    topic text COLLATE "C" NOT NULL,
    partition_id integer NOT NULL,
    record_offset bigint NOT NULL,
    written_at timestamptz NOT NULL,
    disposition text COLLATE "C" NOT NULL,
    disposed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition_id, record_offset, written_at),
    CONSTRAINT dead_letter_disposition_known CHECK (disposition IN ('replayed', 'discarded'))
);
COMMENT ON TABLE winnow.dead_letter_disposition IS 'Dead letters that need nobody any more, by their place in the topic.';
COMMENT ON COLUMN winnow.dead_letter_disposition.written_at IS 'When the dead letter was written, to the millisecond.';
