"""How fast customers are drawn and decided for, by strategies that are handed over and by published ones."""
