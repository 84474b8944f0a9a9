"""The Alembic history of the library's tables; the runner finds it by name."""
