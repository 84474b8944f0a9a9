"""Alembic's environment for every history: the runner in `migrate.py` hands over the connection.

Alembic runs this file by its path; nothing imports it.
"""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    render_as_batch=True,
    on_version_apply=attributes["after_revision"],
)
context.run_migrations()
