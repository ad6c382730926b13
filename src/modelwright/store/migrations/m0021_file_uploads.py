"""Step 0021: files that come in parts."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Parts are blobs; what is put together of them is a dataset."""
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)


_STATEMENTS = (
    """CREATE TABLE file_uploads (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        purpose TEXT NOT NULL,
        size BIGINT NOT NULL,
        media_type TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        state TEXT NOT NULL,
        keep_seconds BIGINT,
        file TEXT NOT NULL
    )""",
    """CREATE TABLE upload_parts (
        id TEXT PRIMARY KEY,
        upload TEXT NOT NULL REFERENCES file_uploads (id),
        digest TEXT NOT NULL,
        size BIGINT NOT NULL,
        created_at BIGINT NOT NULL
    )""",
    "CREATE INDEX parts_by_upload ON upload_parts (upload)",
)
