"""What is alike for every table: connections, statements, errors, the schema."""
