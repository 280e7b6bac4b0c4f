"""Alembic's entry: one connection, given by `handrail.store.migrate`, one transaction for all revisions."""

from alembic import context

from handrail.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        # replicas start together: one migrates, the others then find it done
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('handrail/migrate', 0))")
    context.run_migrations()
