"""Step 0063: what is told of a group and of a user, beside what they may."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Nothing was told of anybody before."""
    for table in ("groups_of_people", "principals"):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN extras TEXT NOT NULL DEFAULT '{{}}'")
    connection.exec_driver_sql("ALTER TABLE groups_of_people ADD COLUMN description TEXT NOT NULL DEFAULT ''")
