"""Commands about the live state of customers: events and states, cohorts, key figures."""
