"""Commands about models: the one that is embedded, and those that say who may leave."""
