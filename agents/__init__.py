"""The applications, one folder each, and the inference layer they share."""
