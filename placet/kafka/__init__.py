"""Events of customers from Kafka."""
