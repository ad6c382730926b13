"""Step 0002: a revision says which prompt template it has; none had one before."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Add the column, without touching a row."""
    connection.exec_driver_sql("ALTER TABLE revisions ADD COLUMN template_digest TEXT")
