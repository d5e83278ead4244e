"""A run told to somebody who has never seen the system, and who may know nothing of the customer."""
