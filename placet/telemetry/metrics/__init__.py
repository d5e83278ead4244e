"""What Prometheus is told: gauges read from the database and Temporal, counters followed along the record."""
