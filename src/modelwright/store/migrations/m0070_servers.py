"""Step 0070: which servers there are, and which has a run or prompt in hand."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """What is in hand by now is in nobody's: no server was written down before."""
    connection.exec_driver_sql("CREATE TABLE servers (id TEXT NOT NULL PRIMARY KEY, until BIGINT NOT NULL)")
    for table in ("runs", "prompts"):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN holder TEXT NOT NULL DEFAULT ''")
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN wanted TEXT NOT NULL DEFAULT ''")
