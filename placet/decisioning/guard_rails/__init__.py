"""What a guard rail says at one look, however often it is looked at. Pure arithmetic."""
