"""What this program tells about itself: traces (OTLP), metrics (Prometheus), and what ties log lines to traces."""
