-- The escalator asks endpoints in the words of the version of the catalog that accepted a request.
INSERT INTO winnow.role_grant (role, privilege) VALUES ('winnow_escalator', 'SELECT ON winnow.catalog_version');
SELECT winnow.grant_roles();
