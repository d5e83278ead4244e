"""Nothing passes the gate that a person did not sign, or a policy they signed."""
