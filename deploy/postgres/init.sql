-- Runs once, when the server of docker-compose.yml is empty. The platform's role owns its database and nothing else: it
-- is no superuser, so that a mistake in the platform can neither read files nor run programs on the server.
\set ON_ERROR_STOP on
\getenv password DATABASE_PASSWORD
CREATE ROLE dataflow LOGIN PASSWORD :'password';
CREATE DATABASE dataflow OWNER dataflow ENCODING 'UTF8';
REVOKE CONNECT ON DATABASE dataflow FROM PUBLIC;
