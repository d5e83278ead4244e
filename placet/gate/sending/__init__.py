"""What is asked immediately before an effect and after it: may it be sent, and what became of it."""
