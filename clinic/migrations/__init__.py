"""Alembic migrations, run by `clinic.store.open_store`."""
