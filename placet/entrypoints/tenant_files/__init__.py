"""What a tenant's own files say, or the defaults in their stead: policies and contact policies."""
