"""Who may do what over HTTP: tokens that administrators sign, and Cedar's answer for each request."""
