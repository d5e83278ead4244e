#!/bin/sh
# Run by the postgres image once, on an empty volume: a role for each system, which owns its databases and sees no other.
psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --no-psqlrc --quiet \
  --set ON_ERROR_STOP=1 \
  --set temporal_password="${TEMPORAL_DB_PASSWORD:?}" \
  --set placet_password="${DATABASE_PASSWORD:?}" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE ROLE placet LOGIN PASSWORD :'placet_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE placet OWNER placet;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, placet FROM PUBLIC;
SQL
