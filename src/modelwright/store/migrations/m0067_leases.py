"""Step 0067: what is taken of the quotas that several servers count together."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Make the table, and the indexes for one principal's and for one server's."""
    connection.exec_driver_sql(
        """CREATE TABLE leases (
            id TEXT NOT NULL PRIMARY KEY,
            principal_id TEXT NOT NULL,
            quota TEXT NOT NULL,
            weight BIGINT NOT NULL,
            until BIGINT NOT NULL,
            holder TEXT NOT NULL
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX leases_of_principal ON leases (principal_id, quota, until)")
    connection.exec_driver_sql("CREATE INDEX leases_of_holder ON leases (holder)")
