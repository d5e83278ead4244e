"""Messages about churn models: what a table's columns mean, what a model is, what it says of a customer."""
