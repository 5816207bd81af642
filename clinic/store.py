"""The clinic's database: SQLite in one file, brought to the present schema when it is opened.

`synchronous=FULL` with a write-ahead log: what a caller was told is saved survives a power cut.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import alembic.command
import alembic.config
import alembic.runtime.migration
import alembic.script
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clinic.errors import StoreError

__all__ = ["Store", "open_store"]

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_BEGIN_OPTION: Final = "stillwater_begin"


class Store:
    """An open database. Methods of its users block on the disk: call them from a worker thread.

    Close it with `close()` when the server goes.
    """

    def __init__(self, engine: Engine) -> None:
        self._readers = engine
        # A write takes its lock at once, so that reading first and writing then cannot fail half-way.
        self._writers = engine.execution_options(**{_BEGIN_OPTION: "BEGIN IMMEDIATE"})

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reading."""
        with Session(self._readers) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session whose changes are on the disk when the block ends, and undone if it raises."""
        with Session(self._writers) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self._readers.dispose()


def open_store(path: Path) -> Store:
    """Open (or make) the database at `path` and bring it to the present schema.

    A new file can be read by its owner alone.

    Raises:
        StoreError: not a database, not writable, or written by a newer version of Stillwater.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 5.0})
    _prepare_sqlite(engine)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        _migrate(engine)
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"database must be a readable and writable SQLite file, {path.name}: {cause}"
        ) from error
    except StoreError:
        engine.dispose()
        raise
    return Store(engine)


def _prepare_sqlite(engine: Engine) -> None:
    """Set the pragmas of every connection, and let SQLAlchemy, not `sqlite3`, open transactions (DDL too)."""

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}").close()

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN_OPTION, "BEGIN"))

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)


def _migrate(engine: Engine) -> None:
    """Run the migrations that the database has not had, all in one transaction."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {
        script.revision for script in alembic.script.ScriptDirectory.from_config(config).walk_revisions()
    }
    with engine.begin() as connection:
        context = alembic.runtime.migration.MigrationContext.configure(connection)
        present = context.get_current_revision()
        if present is not None and present not in known:
            raise StoreError(
                f"database schema must be one of {', '.join(sorted(known))}, got {present!r}: "
                "it was written by a newer Stillwater"
            )
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
