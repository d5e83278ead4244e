"""What keeps an installation alive: API, doctor, supervisor."""
