"""Step 0007: a revision has a card beside its spec, and can be hidden."""

from typing import Final

from sqlalchemy import Connection

_BYTES: Final = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def apply(connection: Connection) -> None:
    """No revision had a card before; none is touched."""
    content = _BYTES[connection.dialect.name]
    connection.exec_driver_sql(f"CREATE TABLE cards (digest TEXT PRIMARY KEY, canonical {content} NOT NULL)")
    connection.exec_driver_sql("ALTER TABLE revisions ADD COLUMN card_digest TEXT")
    connection.exec_driver_sql(
        """CREATE TABLE hidden_revisions (
            model_id BIGINT NOT NULL REFERENCES models (id),
            number BIGINT NOT NULL,
            PRIMARY KEY (model_id, number)
        )"""
    )
