"""What Alembic runs: on the connection that it is given, within the transaction of its owner."""

from alembic import context

from ivr.retention.index.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a table by making it anew.
    render_as_batch=True,
)
context.run_migrations()
