"""The text of a strategy as a form for people who write no YAML: fields out of a text, and a text out of fields."""
