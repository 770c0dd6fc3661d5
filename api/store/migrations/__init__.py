"""Run by Alembic, in order."""
