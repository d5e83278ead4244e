"""What stands before every page: limits of attempts and of bodies, headers of answers, and cookies."""
