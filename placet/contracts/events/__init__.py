"""What happens to customers, as events: CloudEvents 1.0, one class for each kind."""
