"""Whether people look before they decide: the stories of their decisions, and the report over them."""
