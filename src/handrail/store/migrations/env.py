"""Alembic's entry: one connection, given by `handrail.store.migrate`, one transaction for all revisions."""

from alembic import context

from handrail.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
