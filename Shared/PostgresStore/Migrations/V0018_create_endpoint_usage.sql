-- What a call of a model behind HTTP tells about its tokens beyond their number.

ALTER TABLE winnow.attempt
    ADD COLUMN cached_input_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN is_estimated boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN winnow.attempt.cached_input_tokens IS
    'Those of input_tokens that the server had cached, which usually cost less.';
COMMENT ON COLUMN winnow.attempt.is_estimated IS
    'Whether the tokens are our own count, because the server told none, or because the answer was lost.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_escalator', 'UPDATE (cached_input_tokens, is_estimated) ON winnow.attempt');
SELECT winnow.grant_roles();
