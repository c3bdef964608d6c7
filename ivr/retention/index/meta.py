"""What the index knows of itself: its id, the latest clock, the schedule in force."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from ivr.retention.index.database import Database
from ivr.retention.index.tables import meta


class Meta:
    """Texts by key; which there are is told at the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, within: Connection | None = None) -> str | None:
        """The text; None where there is none. Raises StoreError."""
        with self._database.reading(within) as connection:
            return connection.scalar(select(meta.c.value).where(meta.c.key == key))

    def set(self, key: str, value: str, within: Connection | None = None) -> None:
        """Durable when it returns, or with the transaction that is given. Raises StoreError."""
        with self._database.writing(within) as connection:
            change = update(meta).where(meta.c.key == key).values(value=value)
            if not connection.execute(change).rowcount:
                connection.execute(insert(meta).values(key=key, value=value))

    def drop(self, key: str, within: Connection | None = None) -> None:
        """Have none. Raises StoreError."""
        with self._database.writing(within) as connection:
            connection.execute(delete(meta).where(meta.c.key == key))
