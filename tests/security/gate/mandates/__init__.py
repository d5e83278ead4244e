"""What a person signed beforehand."""
