"""What the API serves, one module for each kind of thing; a capability is a module here and a line in `app`."""
