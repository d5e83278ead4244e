#!/bin/sh
# Bring Temporal's two databases to the schema of this version of its tools; safe to repeat. SQL_PASSWORD is given.
set -eu

tool() {
  temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal "$@"
}

versions=/etc/temporal/schema/postgresql/v12
tool --db temporal setup-schema -v 0.0
tool --db temporal update-schema -d "$versions/temporal/versioned"
tool --db temporal_visibility setup-schema -v 0.0
tool --db temporal_visibility update-schema -d "$versions/visibility/versioned"
