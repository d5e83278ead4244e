"""Pages of what is known of customers now: state, profile, cohorts, key figures, models."""
