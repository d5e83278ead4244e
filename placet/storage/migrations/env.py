"""What Alembic runs: the migrations, on the connection and inside the transaction that the caller opened."""

from alembic import context

from placet.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll DDL back as PostgreSQL can; Alembic only assumes that it cannot.
    transactional_ddl=True,
)
context.run_migrations()
