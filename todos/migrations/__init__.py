"""The Alembic history of the application's own table."""
