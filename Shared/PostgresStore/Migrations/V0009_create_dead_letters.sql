-- Decisions of operators about dead letters. A topic is append-only, so the decision about a dead letter is stored here.

-- written_at is part of the key: after a topic is created anew, as the embedded broker does at each start, the same offset is
-- another dead letter.
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
COMMENT ON TABLE winnow.dead_letter_disposition IS 'Dead letters that need no further action, by their position in the topic.';
COMMENT ON COLUMN winnow.dead_letter_disposition.written_at IS 'When the dead letter was written, to the millisecond.';
