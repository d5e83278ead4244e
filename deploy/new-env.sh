#!/bin/sh
# Print fresh secrets for docker-compose.yml:  sh deploy/new-env.sh > deploy/.env
# Keep the file: PAYLOAD_KEY decrypts the histories, and the passwords are in the database from its first start.
set -eu

secret() {
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

for name in POSTGRES_PASSWORD TEMPORAL_DB_PASSWORD DATABASE_PASSWORD PAYLOAD_KEY PLACET_API_TOKEN PLACET_BSS_TOKEN \
  PLACET_METRICS_TOKEN; do
  printf '%s=%s\n' "$name" "$(secret)"
done
