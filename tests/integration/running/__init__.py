"""What keeps an installation alive: doctor, supervisor, what is waited for."""
