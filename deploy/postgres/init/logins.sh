#!/bin/sh
# Runs once, when the database's folder is made: a login that migrates and one for the running parts. Neither is a superuser.
# Afterwards the superuser has no password: it gets in through the container's own socket alone
# (docker compose exec postgres psql -U postgres taskbell).
set -eu
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-taskbell}" <<'SQL'
\getenv migrate_password POSTGRES_PASSWORD
\getenv app_password DATABASE_PASSWORD
set password_encryption = 'scram-sha-256';
create role taskbell_migrator login createrole password :'migrate_password';
create role taskbell_app login password :'app_password';
comment on role taskbell_migrator is 'Login that migrates Taskbell''s schema and makes its roles; no superuser.';
comment on role taskbell_app is 'Login of Taskbell''s running parts and of make psql; owner of nothing.';
grant pg_read_all_stats to taskbell_migrator with admin option; -- to hand on: how old is the oldest transaction?
alter database taskbell owner to taskbell_migrator;
alter role postgres password null;
SQL
