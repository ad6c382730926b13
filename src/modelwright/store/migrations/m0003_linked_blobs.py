"""Step 0003: which blobs are one file with another, that may be changed."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Make the table; `modified` is in nanoseconds since 1970."""
    connection.exec_driver_sql(
        """CREATE TABLE linked_blobs (
            digest TEXT PRIMARY KEY,
            device BIGINT NOT NULL,
            inode BIGINT NOT NULL,
            size BIGINT NOT NULL,
            modified BIGINT NOT NULL
        )"""
    )
