"""Step 0010: answers that are kept for who asked."""

from typing import Final

from sqlalchemy import Connection

_BYTES: Final = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def apply(connection: Connection) -> None:
    """Make the table, and the index by which old ones are found."""
    connection.exec_driver_sql(
        f"""CREATE TABLE responses (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            previous TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            content {_BYTES[connection.dialect.name]} NOT NULL
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX responses_kept ON responses (created_at)")
