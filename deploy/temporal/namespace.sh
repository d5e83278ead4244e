#!/bin/sh
# Create the namespace where it is missing. Temporal answers its port before it serves: try until it does.
set -eu

attempt=0
until temporal operator namespace describe --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" \
    --retention "$RETENTION" >/dev/null 2>&1; do
  attempt=$((attempt + 1))
  if [ "$attempt" -ge "${ATTEMPTS:-60}" ]; then
    echo "Temporal at $TEMPORAL_ADDRESS did not take namespace $TEMPORAL_NAMESPACE" >&2
    exit 1
  fi
  sleep 1
done
echo "namespace $TEMPORAL_NAMESPACE is there"
