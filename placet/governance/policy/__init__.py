"""Policy: Cedar sets, the questions put to them, the terms they answer with."""
