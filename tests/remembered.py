"""What this process has read or made before, and need not work out again."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect

from ivr.config.document import Document


def composed(compose: Callable[[Document, str], None]) -> Callable[[Document, str], None]:
    """The values of a text that was read before. A text with a mistake is always read anew."""
    known: dict[str, tuple[bytes, dict[Any, Any], dict[Any, Any], set[Any], dict[Any, Any]]] = {}

    def compose_once(document: Document, text: str) -> None:
        if text not in known:
            compose(document, text)
            if not document.mistakes:
                known[text] = (
                    pickle.dumps(document.value),
                    dict(document.values),
                    dict(document.keys),
                    set(document.spoiled),
                    dict(document.traps),
                )
            return
        value, values, keys, spoiled, traps = known[text]
        document.value = pickle.loads(value)
        document.values.update(values)
        document.keys.update(keys)
        document.spoiled |= spoiled
        document.traps.update(traps)

    return compose_once


def migrated(
    upgrade: Callable[[Connection, str, str], None],
) -> Callable[[Connection, str, str], None]:
    """The same statements as Alembic ran in the first empty database of the kind: putting them
    together takes ten times as long as to run them."""
    known: dict[tuple[str, str], list[tuple[str, Any]]] = {}

    def upgrade_once(connection: Connection, name: str, to: str) -> None:
        kind = (connection.dialect.name, to)
        if inspect(connection).get_table_names():
            upgrade(connection, name, to)
        elif kind in known:
            for statement, words in known[kind]:
                connection.exec_driver_sql(statement, words or None)
        else:
            told: list[tuple[str, Any]] = []

            def tell(_connection: Any, _cursor: Any, statement: str, words: Any, *_: Any) -> None:
                told.append((statement, words))

            event.listen(connection, "before_cursor_execute", tell)
            try:
                upgrade(connection, name, to)
            finally:
                event.remove(connection, "before_cursor_execute", tell)
            known[kind] = [
                (statement, words)
                for statement, words in told
                if statement.lstrip().upper().startswith(("CREATE", "INSERT", "UPDATE", "ALTER"))
            ]

    return upgrade_once


def compiled(engine: Callable[..., Engine]) -> Callable[..., Engine]:
    """All indexes on SQLite have one dialect and one store of compiled statements: SQLAlchemy
    would compile each statement anew for each of them."""
    shared = create_engine("sqlite://")
    shared.connect().close()  # the dialect learns what its SQLite can do

    def engine_of(*words: Any) -> Engine:
        made = engine(*words)
        if made.dialect.name == "sqlite":
            made.dialect = made.pool._dialect = shared.dialect
            made._compiled_cache = shared._compiled_cache
        return made

    return engine_of
