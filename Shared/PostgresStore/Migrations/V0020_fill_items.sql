-- An item may take its text from an answer of another step. The aggregator writes the text when it dispatches the step.

COMMENT ON COLUMN winnow.step.items IS
    'The items. One that takes its text from an answer names it (from, item, select), and has no text before the step is dispatched.';

INSERT INTO winnow.role_grant (role, privilege) VALUES ('winnow_aggregator', 'UPDATE (items) ON winnow.step');
SELECT winnow.grant_roles();
