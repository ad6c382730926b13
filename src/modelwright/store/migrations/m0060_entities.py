"""Step 0060: things beside models that one dialect alone knows."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Make the table, and the index that keeps an alias one's own."""
    connection.exec_driver_sql(
        """CREATE TABLE entities (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            account TEXT NOT NULL,
            owner TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            content TEXT NOT NULL,
            alias TEXT,
            PRIMARY KEY (kind, id)
        )"""
    )
    connection.exec_driver_sql("CREATE UNIQUE INDEX entities_alias ON entities (kind, account, alias)")
    connection.exec_driver_sql("CREATE INDEX entities_listed ON entities (kind, account, created_at)")
